import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from app.logs.context import LINE_CONTEXT, LineContext
from app.logs.drain import Drain
from app.logs.formats import line_format
from app.logs.handler import WriterHandler
from app.logs.line_queue import LineQueue
from app.logs.losses import Losses
from app.logs.place_levels import PlaceLevels
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG
from app.logs.writer import LogWriter
from tests.unit.logs.outputs import TIMEOUT, RecordingTarget


@dataclass
class Parts:
    """A logger of its own, the handler on it, and where its lines arrive."""

    logger: logging.Logger
    handler: WriterHandler
    target: RecordingTarget = field(default_factory=RecordingTarget)
    losses: Losses = field(default_factory=Losses)

    @property
    def lines(self) -> list[str]:
        return [line.decode() for line in self.target.lines]


@pytest.fixture
def parts() -> Iterator[Parts]:
    losses, target = Losses(), RecordingTarget()
    queue = LineQueue(1000, urgent_level=logging.WARNING, blocks=False, losses=losses)
    writer = LogWriter("log-test", queue, Drain(queue, target, losses, str.encode), losses)
    # Not started, but stopped: each line is written where it is logged.
    writer.stop(0)
    handler = WriterHandler(logging.INFO, line_format("text", ""), writer, losses)
    logger = logging.Logger("test", logging.DEBUG)
    logger.addHandler(handler)
    yield Parts(logger, handler, target, losses)
    handler.close()


def test_record_becomes_a_line(parts: Parts) -> None:
    parts.logger.info("hello %s", "world", extra={"tags": {"code": 1000}})

    (line,) = parts.lines
    assert line.endswith(" test: hello world\tcode=1000\n")


def test_level_of_the_handler_counts(parts: Parts) -> None:
    parts.logger.debug("too low")

    assert parts.lines == []


def test_filters_are_asked(parts: Parts) -> None:
    parts.handler.addFilter(lambda record: record.getMessage() != "secret")

    parts.logger.info("secret")
    parts.logger.info("open")

    assert len(parts.lines) == 1


def test_line_tells_what_was_true_when_it_was_logged(parts: Parts) -> None:
    rooms = ["a"]
    token = LINE_CONTEXT.set(LineContext("chat", "0" * 31 + "1"))
    try:
        parts.logger.info("rooms: %s", rooms)
    finally:
        LINE_CONTEXT.reset(token)
    rooms.append("b")

    assert "rooms: ['a']" in parts.lines[0]
    assert "handler=chat" in parts.lines[0]


class Talkative:
    """Logs when it is turned into text: itself, or something else."""

    def __init__(self, logger: logging.Logger, *, of_itself: bool) -> None:
        self._logger = logger
        self._of_itself = of_itself

    def __str__(self) -> str:
        self._logger.info("asked: %s", self if self._of_itself else "for text")
        return "text"


def test_argument_may_log_while_it_is_formatted(parts: Parts) -> None:
    parts.logger.info("%s", Talkative(parts.logger, of_itself=False))

    assert [line.split("test: ")[1] for line in parts.lines] == ["asked: for text\n", "text\n"]
    assert parts.losses.total == 0


def test_argument_that_logs_itself_comes_to_an_end(parts: Parts) -> None:
    parts.logger.info("%s", Talkative(parts.logger, of_itself=True))
    parts.logger.info("after")

    assert len(parts.lines) < 10
    assert any(line.endswith("after\n") for line in parts.lines)
    assert parts.losses.total == 1


class Broken:
    def __str__(self) -> str:
        raise MemoryError

    __repr__ = __str__


def test_what_cannot_be_formatted_disturbs_nobody(
    parts: Parts, capfd: pytest.CaptureFixture[str]
) -> None:
    parts.logger.info("%d items", Broken())
    parts.logger.info("too many %s", 1, 2)

    assert all("this log record cannot be formatted" in line for line in parts.lines)
    assert len(parts.lines) == 2
    assert capfd.readouterr() == ("", "")


def test_record_of_which_nothing_can_be_said_is_counted(
    parts: Parts, capfd: pytest.CaptureFixture[str]
) -> None:
    record = parts.logger.makeRecord("test", logging.INFO, "", 0, "hello", (), None)
    record.created = "yesterday"  # type: ignore[assignment]
    record.exc_info = 1  # type: ignore[assignment]

    parts.logger.handle(record)

    assert parts.losses.total == 1
    assert capfd.readouterr() == ("", "")


def test_interrupt_during_formatting_is_not_swallowed(parts: Parts) -> None:
    class Interrupted:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parts.logger.info("%s", Interrupted())
    parts.logger.info("after")

    assert len(parts.lines) == 1


def test_threads_do_not_wait_for_each_other_s_formatting(parts: Parts) -> None:
    is_formatting, may_go_on = threading.Event(), threading.Event()

    class Slow:
        def __str__(self) -> str:
            is_formatting.set()
            assert may_go_on.wait(TIMEOUT)
            return "slow"

    slow = threading.Thread(target=parts.logger.info, args=("%s", Slow()))
    slow.start()
    assert is_formatting.wait(TIMEOUT)

    parts.logger.info("fast")
    may_go_on.set()
    slow.join(TIMEOUT)

    assert [line.split("test: ")[1] for line in parts.lines] == ["fast\n", "slow\n"]


def places(**config: object) -> PlaceLevels:
    value = {"force-enabled": [], "force-disabled": [], **config}
    return PlaceLevels(USERVER_LOG_DYNAMIC_DEBUG.parse(value), [])


def test_places_decide_beside_the_filters_of_others_until_there_are_none(parts: Parts) -> None:
    parts.handler.addFilter(lambda record: record.getMessage() != "secret")

    parts.handler.use_places(places(**{"force-enabled": [__file__]}), lambda _: logging.NOTSET)
    parts.logger.debug("secret")
    parts.logger.debug("open")
    assert [line.split("test: ")[1] for line in parts.lines] == ["open\n"]
    parts.handler.use_places(places(**{"force-disabled": [__file__]}), lambda _: logging.NOTSET)
    parts.logger.info("disabled")
    parts.logger.warning("secret")
    parts.logger.warning("open")
    assert [line.split("test: ")[1] for line in parts.lines[1:]] == ["open\n"]

    parts.handler.use_places(None, lambda _: logging.NOTSET)
    parts.logger.debug("too low")
    parts.logger.info("hello")
    assert [line.split("test: ")[1] for line in parts.lines[2:]] == ["hello\n"]
    assert parts.handler.level == logging.INFO


def test_place_that_is_enabled_from_a_higher_level_on_raises_no_level(parts: Parts) -> None:
    config = {"force-enabled-level": {"nowhere": "ERROR"}}

    parts.handler.use_places(places(**config), lambda _: logging.NOTSET)
    parts.logger.info("hello")

    assert len(parts.lines) == 1


def test_no_thread_logs_what_neither_the_old_places_nor_the_new_ones_let_in(parts: Parts) -> None:
    """Whatever the moment is at which a record meets a handler whose places are changed."""
    config = places(**{"force-enabled": ["nowhere"]})
    stop = threading.Event()

    def log() -> None:
        while not stop.is_set():
            parts.logger.debug("too low")
            parts.logger.info("hello")

    thread = threading.Thread(target=log)
    thread.start()
    for _ in range(500):
        parts.handler.use_places(config, lambda _: logging.NOTSET)
        parts.handler.use_places(None, lambda _: logging.NOTSET)
    stop.set()
    thread.join(TIMEOUT)

    assert not thread.is_alive()
    assert parts.losses.total == 0
    assert len(parts.lines) > 0
    assert all(line.endswith("hello\n") for line in parts.lines)
