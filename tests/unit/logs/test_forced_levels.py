"""Places in the code with a level of their own, over the loggers of the standard library."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.logs.config import LoggerConfig
from app.logs.levels import TRACE, LevelName
from app.logs.loggers import Loggers
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG, DynamicDebug

TIMEOUT = 10.0
HERE = "tests/unit/logs/test_forced_levels.py"
ELSEWHERE = "uvicorn/server.py"

log = logging.getLogger("test.forced")


def config(**places: object) -> DynamicDebug:
    value = {"force_enabled": [], "force_disabled": [], **places}
    named = {name.replace("_", "-"): each for name, each in value.items()}
    return USERVER_LOG_DYNAMIC_DEBUG.parse(named)


class Log:
    """The loggers of a config, each with a file, and what is in the files."""

    def __init__(self, folder: Path, levels: dict[str, LevelName]) -> None:
        self._folder = folder
        configs = {
            name: LoggerConfig(file_path=str(folder / name), level=level, format="json")
            for name, level in levels.items()
        }
        self.loggers = Loggers(configs)
        self.loggers.install()

    def force(self, **places: object) -> None:
        self.loggers.force_levels(config(**places))

    def texts(self, name: str = "default") -> list[str]:
        """Return the texts that were logged; there will be no more."""
        self.loggers.uninstall(TIMEOUT)
        path = self._folder / name
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["text"] for line in lines]


Install = Callable[..., Log]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Installs the loggers of these levels, by name; all levels are put back at the end."""
    installed: list[Log] = []
    named = [logging.getLogger(name) for name in ("test", "test.forced", "test.forced.inner")]
    before = [each.level for each in named]

    def install(default: LevelName = "info", **levels: LevelName) -> Log:
        others = {name.replace("_", "."): level for name, level in levels.items()}
        installed.append(Log(tmp_path, {"default": default, **others}))
        return installed[-1]

    yield install
    for each in reversed(installed):
        each.loggers.uninstall(TIMEOUT)
    for logger, level in zip(named, before, strict=True):
        logger.setLevel(level)


def log_all(logger: logging.Logger, prefix: str = "") -> None:
    """Log a line of each level: all of them on the same line of this file."""
    for level in (TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logger.log(level, "%s%s", prefix, logging.getLevelName(level).lower())


ALL = ["trace", "debug", "info", "warning", "error"]
LOG_ALL_LINE = log_all.__code__.co_firstlineno + 3


def log_elsewhere(level: int, text: str, name: str = "test.forced") -> None:
    """Log a line of another file, if the logger makes records of this level."""
    logger = logging.getLogger(name)
    if logger.isEnabledFor(level):
        path = str(Path(__file__).parents[3] / ELSEWHERE)
        logger.handle(logger.makeRecord(name, level, path, 1, text, (), None))


@pytest.mark.parametrize(
    ("places", "texts"),
    [
        ({}, ["info", "warning", "error"]),
        ({"force_enabled": [HERE]}, ALL),
        ({"force_enabled_level": {HERE: "DEBUG"}}, ["debug", "info", "warning", "error"]),
        ({"force_disabled": [HERE]}, ["warning", "error"]),
        ({"force_disabled_level": {HERE: "NONE"}}, []),
        ({"force_enabled": [f"{HERE}:{LOG_ALL_LINE - 1}"]}, ["info", "warning", "error"]),
        ({"force_disabled": [f"{HERE}:{LOG_ALL_LINE}"]}, ["warning", "error"]),
        ({"force_enabled": ["/nowhere"]}, ["info", "warning", "error"]),
        ({"force_enabled": [str(Path(__file__).parent)], "force_disabled": [""]}, ALL),
    ],
)
def test_place_is_logged_as_the_config_says(
    install: Install, places: dict[str, object], texts: list[str]
) -> None:
    logs = install()
    logs.force(**places)

    log_all(log)

    assert logs.texts() == texts


@pytest.mark.parametrize("level", ["error", "critical", "none"])
def test_enabled_place_is_logged_whatever_the_level_of_the_logger_is(
    install: Install, level: LevelName
) -> None:
    logs = install(level)
    logs.force(force_enabled_level={HERE: "WARNING"})

    log_all(log)
    log_elsewhere(logging.WARNING, "elsewhere")

    assert logs.texts() == ["warning", "error"]


def test_other_places_are_logged_as_before(install: Install) -> None:
    logs = install()
    logs.force(force_enabled=[HERE])

    log_elsewhere(logging.DEBUG, "too low")
    log_elsewhere(logging.INFO, "hello")

    assert logs.texts() == ["hello"]


def test_logger_with_a_level_of_its_own_is_forced_and_else_keeps_it(install: Install) -> None:
    logs = install()
    log.setLevel(logging.ERROR)
    logging.getLogger("test.forced.inner").setLevel(logging.DEBUG)

    logs.force(force_enabled_level={HERE: "DEBUG"})
    log_all(log, "forced: ")
    log_elsewhere(logging.WARNING, "too low", "test.forced")
    log_elsewhere(logging.ERROR, "hello", "test.forced")
    log_elsewhere(logging.DEBUG, "too low for the handler", "test.forced.inner")
    log_elsewhere(logging.INFO, "talkative", "test.forced.inner")
    log_elsewhere(logging.WARNING, "too low", "test.forced.unknown")
    logs.force()
    log_all(log, "not forced: ")

    assert logs.texts() == [
        "forced: debug",
        "forced: info",
        "forced: warning",
        "forced: error",
        "hello",
        "talkative",
        "not forced: error",
    ]
    assert log.level == logging.ERROR


def test_each_logger_of_the_config_keeps_its_level_for_other_places(install: Install) -> None:
    logs = install("warning", test_forced="error")
    logs.force(force_enabled_level={HERE: "INFO"})

    log_all(log, "own: ")
    log_all(logging.getLogger("test"), "default: ")
    for name in ("test", "test.forced"):
        log_elsewhere(logging.INFO, "too low", name)
        log_elsewhere(logging.WARNING, f"elsewhere: {name}", name)

    assert logs.texts() == [
        "default: info",
        "default: warning",
        "default: error",
        "elsewhere: test",
    ]
    assert logs.texts("test.forced") == ["own: info", "own: warning", "own: error"]


def test_what_was_forced_before_is_not_any_more(install: Install) -> None:
    logs = install()
    logs.force(force_enabled=[HERE])
    log_all(log, "enabled: ")
    logs.force(force_disabled=[HERE])
    log_all(log, "disabled: ")
    logs.force(force_enabled=[ELSEWHERE])
    log_all(log, "elsewhere: ")

    assert logs.texts() == [
        *("enabled: trace", "enabled: debug", "enabled: info", "enabled: warning"),
        "enabled: error",
        *("disabled: warning", "disabled: error"),
        *("elsewhere: info", "elsewhere: warning", "elsewhere: error"),
    ]


def test_uninstalling_puts_all_levels_back(install: Install) -> None:
    log.setLevel(logging.ERROR)
    levels = [log.level, logging.getLogger().level]
    logs = install()

    logs.force(force_enabled=[""])
    assert log.level == logging.getLogger().level == TRACE
    logs.loggers.uninstall(TIMEOUT)

    assert [log.level, logging.getLogger().level] == levels


def test_all_files_are_those_of_libraries_too(install: Install) -> None:
    logs = install()
    logs.force(force_enabled=[""])
    log_elsewhere(TRACE, "hello")

    assert "hello" in logs.texts()


def test_threads_may_log_while_levels_change(install: Install) -> None:
    logs = install()
    stop = threading.Event()
    counts = [0, 0]

    def run(index: int) -> None:
        while not stop.is_set():
            log_elsewhere(logging.DEBUG, "too low")
            log_elsewhere(logging.INFO, "hello")
            counts[index] += 1

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        logs.force(force_enabled=[HERE], force_disabled=["nowhere"])
        logs.force()
    stop.set()
    for thread in threads:
        thread.join(TIMEOUT)

    texts = logs.texts()
    assert texts.count("hello") + logs.loggers.lost()["default"] == sum(counts)
    assert "too low" not in texts
