"""A statement's line is that of the record that the standard library would have made."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.context import LINE_CONTEXT, LineContext
from app.logs.drain import Drain
from app.logs.formats import FormatName, line_format
from app.logs.handler import WriterHandler
from app.logs.line_queue import LineQueue
from app.logs.losses import Losses
from app.logs.pieces import JsonPieces, TskvPieces
from app.logs.place_levels import PlaceLevels
from app.logs.statement import Statement
from app.logs.tags import plain_tags
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG
from app.logs.writer import LogWriter
from tests.unit.logs.outputs import RecordingTarget
from tests.unit.logs.test_escaping import ANY_TEXT

FORMATS: tuple[FormatName, ...] = get_args(FormatName)
TEXT = "it has\thappened"
TAGS = {
    "peer": "[::1]:1",
    "Code": 1000,
    "ok": True,
    "of": None,
    "s": 0.5,
    "text": "a\\b\n",
    "c": 1j,
}


class Parts:
    """A logger below another one that has our handler, and the lines that come out."""

    def __init__(self, name: FormatName, level: int = logging.DEBUG) -> None:
        losses, self.target = Losses(), RecordingTarget()
        queue = LineQueue(1000, urgent_level=logging.WARNING, blocks=False, losses=losses)
        writer = LogWriter("log-test", queue, Drain(queue, self.target, losses, str.encode), losses)
        writer.stop(0)  # each line is written where it is logged
        self.handler = WriterHandler(level, line_format(name, "sample"), writer, losses)
        self.logger = logging.Logger("app.test", logging.DEBUG)
        self.logger.parent = logging.Logger("app", logging.DEBUG)
        self.logger.parent.addHandler(self.handler)
        self.statement = Statement(self.logger, logging.INFO, TEXT)
        self.records: list[logging.LogRecord] = []

    def note(self, record: logging.LogRecord) -> bool:
        self.records.append(record)
        return True

    def log(self, tags: dict[str, object]) -> None:
        self.statement.log(tags)

    @property
    def lines(self) -> list[str]:
        return [line.decode() for line in self.target.lines]


@pytest.fixture(params=FORMATS)
def parts(request: pytest.FixtureRequest) -> Parts:
    return Parts(request.param)


@pytest.fixture(autouse=True)
def context() -> Iterator[None]:
    token = LINE_CONTEXT.set(LineContext("chat", "0af7651916cd43dd8448eb211c80319c"))
    yield
    LINE_CONTEXT.reset(token)


def timeless(line: str) -> str:
    """Return a line without the moment at which it was logged."""
    return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{6}", "MOMENT", line)


def test_line_is_that_of_the_logger(parts: Parts) -> None:
    parts.log(TAGS)
    parts.log(TAGS)
    parts.logger.handle(_record(parts, TAGS))

    first, second, expected = map(timeless, parts.lines)
    assert first == second == expected


def _record(parts: Parts, tags: object) -> logging.LogRecord:
    """Return the record that the logger would make where `Parts.log` makes its statement."""
    line = Parts.log.__code__.co_firstlineno + 1
    return parts.logger.makeRecord(
        "app.test", logging.INFO, __file__, line, TEXT, (), None, "log", {"tags": tags}
    )


@pytest.mark.parametrize(
    "look",
    [
        lambda parts: parts.logger.addFilter(parts.note),
        lambda parts: parts.handler.addFilter(parts.note),
        lambda parts: parts.logger.addHandler(_noting(parts)),
        lambda parts: parts.logger.parent.addHandler(_noting(parts)),
    ],
    ids=["filter of the logger", "filter of the handler", "handler", "handler of its parent"],
)
def test_who_looks_at_the_records_is_shown_one(
    parts: Parts, look: Callable[[Parts], object]
) -> None:
    parts.log(TAGS)
    look(parts)
    parts.log(TAGS)

    (record,) = parts.records
    assert (record.getMessage(), record.__dict__["tags"]) == (TEXT, TAGS)
    assert (record.funcName, record.lineno) == ("log", Parts.log.__code__.co_firstlineno + 1)
    one, other = map(timeless, parts.lines)
    assert one == other


def _noting(parts: Parts) -> logging.Handler:
    handler = logging.Handler()
    handler.emit = parts.note  # type: ignore[assignment, method-assign]
    return handler


def test_factory_of_records_is_asked(parts: Parts) -> None:
    def make(*args: object, **options: object) -> logging.LogRecord:
        record = logging.LogRecord(*args, **options)  # type: ignore[arg-type]
        record.msg = "made otherwise"
        return record

    logging.setLogRecordFactory(make)
    try:
        parts.log(TAGS)
    finally:
        logging.setLogRecordFactory(logging.LogRecord)

    assert "made otherwise" in parts.lines[0]


def test_place_that_is_disabled_is_not_logged(parts: Parts) -> None:
    value = {"force-enabled": [], "force-disabled": [__file__]}
    places = PlaceLevels(USERVER_LOG_DYNAMIC_DEBUG.parse(value), [])

    parts.handler.use_places(places, lambda _: logging.NOTSET)
    parts.log(TAGS)
    parts.handler.use_places(None, lambda _: logging.NOTSET)
    parts.log(TAGS)

    assert len(parts.lines) == 1


def test_level_counts_wherever_it_is_set() -> None:
    parts = Parts("tskv")
    parts.logger.setLevel(logging.WARNING)
    parts.log(TAGS)
    parts.logger.setLevel(logging.DEBUG)
    parts.handler.setLevel(logging.WARNING)
    parts.log(TAGS)
    high = Parts("tskv", logging.WARNING)
    high.log(TAGS)

    assert parts.lines == high.lines == []


def test_logger_without_handlers_and_one_that_ends_before_its_parent_write_nothing() -> None:
    parts = Parts("tskv")
    parts.logger.propagate = False

    parts.log(TAGS)

    assert parts.lines == []


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


def test_tag_that_cannot_be_text_makes_a_line_that_says_so(parts: Parts) -> None:
    parts.log({"who": Unspeakable()})

    (line,) = parts.lines
    assert "this log record cannot be formatted" in line
    assert "no text" in line


@given(
    tags=st.dictionaries(
        st.one_of(ANY_TEXT, st.integers(), st.sampled_from(("text", "Level", "a.b="))),
        st.one_of(ANY_TEXT, st.integers(), st.floats(), st.booleans(), st.none()),
    )
)
def test_tags_of_pieces_are_their_fields(tags: dict[object, object]) -> None:
    for pieces in (TskvPieces(""), JsonPieces("")):
        plain = plain_tags(tags)
        assert pieces.tags(tags) == (pieces.said(plain) if plain else "")
