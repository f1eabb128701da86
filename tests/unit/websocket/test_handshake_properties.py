"""Whatever a peer or a service writes into headers: an answer or a refusal, in linear time."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.websocket.handshake import (
    HandshakeRefused,
    check_handshake,
    encode_response,
    encode_switching_protocols,
)
from app.websocket.headers import Headers
from app.websocket.origin import origin_allowed
from app.websocket.subprotocols import offered_subprotocols

GOOD = [
    (b"host", b"localhost:8080"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
]

CHECKED = [
    *(name for name, _ in GOOD),
    *(b"content-length", b"transfer-encoding", b"origin"),
    *(b"sec-websocket-protocol", b"sec-websocket-extensions", b"sec-websocket-accept"),
]

# Bytes of values, and pieces of what is looked for.
PIECES = st.sampled_from(
    [b"websocket", b"Upgrade", b"13", b"0", b",", b", ", b" ", b"\t", b"=", b"==", b"[::1]", b":80"]
)
VALUES = st.lists(st.binary(max_size=8) | PIECES, max_size=6).map(b"".join)
LINES = st.lists(st.tuples(st.sampled_from(CHECKED), VALUES), max_size=5)


def check(headers: Headers) -> HandshakeRefused | None:
    try:
        accept_value = check_handshake("GET", "1.1", headers)
    except HandshakeRefused as refused:
        return refused
    assert len(accept_value) == 28
    return None


@given(LINES, st.sets(st.sampled_from([name for name, _ in GOOD]), max_size=2))
def test_any_request_is_accepted_or_refused(
    lines: list[tuple[bytes, bytes]], left_out: set[bytes]
) -> None:
    headers = [*(line for line in GOOD if line[0] not in left_out), *lines]

    refused = check(headers)

    assert refused is None or refused.status in (400, 426)
    offered_subprotocols(headers)
    origin_allowed(headers, None)


@given(LINES, st.text(max_size=8), st.text(max_size=4))
def test_any_refusal_can_be_sent(
    lines: list[tuple[bytes, bytes]], method: str, http_version: str
) -> None:
    with pytest.raises(HandshakeRefused) as caught:
        check_handshake(f"X{method}", http_version, lines)

    refused = caught.value
    answer = encode_response(refused.status, refused.headers, refused.reason.encode())
    assert answer.count(b"\r\n\r\n") == 1


ANYTHING = st.binary(max_size=8) | st.sampled_from([b"\r\n", b"x", b"Connection", b"\r\n\r\n"])


@given(st.lists(st.tuples(ANYTHING, ANYTHING), max_size=4), st.none() | st.text(max_size=8))
def test_any_answer_is_one_head_or_an_error(
    headers: list[tuple[bytes, bytes]], subprotocol: str | None
) -> None:
    with contextlib.suppress(ValueError):
        accepted = encode_switching_protocols(b"x" * 28, subprotocol, headers)
        assert accepted.endswith(b"\r\n\r\n")
        assert accepted.count(b"\r\n") <= 6 + len(headers)
        assert accepted.count(b"\r\n") == accepted.count(b"\n") == accepted.count(b"\r")
    with contextlib.suppress(ValueError):
        refused = encode_response(403, headers, b"")
        assert refused.endswith(b"\r\n\r\n")
        assert refused.count(b"\r\n") <= 3 + len(headers)
        assert refused.count(b"\r\n") == refused.count(b"\n") == refused.count(b"\r")


SIZE = 60_000

PATIENCE = 2.0
"""Seconds; what takes quadratic time takes minutes."""

LONG_VALUES = [
    unit * (SIZE // len(unit))
    for unit in (
        b"a",
        b",",
        b" ",
        b"\t",
        b", ",
        b"a,",
        b"a ,",
        b"=",
        b"%41",
        b"%",
        b".",
        b"[",
        b":",
    )
]


@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize("value", LONG_VALUES, ids=lambda value: repr(value[:3]))
def test_long_value_takes_no_long_time(name: bytes, value: bytes) -> None:
    variants = [value, value + b"\0", b"http://" + value + b"\0", b"[" + value + b"]"]
    began = time.process_time()

    for variant in variants:
        headers = [*(line for line in GOOD if line[0] != name), (name, variant)]
        check(headers)
        offered_subprotocols(headers)
        origin_allowed(headers, None)
        origin_allowed(headers, ["https://example.com"])

    assert time.process_time() - began < PATIENCE
