import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.config_updates import file_watch
from app.config_updates.component import DynamicConfigComponent
from app.config_updates.errors import NoValuesError
from app.config_updates.file_updater import DynamicConfigFileUpdaterComponent
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.dynamic_config.variable import Variable
from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig
from app.task_processors.component import TaskProcessorsComponent
from tests.helpers.clients import TIMEOUT
from tests.helpers.hanging_files import HangingFiles
from tests.helpers.service_process import wait_until

COUNT = Variable("COUNT", int, 7, description="How many.", reader="a test")

MANAGER = ManagerConfig.model_validate(
    {
        "task_processors": {
            "main-task-processor": {"worker_threads": 1},
            "fs-task-processor": {"worker_threads": 1},
        },
        "default_task_processor": "main-task-processor",
    }
)

Updater = Callable[..., DynamicConfigFileUpdaterComponent]


@pytest.fixture
def source() -> Source:
    return Source([COUNT], Snapshot({"COUNT": 1}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "values.json"


@pytest.fixture
async def updater(source: Source, path: Path, tmp_path: Path) -> AsyncIterator[Updater]:
    """Makes an updater, which ends with the test."""
    processors = TaskProcessorsComponent(MANAGER)
    made: list[DynamicConfigFileUpdaterComponent] = []

    def make(*, cached: bool = False, **options: object) -> DynamicConfigFileUpdaterComponent:
        cache = str(tmp_path / "cache.json") if cached else ""
        config = DynamicConfigComponent.Config(
            updates_enabled=True, fs_cache_path=cache, fs_task_processor="fs-task-processor"
        )
        made.append(
            DynamicConfigFileUpdaterComponent(
                DynamicConfigFileUpdaterComponent.Config.model_validate(
                    {"path": str(path), **options}
                ),
                "updater",
                DynamicConfigComponent(config, source, processors),
            )
        )
        return made[-1]

    yield make
    for each in made:
        await each.stop()
    await processors.stop()


async def until_count_is(source: Source, count: int) -> None:
    """Wait until the source has this value."""
    has_it = asyncio.Event()

    def look(snapshot: Snapshot) -> None:
        if snapshot[COUNT] == count:
            has_it.set()

    subscription = source.subscribe(look, COUNT)
    async with asyncio.timeout(TIMEOUT):
        await has_it.wait()
    subscription.cancel()


def put(path: Path, **values: object) -> None:
    path.write_text(json.dumps(values))


async def test_values_of_the_file_are_there_at_the_start(
    updater: Updater, source: Source, path: Path
) -> None:
    put(path, COUNT=2)

    await updater().start()

    assert source.snapshot[COUNT] == 2
    assert source.status().origin == str(path)


async def test_changes_of_the_file_come_to_the_source(
    updater: Updater, source: Source, path: Path
) -> None:
    put(path, COUNT=2)
    await updater(**{"check-interval": "1h"}).start()

    put(path, COUNT=3)
    await until_count_is(source, 3)
    put(path)
    await until_count_is(source, 1)


async def test_changes_that_nothing_tells_of_are_found_by_the_check(
    updater: Updater, source: Source, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(file_watch, "RustNotify", fail)
    put(path, COUNT=2)
    await updater(**{"check-interval": "10ms"}).start()

    for count in (3, 4):
        put(path, COUNT=count)
        await until_count_is(source, count)


async def test_changes_that_nothing_tells_of_come_when_it_is_told_to_update_now(
    updater: Updater, source: Source, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(file_watch, "RustNotify", fail)
    put(path, COUNT=2)
    updating = updater(**{"check-interval": "1h"})
    updating.update_now()  # too early, and harmless
    await updating.start()

    for count in (3, 4):
        put(path, COUNT=count)
        updating.update_now()
        await until_count_is(source, count)
    await updating.stop()
    updating.update_now()


async def test_bad_values_are_refused_and_later_good_ones_are_taken(
    updater: Updater, source: Source, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(path, COUNT=2)
    await updater(**{"check-interval": "10ms"}).start()
    put(path, COUNT="many")
    await asyncio.to_thread(wait_until, lambda: source.status().error is not None, TIMEOUT)

    error = source.status().error
    assert error is not None
    assert error.text == f"{path}:1: COUNT: expected a whole number (got 'many')"
    assert source.snapshot[COUNT] == 2
    put(path, COUNT=3)
    await until_count_is(source, 3)
    assert source.status().error is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_there_is_no_start_without_the_file(updater: Updater, path: Path) -> None:
    with pytest.raises(NoValuesError, match=r"values\.json: No such file or directory"):
        await updater().start()


async def test_start_without_the_file_is_made_with_the_cache(
    updater: Updater, source: Source, tmp_path: Path
) -> None:
    put(tmp_path / "cache.json", COUNT=5)

    await updater(cached=True).start()

    assert source.snapshot[COUNT] == 5


async def test_values_of_the_file_are_kept_in_the_cache(
    updater: Updater, path: Path, tmp_path: Path
) -> None:
    put(path, COUNT=2)

    await updater(cached=True).start()

    assert json.loads((tmp_path / "cache.json").read_text()) == {"COUNT": 2}


async def test_start_without_the_file_may_be_allowed_and_the_file_may_come_later(
    updater: Updater, source: Source, path: Path
) -> None:
    await updater(**{"first-update-fail-ok": True, "check-interval": "1h"}).start()
    assert source.snapshot[COUNT] == 1

    put(path, COUNT=2)
    await until_count_is(source, 2)


def is_reading() -> bool:
    return any(each.name == "values-file" for each in threading.enumerate())


async def test_file_is_followed_where_the_current_folder_has_been_replaced(
    updater: Updater, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)
    put(folder / "values.json", COUNT=2)
    await updater(**{"path": "values.json", "check-interval": "1h"}).start()
    assert source.snapshot[COUNT] == 2

    shutil.rmtree(folder)
    folder.mkdir()
    put(folder / "values.json", COUNT=3)

    await until_count_is(source, 3)
    monkeypatch.chdir(tmp_path)


async def test_stop_does_not_wait_for_a_read_that_hangs(
    updater: Updater, source: Source, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, COUNT=2)
    updating = updater(**{"check-interval": "1h"})
    await updating.start()
    hanging = HangingFiles(monkeypatch)
    updating.update_now()
    await asyncio.to_thread(wait_until, is_reading, TIMEOUT)

    async with asyncio.timeout(TIMEOUT):
        await updating.stop()
    assert is_reading()
    hanging.go_on()

    assert source.snapshot[COUNT] == 2


def test_updates_have_to_be_enabled(source: Source) -> None:
    config = DynamicConfigFileUpdaterComponent.Config(path=Path("values.json"))
    dynamic_config = DynamicConfigComponent(
        DynamicConfigComponent.Config(), source, TaskProcessorsComponent(MANAGER)
    )

    with pytest.raises(OptionError, match="updates-enabled: true"):
        DynamicConfigFileUpdaterComponent(config, "updater", dynamic_config)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"path": 1},
        {"path": "v", "check-interval": "0s"},
        {"path": "v", "check-interval": "25h"},
        {"path": "v", "interval": 1},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DynamicConfigFileUpdaterComponent.Config.model_validate(options)
