import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.context import LINE_CONTEXT, LineContext
from app.logs.escaping import MAX_CHARACTERS
from app.logs.formats import FormatName, line_format
from tests.unit.logs.test_escaping import ANY_TEXT, is_unsafe

FORMATS: tuple[FormatName, ...] = get_args(FormatName)
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"

every_format = pytest.mark.parametrize("name", FORMATS)


def make_record(
    message: object = "hello",
    *args: object,
    logger: str = "app.place",
    tags: object = None,
    error: BaseException | None = None,
    level: int = logging.INFO,
) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(logger, level, "/a/place.py", 7, message, args, exc_info, "work")
    if tags is not None:
        record.tags = tags
    record.process, record.thread, record.threadName = 42, 0xABC, "main-worker_0"
    return record


def line_of(name: FormatName, record: logging.LogRecord, service: str = "") -> str:
    return line_format(name, service)(record).decode()


def parse_tskv(line: str) -> dict[str, str]:
    """Parse a line of tskv as a stranger would, who has only read what its escapes are."""
    escapes = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\", "=": "="}

    def unescape(text: str) -> str:
        return re.sub(
            r"\\(?:x(..)|u(....)|(.))",
            lambda match: escapes[match[3]] if match[3] else chr(int(match[1] or match[2], 16)),
            text,
        )

    assert line.endswith("\n")
    mark, *parts = line[:-1].split("\t")
    assert mark == "tskv"
    pairs = [re.split(r"(?<!\\)((?:\\\\)*)=", part, maxsplit=1) for part in parts]
    fields = {unescape(key + slashes): unescape(value) for key, slashes, value in pairs}
    assert len(fields) == len(parts)
    return fields


def parse_json(line: str) -> dict[str, Any]:
    """Parse a line of JSON, and refuse a key that is there twice."""
    assert line.endswith("\n")

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    parsed: dict[str, Any] = json.loads(line, object_pairs_hook=unique)
    return parsed


def raised(error: Exception) -> Exception:
    """Return the error with a traceback."""

    def fail() -> None:
        raise error

    with contextlib.suppress(type(error)):
        fail()
    return error


def test_tskv_has_the_fields_in_the_original_s_order() -> None:
    token = LINE_CONTEXT.set(LineContext("chat", TRACE_ID))
    record = make_record("hello %s", "world", tags={"code": 1000, "closed_by": "client"})
    try:
        line = line_of("tskv", record, "sample")
    finally:
        LINE_CONTEXT.reset(token)

    time = datetime.fromtimestamp(record.created).strftime("%Y-%m-%dT%H:%M:%S.%f")
    assert line == (
        f"tskv\ttimestamp={time}\tlevel=INFO\tlogger=app.place\tmodule=work ( place.py:7 )"
        f"\tservice=sample\ttrace_id={TRACE_ID}\thandler=chat\tprocess_id=42"
        "\tthread_id=0x0000000000000abc\tthread_name=main-worker_0\ttext=hello world"
        "\tcode=1000\tclosed_by=client\n"
    )


def test_json_has_the_same_fields_and_keeps_numbers() -> None:
    record = make_record(tags={"code": 1000, "duration": 0.5, "clean": True, "cause": None})

    fields = parse_json(line_of("json", record, "sample"))

    assert (fields["level"], fields["service"], fields["text"]) == ("INFO", "sample", "hello")
    assert (fields["code"], fields["duration"]) == (1000, 0.5)
    assert fields["clean"] is True
    assert fields["cause"] is None


def test_text_is_for_people() -> None:
    token = LINE_CONTEXT.set(LineContext("chat", TRACE_ID))
    record = make_record("hello", tags={"code": 1000}, level=logging.WARNING)
    try:
        line = line_of("text", record, "sample")
    finally:
        LINE_CONTEXT.reset(token)

    time = datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M:%S.%f")
    assert line == (
        f"{time} WARNING  sample[42 main-worker_0] app.place: hello"
        f"\ttrace_id={TRACE_ID}\thandler=chat\tcode=1000\n"
    )


@every_format
def test_what_is_not_there_is_left_out(name: FormatName) -> None:
    line = line_of(name, make_record())

    for field in ("service", "handler", "trace_id", "exception"):
        assert field not in line


@every_format
def test_context_is_that_of_the_connection_that_logs(name: FormatName) -> None:
    token = LINE_CONTEXT.set(LineContext("chat", TRACE_ID))
    try:
        inside = line_of(name, make_record())
    finally:
        LINE_CONTEXT.reset(token)

    assert TRACE_ID in inside
    assert TRACE_ID not in line_of(name, make_record())


@pytest.mark.parametrize("key", ["text", "TEXT", "trace.id", "trace_id", "exception", "level"])
@pytest.mark.parametrize(("name", "parse"), [("tskv", parse_tskv), ("json", parse_json)])
def test_tag_takes_no_field_s_place(
    name: FormatName, parse: Callable[[str], Mapping[str, object]], key: str
) -> None:
    fields = parse(line_of(name, make_record("true", tags={key: "forged"}, error=OSError("x"))))

    assert fields["text"] == "true"
    assert fields["level"] == "INFO"
    assert "OSError" in str(fields["exception"])
    assert "forged" in fields.values()


@every_format
def test_tags_that_are_something_else_are_shown(name: FormatName) -> None:
    assert "['a', 'b']" in line_of(name, make_record(tags=["a", "b"]))


def test_number_that_json_does_not_know_is_text() -> None:
    fields = parse_json(line_of("json", make_record(tags={"load": float("nan"), "size": 1j})))

    assert (fields["load"], fields["size"]) == ("nan", "1j")


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


@every_format
@pytest.mark.parametrize(
    ("record", "said"),
    [
        (make_record("%d items", "no"), ["'%d items'", "arguments: 'no'", "TypeError"]),
        (make_record("%s", 1, 2), ["'%s'", "arguments: 1, 2", "TypeError"]),
        (make_record("%(name)s", {"other": 1}), ["KeyError", "{'other': 1}"]),
        (make_record("%s", Unspeakable()), ["no text", "<Unspeakable without a repr>"]),
        (make_record(Unspeakable()), ["<Unspeakable without a repr>"]),
        (make_record("hello", tags={"who": Unspeakable()}), ["'hello'", "no text"]),
    ],
)
def test_record_that_cannot_be_formatted_makes_a_line_that_says_so(
    name: FormatName, record: logging.LogRecord, said: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    line = line_of(name, record)

    assert "this log record cannot be formatted" in line
    assert all(part in line for part in said)
    assert ("app.place" in line, "INFO" in line) == (True, True)
    assert line.count("\n") == 1
    assert capfd.readouterr() == ("", "")


@every_format
def test_exception_of_a_record_that_cannot_be_formatted_is_kept(name: FormatName) -> None:
    line = line_of(name, make_record("%d", "x", error=raised(OSError("disk"))))

    assert "OSError: disk" in line


@pytest.mark.parametrize(("name", "parse"), [("tskv", parse_tskv), ("json", parse_json)])
def test_traceback_is_one_field(
    name: FormatName, parse: Callable[[str], Mapping[str, object]]
) -> None:
    line = line_of(name, make_record(error=raised(OSError("disk"))))

    exception = str(parse(line)["exception"])
    assert exception.startswith("Traceback (most recent call last):\n  File ")
    assert exception.endswith("\nOSError: disk")
    assert line.count("\n") == 1


def test_traceback_for_people_is_indented() -> None:
    first, *rest = line_of("text", make_record(error=raised(OSError("a\nb\rc")))).splitlines()

    assert first.endswith("app.place: hello")
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-2:] == ["    OSError: a", r"    b\rc"]


@every_format
def test_stack_and_text_of_an_exception_that_others_have_made_are_shown(name: FormatName) -> None:
    record = make_record()
    record.stack_info, record.exc_text = "Stack: deep", "Traceback: far"

    line = line_of(name, record)

    assert "Stack: deep" in line
    assert "Traceback: far" in line


@every_format
def test_exception_outside_of_an_except_block_is_none(name: FormatName) -> None:
    record = make_record()
    record.exc_info = sys.exc_info()

    assert "hello" in line_of(name, record)
    assert "cannot be formatted" not in line_of(name, record)


@every_format
def test_line_has_a_bounded_length(name: FormatName) -> None:
    huge = "\x1b" * 1_000_000
    error = raised(OSError(huge))

    line = line_of(name, make_record("%s", huge, tags={"reason": huge}, error=error))

    assert len(line) < 3 * 6 * (MAX_CHARACTERS + 1000)


def is_line_of_one_record(name: FormatName, line: str) -> bool:
    """Tell whether nothing in a line can end it, move a cursor, or turn the writing round."""
    _, *rest = line.removesuffix("\n").split("\n")
    if any(is_unsafe(each) for each in line if each not in "\n\t") or not line.endswith("\n"):
        return False
    return all(each.startswith("    ") for each in rest) if name == "text" else not rest


EXCEPTIONS = st.one_of(st.none(), ANY_TEXT.map(OSError))


@every_format
@given(
    message=ANY_TEXT,
    argument=ANY_TEXT,
    logger=ANY_TEXT,
    thread=ANY_TEXT,
    service=ANY_TEXT,
    tags=st.dictionaries(ANY_TEXT, st.one_of(ANY_TEXT, st.integers(), st.floats(), st.none())),
    error=EXCEPTIONS,
)
def test_no_value_forges_a_line(
    name: FormatName,
    message: str,
    argument: str,
    logger: str,
    thread: str,
    service: str,
    tags: dict[str, object],
    error: Exception | None,
) -> None:
    record = make_record(message, argument, logger=logger, tags=tags, error=error)
    record.threadName = thread

    line = line_of(name, record, service)

    assert is_line_of_one_record(name, line)
    if name == "json":
        parse_json(line)


@given(message=ANY_TEXT, value=ANY_TEXT)
def test_tskv_parses_back(message: str, value: str) -> None:
    fields = parse_tskv(line_of("tskv", make_record("%s", message, tags={"A.=\\": value})))

    assert fields["text"] == message
    assert fields["a_=\\"] == value


@given(message=ANY_TEXT)
def test_tabs_in_text_for_people_are_before_tags_only(message: str) -> None:
    line = line_of("text", make_record("%s", message, tags={"code": message}))

    assert line.count("\t") == 1
