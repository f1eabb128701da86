import asyncio
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.logs.component import LoggingComponent
from app.logs.config import LoggingConfig
from app.logs.handler import WriterHandler
from app.logs.loggers import Loggers
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG as VARIABLE
from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig
from app.task_processors.component import TaskProcessorsComponent
from app.tracing.component import TracerComponent
from tests.helpers.documents import plain_document

TIMEOUT = 10.0

NO_PLACES: dict[str, object] = {"force-enabled": [], "force-disabled": []}
HERE = "tests/unit/logs/test_component.py"

log = logging.getLogger("app.test")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Loggers and signals belong to the whole process: each test leaves them as they were."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    yield
    left = Loggers.of_process()
    if left is not None:
        left.uninstall(TIMEOUT)
    undone = signal.signal(signal.SIGUSR1, before)
    assert left is None
    assert undone is signal.SIG_IGN


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Loggers]:
    """Loggers that somebody has installed before the component starts."""
    loggers = Loggers(config(tmp_path / "early").loggers)
    loggers.install(for_process=True)
    yield loggers
    loggers.uninstall(TIMEOUT)


def config(path: Path, **options: object) -> LoggingConfig:
    logger = {"file_path": str(path), "format": "json", "flush_level": "none"}
    return LoggingConfig.model_validate({"loggers": {"default": logger}, **options})


def task_processors() -> TaskProcessorsComponent:
    return TaskProcessorsComponent(
        ManagerConfig.model_validate(
            {
                "task_processors": {
                    "main-task-processor": {"worker_threads": 1},
                    "fs-task-processor": {"worker_threads": 1},
                },
                "default_task_processor": "main-task-processor",
            }
        )
    )


def component(
    path: Path, *, tracer: TracerComponent | None = None, source: Source | None = None
) -> LoggingComponent:
    return LoggingComponent(config(path), task_processors(), source or values(), tracer)


def values(**places: object) -> Source:
    """Return a source in which these places have levels of their own."""
    fallback = Snapshot({VARIABLE.name: VARIABLE.parse({**NO_PLACES, **places})})
    return Source([VARIABLE], fallback)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def texts(path: Path) -> list[str]:
    return [line["text"] for line in lines(path)]


async def stop(logging_component: LoggingComponent) -> None:
    await asyncio.wait_for(logging_component.stop(), TIMEOUT)


async def test_lines_are_written_between_start_and_stop_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    root = logging.getLogger()
    before = (root.level, root.propagate, root.handlers[:], set(threading.enumerate()))
    logs = component(tmp_path / "log")
    log.info("too early")

    await logs.start()
    assert any(isinstance(each, WriterHandler) for each in root.handlers)
    assert Loggers.of_process() is None
    log.info("hello")
    await stop(logs)
    log.info("too late")

    assert texts(tmp_path / "log") == ["hello"]
    assert (root.level, root.propagate, root.handlers) == before[:3]
    assert {each for each in threading.enumerate() if each.name.startswith("log-")} <= before[3]


def test_making_it_opens_nothing_and_starts_nothing(tmp_path: Path) -> None:
    """It is also made where a config is only checked, and where nobody runs the lifespan."""
    before = threading.enumerate()

    component(tmp_path / "folder" / "log")

    assert LoggingComponent.needs_lifespan
    assert threading.enumerate() == before
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize(
    ("tracer", "service"),
    [
        (None, None),
        ({}, None),
        ({"service-name": "websocket-server"}, "websocket-server"),
    ],
)
async def test_lines_carry_the_service_name_of_the_tracer(
    tmp_path: Path, tracer: dict[str, str] | None, service: str | None
) -> None:
    made = None if tracer is None else TracerComponent(TracerComponent.Config(**tracer))  # type: ignore[arg-type]
    logs = component(tmp_path / "log", tracer=made)
    await logs.start()
    log.info("hello")
    await stop(logs)

    (line,) = lines(tmp_path / "log")
    assert line.get("service") == service


@pytest.mark.parametrize("name", ["nobody", "main-task-processor"])
def test_task_processor_that_is_no_pool_is_refused_with_its_option(
    tmp_path: Path, name: str
) -> None:
    options = config(tmp_path / "log", **{"fs-task-processor": name})

    with pytest.raises(OptionError) as caught:
        LoggingComponent(options, task_processors(), values())

    ((option, text),) = caught.value.refusals.items()
    assert option == ("fs-task-processor",)
    assert f"task processor '{name}'" in text
    assert "there are: fs-task-processor" in text


@pytest.mark.parametrize("is_installed", [False, True])
async def test_pool_of_the_config_writes_until_the_stop(
    tmp_path: Path,
    is_installed: bool,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lines of the other components' stopping come after it; the pool may be gone by then."""
    if is_installed:
        request.getfixturevalue("installed")
    processors = task_processors()
    pool = processors.pool("fs-task-processor")
    written = threading.Event()
    submit = pool.submit

    def submit_and_tell(job: Callable[[], Any]) -> "Future[Any]":
        future = submit(job)
        future.add_done_callback(lambda _: written.set())
        return future

    monkeypatch.setattr(pool, "submit", submit_and_tell)
    options = config(tmp_path / "log", **{"fs-task-processor": "fs-task-processor"})
    logs = LoggingComponent(options, processors, values())
    await logs.start()
    log.info("hello")

    assert await asyncio.to_thread(written.wait, TIMEOUT)
    await stop(logs)
    await processors.stop()
    assert texts(tmp_path / ("early" if is_installed else "log")) == ["hello"]


async def test_loggers_that_are_there_stay_and_are_only_stopped(
    tmp_path: Path, installed: Loggers
) -> None:
    """A worker's own: its first lines come before the lifespan, its last ones after it."""
    logs = component(tmp_path / "log")
    log.info("before")
    await logs.start()
    assert logs.loggers is installed
    log.info("between")
    await stop(logs)

    assert texts(tmp_path / "early") == ["before", "between"]
    log.info("after")
    assert texts(tmp_path / "early") == ["before", "between", "after"]
    assert not (tmp_path / "log").exists()
    assert Loggers.of_process() is installed


async def test_signal_reopens_files_between_start_and_stop(tmp_path: Path) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)
    with path.open("r+b", buffering=0) as pipe:
        logs = component(path)
        await logs.start()
        log.info("old")
        assert json.loads(await asyncio.to_thread(pipe.readline))["text"] == "old"
        path.rename(tmp_path / "old")
        signal.raise_signal(signal.SIGUSR1)
        log.info("new")
        await stop(logs)

    assert texts(path) == ["new"]
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


@pytest.mark.usefixtures("installed")
async def test_signal_is_left_to_who_has_installed_the_loggers(tmp_path: Path) -> None:
    logs = component(tmp_path / "log")
    await logs.start()

    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    await stop(logs)


async def test_event_loop_goes_on_while_the_last_lines_wait_for_an_output_that_is_stalled(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "pipe").open("r+b", buffering=0):
        logs = component(tmp_path / "pipe")
        await logs.start()
        for _ in range(2000):
            log.info("x" * 100)
        stopping = asyncio.create_task(stop(logs))
        turns = 0
        while not stopping.done():
            await asyncio.sleep(0)
            turns += 1
        await stopping

    assert turns > 100
    assert logs.loggers.lost()["default"] > 0


async def test_two_in_one_process_log_to_their_own_files_whichever_stops_first(
    tmp_path: Path,
) -> None:
    first, second = component(tmp_path / "first"), component(tmp_path / "second")
    await first.start()
    await second.start()
    log.info("both")
    await stop(second)
    log.info("first")
    await stop(first)

    assert texts(tmp_path / "first") == ["both", "first"]
    assert texts(tmp_path / "second") == ["both"]


async def test_file_that_cannot_be_written_keeps_the_service_from_starting(tmp_path: Path) -> None:
    logs = component(tmp_path)

    with pytest.raises(OptionError, match="Is a directory"):
        await logs.start()


# Places of the dynamic config


def publish(source: Source, **places: object) -> None:
    source.update(plain_document("test", {VARIABLE.name: {**NO_PLACES, **places}}), "test")


@pytest.mark.parametrize("is_installed", [False, True])
async def test_places_are_logged_as_the_dynamic_config_says_from_start_to_stop(
    tmp_path: Path, is_installed: bool, request: pytest.FixtureRequest
) -> None:
    if is_installed:
        request.getfixturevalue("installed")
    source = values(**{"force-enabled": [HERE]})
    logs = component(tmp_path / "log", source=source)
    log.debug("before the start")

    await logs.start()
    log.debug("enabled by the fallback values")
    publish(source)
    log.debug("not enabled any more")
    log.info("not disabled")
    publish(source, **{"force-disabled": [HERE]})
    log.info("disabled")
    log.warning("disabled, but a warning")
    await stop(logs)

    assert texts(tmp_path / ("early" if is_installed else "log")) == [
        "enabled by the fallback values",
        "not disabled",
        "disabled, but a warning",
    ]


async def test_nobody_is_told_of_places_after_the_stop(tmp_path: Path) -> None:
    source = values()
    logs = component(tmp_path / "log", source=source)
    await logs.start()
    await stop(logs)
    before = logging.getLogger().level

    publish(source, **{"force-enabled": [""]})

    assert logging.getLogger().level == before


async def test_place_that_no_loaded_module_has_is_named_and_the_others_apply(
    tmp_path: Path,
) -> None:
    source = values()
    logs = component(tmp_path / "log", source=source)
    await logs.start()
    publish(source, **{"force-enabled": ["app/losg/", HERE]})
    log.debug("hello")
    await stop(logs)

    warning, hello = lines(tmp_path / "log")
    assert warning["level"] == "WARNING"
    assert warning["text"] == (
        "USERVER_LOG_DYNAMIC_DEBUG: 'app/losg/': no module that is loaded has a source file whose"
        " path begins with that; did you mean 'app/logs/'?"
    )
    assert hello["text"] == "hello"
