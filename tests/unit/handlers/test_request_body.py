import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from app.handlers.json_error import JsonError
from app.handlers.request_body import MAX_NESTING, BodyLimits, parse_json, read_body, read_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


def request_of(*pieces: bytes, end: str = "http.request", **headers: str) -> Request:
    """Return a request whose body comes in pieces."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": end, "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def limits(size: int, timeout: float = 10.0) -> BodyLimits:
    return BodyLimits(size, timeout)


async def test_body_is_what_its_pieces_are_together() -> None:
    assert await read_body(request_of(b"a", b"", b"bc"), limits(3)) == b"abc"
    assert await read_body(request_of(), limits(1)) == b""


@pytest.mark.parametrize(
    "request_",
    [
        request_of(b"ab", b"cd"),
        request_of(b"abcd"),
        request_of(content_length="4"),
        request_of(content_length="9" * 30),
        request_of(content_length="9" * 5000),
    ],
)
async def test_body_that_is_too_large_is_not_read_to_its_end(request_: Request) -> None:
    with pytest.raises(JsonError, match="may have 3 bytes") as refused:
        await read_body(request_, limits(3))

    assert refused.value.status == 413


async def test_body_that_does_not_come_whole_is_none() -> None:
    with pytest.raises(JsonError, match="has not come whole"):
        await read_body(request_of(b"a", end="http.disconnect"), limits(3))


async def test_body_that_does_not_come_in_time_is_not_waited_for() -> None:
    async def receive() -> dict[str, Any]:
        message: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        return await message

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)

    with pytest.raises(JsonError, match=r"not come whole in 0\.01 s; send it again") as refused:
        await read_body(request, limits(3, 0.01))

    assert (refused.value.status, refused.value.headers) == (408, {"Connection": "close"})


async def test_body_that_is_compressed_is_not_read() -> None:
    with pytest.raises(JsonError, match="not compressed") as refused:
        await read_body(request_of(b"a", content_encoding="br"), limits(3))

    assert refused.value.status == 415


async def test_body_says_that_it_is_json() -> None:
    assert await read_json(request_of(b"[1]", content_type="application/json"), limits(10)) == [1]
    with pytest.raises(JsonError, match="Content-Type: application/json"):
        await read_json(request_of(b"[1]"), limits(10))


@given(VALUES)
def test_json_is_read_as_it_is(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=30))
def test_whatever_comes_is_a_value_or_an_error(body: bytes) -> None:
    with contextlib.suppress(JsonError):
        value = parse_json(body)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def test_nesting_is_bounded() -> None:
    most = b"[" * MAX_NESTING + b"]" * MAX_NESTING

    assert parse_json(most)
    with pytest.raises(JsonError, match="nested deeper than 64"):
        parse_json(b"[" + most + b"]")


def test_key_that_is_there_twice_is_named() -> None:
    with pytest.raises(JsonError, match="the key 'b' is there twice"):
        parse_json(b'[{"a": 1, "b": 2, "b": 3}]')


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'["\\ud800"]', "half of a surrogate pair"),
        (b'{"\\uDfff": 1}', "half of a surrogate pair"),
        (b'"\\ud83d \\ude00"', "half of a surrogate pair"),
        (b"[1e999]", "a number is too large"),
        (b'{"a": -Infinity}', "-Infinity is no value"),
        (b"1" * 5000, "a number is too long"),
    ],
)
def test_what_nobody_could_write_again_is_refused(body: bytes, text: str) -> None:
    with pytest.raises(JsonError, match=text) as refused:
        parse_json(body)

    assert refused.value.code == "bad_json"


def test_whole_surrogate_pair_is_a_character() -> None:
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud800"]') == ["\U0001f600", "\\ud800"]


def test_long_key_is_not_told_whole() -> None:
    key = b'"' + b"x" * 10_000 + b'"'
    with pytest.raises(JsonError, match="is there twice") as refused:
        parse_json(b"{%b: 1, %b: 2}" % (key, key))

    assert len(str(refused.value)) < 200


def test_place_of_an_error_is_told() -> None:
    with pytest.raises(JsonError, match=r"\(line 2, column 1\)"):
        parse_json(b'{"a": \nx}')
    with pytest.raises(JsonError, match="byte 1 is not UTF-8"):
        parse_json(b'"\xff"')
