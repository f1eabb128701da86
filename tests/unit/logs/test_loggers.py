import json
import logging
import logging.config
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvicorn.config

from app.logs.config import LoggerConfig
from app.logs.levels import LevelName
from app.logs.loggers import Loggers
from app.static_config.errors import OptionError
from app.task_processors.pool import ThreadPool
from tests.helpers.service_process import wait_until

TIMEOUT = 10.0
PROJECT = Path(__file__).parents[3]
UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")

Install = Callable[[Mapping[str, LoggerConfig]], Loggers]


@pytest.fixture
def install() -> Iterator[Install]:
    """Installs loggers that are uninstalled at the end, in reverse order."""
    installed: list[Loggers] = []

    def install(config: Mapping[str, LoggerConfig], service: str = "") -> Loggers:
        installed.append(Loggers(config, service))
        installed[-1].install()
        return installed[-1]

    yield install
    for loggers in reversed(installed):
        loggers.uninstall(TIMEOUT)


@pytest.fixture
def uvicorn_s_own_logging() -> Iterator[None]:
    """Logging as Uvicorn's command line sets it up."""
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    yield
    for name in UVICORN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def file_logger(path: Path, level: LevelName = "info") -> LoggerConfig:
    return LoggerConfig(file_path=str(path), level=level, format="json")


def texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text().splitlines()]


def state_of_all_loggers() -> dict[str, object]:
    return {
        name: (logger.level, logger.propagate, list(logger.handlers))
        for name in ("root", *UVICORN, "app.test", "py.warnings")
        for logger in [logging.getLogger(name)]
    }


def test_default_is_the_root_logger(install: Install, tmp_path: Path) -> None:
    loggers = install({"default": file_logger(tmp_path / "log")})
    logging.getLogger("app.test").info("of the service")
    logging.getLogger("some.library").warning("of a library")
    logging.getLogger("some.library").debug("too low")

    loggers.uninstall(TIMEOUT)

    assert texts(tmp_path / "log") == ["of the service", "of a library"]


def test_service_name_is_in_each_line(tmp_path: Path) -> None:
    loggers = Loggers({"default": file_logger(tmp_path / "log")}, "sample")
    loggers.install()
    logging.getLogger("app.test").info("hello")
    loggers.uninstall(TIMEOUT)

    assert json.loads((tmp_path / "log").read_text())["service"] == "sample"


@pytest.mark.parametrize(
    ("level", "lowest"),
    [("trace", 5), ("debug", 10), ("warning", 30), ("critical", 50), ("none", None)],
)
def test_level_decides_what_is_logged(
    install: Install, tmp_path: Path, level: LevelName, lowest: int | None
) -> None:
    loggers = install({"default": file_logger(tmp_path / "log", level)})
    for number in (4, 5, 10, 20, 30, 40, 50):
        logging.getLogger("app.test").log(number, "%d", number)
        # One whose own level is lower than that of the logger in the config.
        logging.getLogger("app.test.low").setLevel(1)
        logging.getLogger("app.test.low").log(number, "%d", number)
    loggers.uninstall(TIMEOUT)

    expected = [str(n) for n in (4, 5, 10, 20, 30, 40, 50) if lowest and n >= lowest]
    written = texts(tmp_path / "log") if (tmp_path / "log").exists() else []
    assert written == [text for text in expected for _ in range(2)]


def test_other_loggers_have_a_target_of_their_own(install: Install, tmp_path: Path) -> None:
    loggers = install(
        {
            "default": file_logger(tmp_path / "log"),
            "app.test": file_logger(tmp_path / "own", "debug"),
        }
    )
    logging.getLogger("app.test.part").debug("own")
    logging.getLogger("app.other").info("default")
    loggers.uninstall(TIMEOUT)

    assert texts(tmp_path / "log") == ["default"]
    assert texts(tmp_path / "own") == ["own"]


def test_without_a_default_lines_from_info_go_to_stderr(
    install: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    loggers = install({})
    logging.getLogger("app.test").info("hello")
    logging.getLogger("app.test").debug("too low")
    loggers.uninstall(TIMEOUT)

    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("tskv\t")
    assert "text=hello\n" in err
    assert "too low" not in err


@pytest.mark.usefixtures("uvicorn_s_own_logging")
def test_uvicorn_s_records_come_along(
    install: Install, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loggers = install({"default": file_logger(tmp_path / "log")})
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 1)
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/\x1b[2J", "1.1", 200
    )
    loggers.uninstall(TIMEOUT)

    assert texts(tmp_path / "log") == [
        "Started server process [1]",
        '127.0.0.1:1 - "GET /\x1b[2J HTTP/1.1" 200',
    ]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("uvicorn_s_own_logging")
def test_uvicorn_s_access_lines_may_have_a_file_of_their_own(
    install: Install, tmp_path: Path
) -> None:
    loggers = install(
        {
            "default": file_logger(tmp_path / "log"),
            "uvicorn.access": file_logger(tmp_path / "access"),
        }
    )
    logging.getLogger("uvicorn.access").info("GET /")
    loggers.uninstall(TIMEOUT)

    assert texts(tmp_path / "access") == ["GET /"]
    assert not (tmp_path / "log").exists()


@pytest.mark.usefixtures("uvicorn_s_own_logging")
def test_logger_that_was_silenced_stays_silent(install: Install, tmp_path: Path) -> None:
    """As by `uvicorn --no-access-log`; Uvicorn then asks whether the logger has handlers."""
    uvicorn.Config("app.main:app", access_log=False)
    install({"default": file_logger(tmp_path / "log")})

    assert not logging.getLogger("uvicorn.access").hasHandlers()


@pytest.mark.usefixtures("uvicorn_s_own_logging")
def test_uninstalling_puts_everything_back(install: Install, tmp_path: Path) -> None:
    before = state_of_all_loggers()
    show = warnings.showwarning
    loggers = install(
        {
            "default": file_logger(tmp_path / "log", "debug"),
            "app.test": file_logger(tmp_path / "own"),
            "uvicorn.access": file_logger(tmp_path / "access"),
        }
    )
    assert state_of_all_loggers() != before

    loggers.uninstall(TIMEOUT)

    assert state_of_all_loggers() == before
    assert warnings.showwarning is show


def test_uvicorn_may_be_configured_afterwards(install: Install, tmp_path: Path) -> None:
    """Its configuration closes all handlers that there are."""
    loggers = install({"default": file_logger(tmp_path / "log")})
    uvicorn.Config("app.main:app", log_config={"version": 1, "disable_existing_loggers": False})
    logging.getLogger("uvicorn.error").info("hello")
    loggers.uninstall(TIMEOUT)

    assert texts(tmp_path / "log") == ["hello"]


def test_handlers_of_others_stay_and_get_records(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install({"default": file_logger(tmp_path / "log")})

    logging.getLogger("app.test").info("hello")

    assert caplog.messages == ["hello"]


def test_two_services_in_one_process_both_write(install: Install, tmp_path: Path) -> None:
    before = state_of_all_loggers()
    first = install({"default": file_logger(tmp_path / "first")})
    second = install({"default": file_logger(tmp_path / "second")})
    logging.getLogger("app.test").info("both")
    second.uninstall(TIMEOUT)
    logging.getLogger("app.test").info("first")
    first.uninstall(TIMEOUT)

    assert texts(tmp_path / "first") == ["both", "first"]
    assert texts(tmp_path / "second") == ["both"]
    assert state_of_all_loggers() == before


def test_those_of_the_process_are_those_that_were_installed_for_it() -> None:
    nowhere = {"default": LoggerConfig(file_path="@null")}
    own, of_process = Loggers(nowhere), Loggers(nowhere)
    own.install()
    try:
        assert Loggers.of_process() is None
        of_process.install(for_process=True)
        assert Loggers.of_process() is of_process
    finally:
        of_process.uninstall(TIMEOUT)
        own.uninstall(TIMEOUT)
    assert Loggers.of_process() is None


def test_uninstalling_twice_is_harmless(install: Install) -> None:
    nowhere = {"default": LoggerConfig(file_path="@null")}
    first, second = install(nowhere), install(nowhere)
    second.uninstall(TIMEOUT)
    before = state_of_all_loggers()

    second.uninstall(TIMEOUT)

    assert state_of_all_loggers() == before
    assert first.lost() == {"default": 0}


def test_stopping_writes_what_is_left_and_lines_after_it_are_written_at_once(
    install: Install, tmp_path: Path
) -> None:
    logger = LoggerConfig(file_path=str(tmp_path / "log"), format="json", flush_level="none")
    loggers = install({"default": logger})
    logging.getLogger("app.test").info("before")

    loggers.stop(TIMEOUT)
    assert texts(tmp_path / "log") == ["before"]
    logging.getLogger("app.test").info("after")
    assert texts(tmp_path / "log") == ["before", "after"]

    assert not [each for each in threading.enumerate() if each.name.startswith("log-")]


def test_stopping_twice_is_harmless(install: Install, tmp_path: Path) -> None:
    loggers = install({"default": file_logger(tmp_path / "log")})
    loggers.stop(TIMEOUT)
    loggers.stop(TIMEOUT)
    logging.getLogger("app.test").info("hello")

    assert texts(tmp_path / "log") == ["hello"]


def test_warnings_become_lines(install: Install, tmp_path: Path) -> None:
    loggers = install({"default": file_logger(tmp_path / "log")})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old habits", DeprecationWarning, stacklevel=1)
    loggers.uninstall(TIMEOUT)

    (text,) = texts(tmp_path / "log")
    assert "DeprecationWarning: old habits" in text


def test_warnings_that_others_capture_stay_captured(install: Install, tmp_path: Path) -> None:
    logging.captureWarnings(True)
    try:
        captured = warnings.showwarning
        install({"default": file_logger(tmp_path / "log")}).uninstall(TIMEOUT)
        assert warnings.showwarning is captured
    finally:
        logging.captureWarnings(False)


def test_pool_writes(install: Install, tmp_path: Path) -> None:
    pool = ThreadPool("fs-worker", 1)
    loggers = install({"default": file_logger(tmp_path / "log")})
    loggers.use_pool(pool)
    logging.getLogger("app.test").info("hello")
    loggers.use_pool(None)
    pool.stop()
    loggers.uninstall(TIMEOUT)

    assert texts(tmp_path / "log") == ["hello"]
    assert loggers.lost() == {"default": 0}


def test_reopening_goes_on_in_new_files(install: Install, tmp_path: Path) -> None:
    path = tmp_path / "log"
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "pipe").open("r+b", buffering=0) as pipe:
        loggers = install({"default": file_logger(tmp_path / "pipe")})
        logging.getLogger("app.test").warning("old")
        assert json.loads(pipe.readline())["text"] == "old"
        (tmp_path / "pipe").rename(path)
        loggers.reopen()
        logging.getLogger("app.test").warning("new")
        loggers.uninstall(TIMEOUT)

    assert texts(tmp_path / "pipe") == ["new"]


@pytest.mark.parametrize(
    ("name", "why"), [("folder", "Is a directory"), ("file/log", "Not a directory")]
)
def test_file_that_cannot_be_written_is_said_before_the_start(
    tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = tmp_path / name

    with pytest.raises(OptionError) as caught:
        Loggers({"access": file_logger(path), "default": file_logger(tmp_path / "log")}).check()

    assert caught.value.refusals == {
        ("loggers", "access", "file_path"): f"'{path}' cannot be opened for writing: {why}"
    }


def test_all_files_that_cannot_be_written_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        Loggers({"a": file_logger(tmp_path), "default": file_logger(tmp_path)}).check()

    assert {path[1] for path in caught.value.refusals} == {"a", "default"}


def test_files_that_can_be_written_are_made_by_the_check(tmp_path: Path) -> None:
    Loggers({"access": file_logger(tmp_path / "new" / "log")}).check()

    assert (tmp_path / "new" / "log").read_bytes() == b""


def test_file_that_cannot_be_written_disturbs_nobody_and_is_counted(
    install: Install, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    loggers = install({"default": file_logger(tmp_path / "file" / "log")})
    logging.getLogger("app.test").error("lost")
    loggers.uninstall(TIMEOUT)

    assert loggers.lost() == {"default": 1}
    assert capfd.readouterr() == ("", "")


def test_terminal_gets_lines_for_people_and_a_file_tskv() -> None:
    program = """
        Loggers({"default": LoggerConfig(file_path="@stderr")}).install()
        log.info("hello")
    """
    master, slave = pty.openpty()
    with Process(program, stderr=slave) as process:
        assert process.popen.wait(TIMEOUT) == 0
    line = os.read(master, 1000)
    os.close(master)
    os.close(slave)

    assert re.fullmatch(rb"[0-9 :.-]{26} INFO     \[\d+ MainThread\] app.test: hello\r\n", line)


def test_descriptors_and_threads_are_given_back(install: Install, tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before, threads = descriptors(), set(threading.enumerate())
    loggers = install(
        {
            "default": file_logger(tmp_path / "log"),
            "a": LoggerConfig.model_validate({"file_path": "@stderr"}),
        }
    )
    logging.getLogger("app.test").info("hello")
    loggers.uninstall(TIMEOUT)
    loggers.check()

    assert descriptors() == before
    assert set(threading.enumerate()) <= threads


def test_output_that_is_stalled_keeps_no_lines_from_others(
    install: Install, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "pipe").open("r+b", buffering=0):
        loggers = install(
            {
                "default": file_logger(tmp_path / "pipe"),
                "app.test": file_logger(tmp_path / "log"),
            }
        )
        for _ in range(2000):
            logging.getLogger("app.other").warning("x" * 100)
        logging.getLogger("app.test").info("hello")
        log = tmp_path / "log"
        wait_until(lambda: log.exists() and texts(log) == ["hello"], TIMEOUT)

        loggers.uninstall(0.1)

    assert loggers.lost()["default"] > 0
    assert loggers.lost()["app.test"] == 0


class Process:
    """A Python program that logs; its output is read only when a test says so."""

    def __init__(self, program: str, *, stderr: int = subprocess.PIPE) -> None:
        prologue = """
            import asyncio, atexit, logging, os, signal, sys, threading, time
            from app.logs.config import LoggerConfig
            from app.logs.loggers import Loggers
            from app.task_processors.pool import ThreadPool
            log = logging.getLogger("app.test")
        """
        self.popen = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(prologue) + textwrap.dedent(program)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.communicate(timeout=TIMEOUT)

    def ask(self, line: bytes) -> bytes:
        """Send a line and return the answer."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(line + b"\n")
        self.popen.stdin.flush()
        return self.popen.stdout.readline().removesuffix(b"\n")

    def end(self) -> tuple[int, list[str]]:
        """Read stderr to its end and return the exit code and the lines."""
        _, err = self.popen.communicate(timeout=TIMEOUT)
        return self.popen.returncode, err.decode().splitlines()


ECHO = """
    pool = ThreadPool("fs-worker", 1)
    loggers = Loggers({{"default": LoggerConfig(file_path="@stderr", overflow_behavior={!r},
                                               message_queue_size=1000)}})
    loggers.install()
    loggers.use_pool(pool)

    async def echo():
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            for number in range(100):
                log.info("%s %d: %s", line, number, "x" * 100)
            os.write(1, line)
        await pool.run(lambda: os.write(1, b"pool is free\\n"))

    asyncio.run(echo())
    os.write(1, b"lost: %d\\n" % loggers.lost()["default"])
"""


@pytest.mark.parametrize("overflow", ["discard", "block"])
def test_service_goes_on_and_ends_while_nobody_reads_its_stderr(overflow: str) -> None:
    with Process(ECHO.format(overflow)) as process:
        for number in range(300):
            assert process.ask(b"%d" % number) == b"%d" % number

        assert process.popen.stdin is not None
        process.popen.stdin.close()
        process.popen.stdin = None
        assert process.popen.stdout is not None
        assert process.popen.stdout.readline() == b"pool is free\n"
        lost = int(process.popen.stdout.readline().removeprefix(b"lost: "))
        assert process.popen.wait(TIMEOUT) == 0
        _, lines = process.end()

    assert 20_000 < lost < 30_000
    assert all(line.startswith("tskv\t") for line in lines[:-1])


def test_losses_are_told_of_when_somebody_reads_again() -> None:
    with Process(ECHO.format("discard")) as process:
        for number in range(100):
            process.ask(b"%d" % number)

        code, lines = process.end()

    assert code == 0
    told = [line for line in lines if "log lines lost: " in line]
    assert told
    lost = sum(int(line.partition("log lines lost: ")[2].split()[0]) for line in told)
    assert len(lines) - len(told) + lost == 10_000


def test_lines_are_written_at_exit_and_those_of_exit_handlers_too() -> None:
    program = """
        atexit.register(lambda: log.info("in an exit handler"))
        Loggers({"default": LoggerConfig(file_path="@stderr", flush_level="none")}).install()
        for number in range(1000):
            log.info("%d", number)
        threading.Timer(0.1, log.info, ["in a late thread"]).start()
    """
    with Process(program) as process:
        code, lines = process.end()

    assert code == 0
    assert [line.partition("text=")[2] for line in lines] == [
        *map(str, range(1000)),
        "in a late thread",
        "in an exit handler",
    ]


def test_stderr_that_is_closed_is_survived_and_what_has_its_number_is_left_alone(
    tmp_path: Path,
) -> None:
    program = f"""
        os.close(2)
        file = os.open({str(tmp_path / "file")!r}, os.O_CREAT | os.O_WRONLY)
        loggers = Loggers({{"default": LoggerConfig(file_path="@stderr")}})
        loggers.install()
        log.error("hello")
        loggers.uninstall()
        os.write(1, b"%d %d\\n" % (file, loggers.lost()["default"]))
    """
    with Process("sys.__stderr__ = None\n" + textwrap.dedent(program)) as process:
        out, _ = process.popen.communicate(timeout=TIMEOUT)

    assert out == b"2 1\n"
    assert (tmp_path / "file").read_bytes() == b""


def test_reader_that_goes_away_is_survived() -> None:
    with Process(ECHO.format("discard")) as process:
        process.ask(b"1")
        assert process.popen.stderr is not None
        process.popen.stderr.close()
        process.popen.stderr = None
        for number in range(50):
            assert process.ask(b"%d" % number) == b"%d" % number

        out, _ = process.popen.communicate(timeout=TIMEOUT)

    assert process.popen.returncode == 0
    assert int(out.rpartition(b"lost: ")[2]) > 0


def test_log_from_a_signal_handler_in_the_middle_of_logging() -> None:
    program = """
        loggers = Loggers({"default": LoggerConfig(file_path="@stderr", flush_level="trace")})
        loggers.install()
        signals = []
        def handle(*_):
            signals.append(1)
            log.info("signal")
            loggers.reopen()
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        lines = 0
        while len(signals) < 200:
            log.info("line")
            lines += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        loggers.uninstall()
        os.write(1, b"%d %d %d\\n" % (len(signals), lines, loggers.lost()["default"]))
    """
    with Process(program) as process:
        out, err = process.popen.communicate(timeout=3 * TIMEOUT)

    signals, lines, lost = map(int, out.split())
    assert err.count(b"text=signal\n") + err.count(b"text=line\n") + lost == signals + lines


def test_lines_of_several_processes_do_not_mingle_in_a_file(tmp_path: Path) -> None:
    program = f"""
        loggers = Loggers({{"default": LoggerConfig(file_path={str(tmp_path / "log")!r})}})
        loggers.install()
        for number in range(2000):
            log.info("%d %s", number, "x" * (number % 500))
    """
    processes = [Process(program) for _ in range(3)]
    for process in processes:
        with process:
            assert process.end()[0] == 0

    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 6000
    assert all(line.startswith("tskv\ttimestamp=") and line.count("tskv\t") == 1 for line in lines)


def test_service_killed_by_a_signal_has_written_its_urgent_lines(tmp_path: Path) -> None:
    program = """
        Loggers({"default": LoggerConfig(file_path="@stderr", flush_level="error")}).install()
        log.error("urgent")
        signal.pause()
    """
    with Process(program) as process:
        assert process.popen.stderr is not None
        line = process.popen.stderr.readline()
        process.popen.send_signal(signal.SIGKILL)

    assert b"text=urgent" in line
