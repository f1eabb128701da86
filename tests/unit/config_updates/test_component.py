import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from app.config_updates.component import DynamicConfigComponent
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig
from app.task_processors.component import TaskProcessorsComponent
from tests.helpers.clients import TIMEOUT

MANAGER = ManagerConfig.model_validate(
    {
        "task_processors": {
            "main-task-processor": {"worker_threads": 1},
            "fs-task-processor": {"worker_threads": 1},
        },
        "default_task_processor": "main-task-processor",
    }
)


def component(**options: object) -> DynamicConfigComponent:
    config = DynamicConfigComponent.Config.model_validate(options)
    return DynamicConfigComponent(
        config, Source((), Snapshot({})), TaskProcessorsComponent(MANAGER)
    )


def test_there_is_no_cache_without_a_path() -> None:
    assert component(**{"fs-cache-path": ""}).cache is None


def test_cache_needs_a_pool_of_threads() -> None:
    with pytest.raises(OptionError, match=r"^fs-task-processor: required with fs-cache-path"):
        component(**{"fs-cache-path": "cache.json"})


def test_pool_of_the_cache_must_be_there() -> None:
    with pytest.raises(OptionError, match=r"^fs-task-processor: task processor 'main-"):
        component(**{"fs-cache-path": "cache.json", "fs-task-processor": "main-task-processor"})


def test_cache_is_where_the_option_says(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cache").resolve() / "cache.json"

    cache = component(
        **{"fs-cache-path": str(path), "fs-task-processor": "fs-task-processor"}
    ).cache

    assert cache is not None
    assert cache.file.path == path


def test_updates_that_nobody_makes_are_probably_not_meant() -> None:
    options = {
        "updates-enabled": True,
        "fs-cache-path": "c",
        "fs-task-processor": "fs-task-processor",
    }

    assert [option for option, _ in component(**options).warnings()] == [
        ("updates-enabled",),
        ("fs-cache-path",),
    ]


def test_updates_have_one_updater() -> None:
    dynamic_config = component(**{"updates-enabled": True})
    dynamic_config.register_updater("first", lambda: None)

    with pytest.raises(OptionError, match="there can be one updater, and there is 'first'"):
        dynamic_config.register_updater("second", lambda: None)


def test_updater_needs_updates_that_are_enabled() -> None:
    with pytest.raises(OptionError, match="an updater needs 'updates-enabled: true'"):
        component().register_updater("updater", lambda: None)


# SIGUSR2


@pytest.fixture
async def started() -> AsyncIterator[list[DynamicConfigComponent]]:
    """Takes components that have been started; in the end SIGUSR2 is what it was."""
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    started: list[DynamicConfigComponent] = []
    yield started
    for each in started:
        await each.stop()
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
    signal.signal(signal.SIGUSR2, before)


async def test_signal_lets_the_updater_update_now(
    started: list[DynamicConfigComponent], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told = asyncio.Event()
    dynamic_config = component(**{"updates-enabled": True})
    dynamic_config.register_updater("updater", told.set)
    await dynamic_config.start()
    started.append(dynamic_config)

    for _ in range(2):
        signal.raise_signal(signal.SIGUSR2)
        async with asyncio.timeout(TIMEOUT):
            await told.wait()
        told.clear()

    assert caplog.messages == ["SIGUSR2: updater updates the dynamic config now"] * 2


async def test_signal_without_an_updater_is_only_logged(
    started: list[DynamicConfigComponent], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    dynamic_config = component()
    await dynamic_config.start()
    started.append(dynamic_config)

    signal.raise_signal(signal.SIGUSR2)
    seen = asyncio.Event()
    asyncio.get_running_loop().call_soon(seen.set)
    await seen.wait()

    assert caplog.messages == [
        "SIGUSR2: nothing to do, no updater of the dynamic config has a section"
    ]


async def test_signal_after_the_stop_does_what_it_did_before(
    started: list[DynamicConfigComponent], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    dynamic_config = component()
    await dynamic_config.start()
    await dynamic_config.stop()

    signal.raise_signal(signal.SIGUSR2)
    await asyncio.sleep(0)

    assert caplog.messages == []
