import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.handlers.config import HandlerConfig
from app.logs.escaping import MAX_CHARACTERS
from app.logs.formats import FormatName, line_format
from app.server.request_log import (
    MASK,
    MAX_TAG,
    REQUEST_TAGS,
    RequestLog,
    header_tags,
    request_tags,
)
from app.server.variables import (
    USERVER_LOG_REQUEST,
    USERVER_LOG_REQUEST_HEADERS,
    USERVER_LOG_REQUEST_HEADERS_WHITELIST,
)
from app.websocket.headers import Headers

LOGGER = "app.server.request_log"
MUCH = 10_000


def scope(headers: Headers = (), **others: object) -> Scope:
    """Return the scope of a request with these headers."""
    return {"type": "http", "path": "/chat", "headers": list(headers), **others}


def logged(
    caplog: pytest.LogCaptureFixture, request: Scope, *, limit: int = 512, **values: object
) -> dict[str, Any] | None:
    """Return the tags of the line about a request; None if there is none."""
    fallback = {
        each.name: each.parse(values[each.name])
        for each in (
            USERVER_LOG_REQUEST,
            USERVER_LOG_REQUEST_HEADERS,
            USERVER_LOG_REQUEST_HEADERS_WHITELIST,
        )
        if each.name in values
    }
    options = HandlerConfig(path="/chat", method="GET", request_headers_size_log_limit=limit)
    RequestLog(Source((), Snapshot(fallback))).received(HTTPConnection(request), options)
    if not caplog.records:
        return None
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("INFO", "request received")
    tags: dict[str, Any] = record.__dict__["tags"]
    return tags


@pytest.fixture(autouse=True)
def level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)


# Whether there is a line


def test_request_is_logged_by_default_and_its_headers_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = scope([(b"host", b"a")], method="POST")

    assert logged(caplog, request) == {"method": "POST", "uri": "/chat"}


def test_nothing_is_logged_where_the_config_says_so(caplog: pytest.LogCaptureFixture) -> None:
    values = {"USERVER_LOG_REQUEST": False, "USERVER_LOG_REQUEST_HEADERS": True}

    assert logged(caplog, scope(), **values) is None


def test_nothing_is_put_together_for_a_logger_of_another_level(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, LOGGER)

    assert logged(caplog, {"type": "http", "headers": []}) is None


def test_value_of_the_moment_counts(caplog: pytest.LogCaptureFixture) -> None:
    source = Source((), Snapshot({}))
    log = RequestLog(source)
    options = HandlerConfig(path="/chat", method="GET")

    log.received(HTTPConnection(scope()), options)
    source.snapshot = Snapshot({"USERVER_LOG_REQUEST": False})
    log.received(HTTPConnection(scope()), options)

    assert len(caplog.records) == 1


def test_headers_are_logged_where_the_config_says_so(caplog: pytest.LogCaptureFixture) -> None:
    tags = logged(
        caplog,
        scope([(b"cookie", b"secret"), (b"host", b"a"), (b"x-long", b"x" * 100)]),
        limit=40,
        USERVER_LOG_REQUEST_HEADERS=True,
        USERVER_LOG_REQUEST_HEADERS_WHITELIST=["HOST", "X-Long"],
    )

    assert tags is not None
    assert tags["request_headers"] == '{"host":"a","cookie":"***"}'
    assert tags["request_headers_left_out"] == 1


def told_of_handshake(request: Scope, **values: object) -> Scope:
    """Return the scope of a handshake as its own line finds it."""
    options = HandlerConfig(path="/chat", method="GET")
    RequestLog(Source((), Snapshot(values))).handshake_received(request, options)
    return request


def test_handshake_is_told_of_in_its_own_line(caplog: pytest.LogCaptureFixture) -> None:
    shown = {"USERVER_LOG_REQUEST_HEADERS": True}

    told = told_of_handshake(scope([(b"host", b"a")], type="websocket"), **shown)
    silent = told_of_handshake(scope(), USERVER_LOG_REQUEST=False, **shown)

    headers = {"request_headers": '{"host":"***"}'}
    assert told[REQUEST_TAGS] == {"method": "GET", "uri": "/chat", **headers}
    assert REQUEST_TAGS not in silent
    assert caplog.records == []


# What is always told


def test_handshake_has_the_method_of_all_handshakes() -> None:
    request = {"type": "websocket", "path": "/chat", "headers": []}

    assert request_tags(request, [])["method"] == "GET"


@pytest.mark.parametrize(
    ("others", "uri"),
    [
        ({}, "/chat"),
        ({"query_string": b""}, "/chat"),
        ({"query_string": b"a=%20&b"}, "/chat?a=%20&b"),
        ({"raw_path": b"/ch%3Fat", "path": "/ch?at"}, "/ch%3Fat"),
        ({"raw_path": b"/ch%3Fat", "path": "/ch?at", "query_string": b"a"}, "/ch%3Fat?a"),
        ({"raw_path": None, "path": "/ch?at\n\udc80"}, "/ch%3Fat%0A%3F"),
        ({"raw_path": b"/\xe9", "query_string": b"\xff"}, "/é?ÿ"),
    ],
)
def test_uri_is_what_the_request_asks_for(others: dict[str, Any], uri: str) -> None:
    assert request_tags(scope(**others), [])["uri"] == uri


def test_what_a_client_says_of_itself_and_of_its_body_has_tags() -> None:
    headers = [
        (b"host", b"a"),
        (b"accept-language", b"de, en"),
        (b"user-agent", b"caf\xe9"),
        (b"content-length", b"12"),
        (b"x-request-application", b"app_name=a"),
    ]

    tags = request_tags(scope(method="POST"), headers)

    assert tags == {
        "method": "POST",
        "uri": "/chat",
        "acceptlang": "de, en",
        "useragent": "café",
        "request_body_length": "12",
        "request_application": "app_name=a",
    }


def test_first_of_two_headers_counts() -> None:
    headers = [(b"user-agent", b"a"), (b"user-agent", b"b")]

    assert request_tags(scope(), headers)["useragent"] == "a"


def test_what_is_too_long_is_cut() -> None:
    long = b"/" + b"x" * MUCH
    headers = [(b"user-agent", long), (b"content-length", long)]

    for request in (scope(raw_path=long, query_string=long), scope(path=long.decode())):
        tags = request_tags(request, headers)
        assert {len(str(tag)) for name, tag in tags.items() if name != "method"} == {MAX_TAG}


# Headers


def test_headers_are_masked_but_for_those_of_the_whitelist_which_come_first() -> None:
    headers = [(b"cookie", b"secret"), (b"Host", b"a"), (b"authorization", b""), (b"accept", b"b")]

    tags = header_tags(headers, {"accept", "host"}, MUCH)

    assert tags == {
        "request_headers": '{"host":"a","accept":"b","cookie":"***","authorization":"***"}'
    }


def test_repeated_header_is_told_once_with_all_its_values() -> None:
    headers = [(b"a", b"1"), (b"b", b"2"), (b"A", b"3"), (b"b", b"4"), (b"a", b"")]

    tags = header_tags(headers, {"a"}, MUCH)

    assert tags == {"request_headers": '{"a":"1, 3, ","b":"***"}'}


@pytest.mark.parametrize(
    ("limit", "headers", "left_out"),
    [
        (0, "{}", 3),
        (2, "{}", 3),
        (9, "{}", 3),
        (10, '{"a":"11"}', 2),
        (19, '{"a":"11"}', 2),
        (20, '{"a":"11","c":"***"}', 1),
        (24, '{"a":"11","c":"***"}', 1),
        (25, '{"a":"11","b":"22222222"}', 1),
        (34, '{"a":"11","b":"22222222"}', 1),
        (35, '{"a":"11","b":"22222222","c":"***"}', None),
        (MUCH, '{"a":"11","b":"22222222","c":"***"}', None),
    ],
)
def test_header_that_there_is_no_room_for_is_left_out_whole(
    limit: int, headers: str, left_out: int | None
) -> None:
    """One that is shorter still has room then: a long one hides no other."""
    tags = header_tags([(b"a", b"11"), (b"b", b"2" * 8), (b"c", b"secret")], {"a", "b"}, limit)

    assert tags["request_headers"] == headers
    assert tags.get("request_headers_left_out") == left_out


def test_no_headers_are_an_empty_object() -> None:
    assert header_tags([], {"host"}, 0) == {"request_headers": "{}"}


RAW_HEADERS = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=60)), max_size=30)


@given(RAW_HEADERS, st.sets(st.text(max_size=3), max_size=5), st.integers(0, 600))
def test_whatever_the_headers_are_the_tag_is_json_within_its_limit(
    headers: list[tuple[bytes, bytes]], shown: set[str], limit: int
) -> None:
    names = [name.decode("latin-1").lower() for name, _ in headers]
    shown |= set(names[::2])

    tags = header_tags(headers, shown, limit)

    text = tags["request_headers"]
    assert isinstance(text, str)
    assert len(text.encode()) <= max(limit, len("{}"))
    told = json.loads(text)
    assert all(told[name] == MASK for name in told if name not in shown)
    assert len(told) + int(str(tags.get("request_headers_left_out", 0))) == len(set(names))


@given(RAW_HEADERS, st.binary(max_size=60), st.sampled_from(["text", "tskv", "json"]))
def test_no_request_forges_a_line_or_a_tag(
    headers: list[tuple[bytes, bytes]], raw: bytes, name: FormatName
) -> None:
    request = scope(raw_path=raw, query_string=raw, method="GET")
    headers += [(b"user-agent", raw), (b"content-length", raw)]
    tags = request_tags(request, headers) | header_tags(headers, {"user-agent"}, MAX_CHARACTERS)
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, "request received", None, None)
    plain = line_format(name, "")(record)
    record.__dict__["tags"] = tags

    line = line_format(name, "")(record)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    if name != "json":
        assert line.count(b"\t") == plain.count(b"\t") + len(tags)
