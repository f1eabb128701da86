from http import HTTPStatus

import pytest

from app.websocket.handshake import (
    acceptance_headers,
    check_refusal,
    encode_response,
    encode_switching_protocols,
    refusal_headers,
)
from app.websocket.headers import Headers

ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

# encode_switching_protocols


def test_the_answer_to_a_good_request_switches_protocols() -> None:
    assert encode_switching_protocols(ACCEPT, None, []) == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"\r\n"
    )


def test_the_answer_names_the_subprotocol_and_the_service_s_headers() -> None:
    head = encode_switching_protocols(ACCEPT, "chat", [(b"server", b"x"), (b"x-empty", b"")])

    assert head.endswith(
        b"\r\nSec-WebSocket-Protocol: chat\r\nserver: x\r\nx-empty: \r\n\r\n",
    )


def test_the_answer_names_the_extensions_that_were_agreed_on() -> None:
    head = encode_switching_protocols(ACCEPT, "chat", [(b"server", b"x")], b"permessage-deflate")

    assert head.endswith(
        b"\r\nSec-WebSocket-Protocol: chat\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
        b"server: x\r\n\r\n",
    )


@pytest.mark.parametrize(
    "subprotocol",
    ["a\r\nx: y", "a\n", "a\0", "", " ", "a b", "a, b", "a,b", "caf\xe9", "\u0441hat"],
)
def test_a_subprotocol_cannot_break_the_head(subprotocol: str) -> None:
    with pytest.raises(ValueError, match=r"^subprotocol '"):
        acceptance_headers(subprotocol, [])
    with pytest.raises(ValueError, match=r"^subprotocol '"):
        encode_switching_protocols(ACCEPT, subprotocol, [])


@pytest.mark.parametrize(
    "name", [b"Connection", b"upgrade", b"Content-Length", b"transfer-encoding"]
)
def test_what_the_handshake_says_of_the_connection_is_said_once(name: bytes) -> None:
    headers = [(b"x", b"1"), (name, b"5"), (b"y", b"2")]

    assert acceptance_headers(None, headers) == [(b"x", b"1"), (b"y", b"2")]
    assert encode_switching_protocols(ACCEPT, None, headers) == encode_switching_protocols(
        ACCEPT, None, [(b"x", b"1"), (b"y", b"2")]
    )


@pytest.mark.parametrize(
    "name", [b"Sec-WebSocket-Accept", b"sec-websocket-extensions", b"SEC-WEBSOCKET-PROTOCOL"]
)
def test_nothing_can_contradict_what_was_negotiated(name: bytes) -> None:
    with pytest.raises(ValueError, match=r"is the handshake's own"):
        acceptance_headers("chat", [(name, b"chat")])
    with pytest.raises(ValueError, match=r"is the handshake's own"):
        encode_switching_protocols(ACCEPT, None, [(name, b"chat")])


# Both answers

UNSAFE_HEADERS = [
    (b"x", b"a\rb"),
    (b"x", b"a\nb"),
    (b"x", b"a\0b"),
    (b"x", b"a\r\ny: z"),
    (b"x", b"a\r\n"),
    (b"x", b"\x1b[2J"),
    (b"x", b"a\x7f"),
    (b"x\r\ny", b"a"),
    (b"x\n", b"a"),
    (b"x\0", b"a"),
    (b"x: y", b"a"),
    (b"x ", b"a"),
    (b"caf\xe9", b"a"),
    (b"", b"a"),
    (b"content-length ", b"5"),
    (b"\ntransfer-encoding", b"chunked"),
]


@pytest.mark.parametrize("header", UNSAFE_HEADERS)
def test_a_header_cannot_break_out_of_its_line(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"^header b'"):
        refusal_headers(400, [header])
    with pytest.raises(ValueError, match=r"^header b'"):
        encode_response(400, [header], b"")
    with pytest.raises(ValueError, match=r"^header b'"):
        acceptance_headers(None, [header])
    with pytest.raises(ValueError, match=r"^header b'"):
        encode_switching_protocols(ACCEPT, None, [header])


@pytest.mark.parametrize("value", [b"", b"a b", b"a\tb", b"caf\xe9", b'a, b; c="d"', b"\x80\xff"])
def test_a_value_may_be_what_http_allows(value: bytes) -> None:
    headers = [(b"X-Note", value), (b"X-Note", value)]

    assert refusal_headers(400, headers) == headers
    assert acceptance_headers(None, headers) == headers


# encode_response


def test_an_answer_has_head_and_body() -> None:
    assert encode_response(426, [(b"upgrade", b"websocket")], b"no\n") == (
        b"HTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\ncontent-length: 3\r\n\r\nno\n"
    )


def test_the_framing_of_an_answer_is_that_of_its_body() -> None:
    headers = [(b"Content-Length", b"10"), (b"transfer-encoding", b"chunked")]

    answer = encode_response(403, headers, b"no")

    assert answer == b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"


@pytest.mark.parametrize(
    "name",
    [b"Sec-WebSocket-Accept", b"Sec-WebSocket-Extensions", b"Sec-WebSocket-Protocol"],
)
def test_a_refusal_has_nothing_of_an_open_connection(name: bytes) -> None:
    assert refusal_headers(403, [(name, b"a"), (b"x", b"1")]) == [(b"x", b"1")]
    assert name.lower() not in encode_response(403, [(name, b"a")], b"").lower()


@pytest.mark.parametrize(
    "header",
    [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-version", b"13, 8"),
        (b"www-authenticate", b'Bearer realm="chat"'),
    ],
)
def test_a_refusal_may_say_what_a_client_should_do(header: tuple[bytes, bytes]) -> None:
    assert refusal_headers(426, [header]) == [header]


@pytest.mark.parametrize("status", [200, 204, 302, 401, 429, 503, 599, HTTPStatus.IM_A_TEAPOT])
def test_a_refusal_has_any_final_status(status: int) -> None:
    assert check_refusal(status) == status
    assert encode_response(status, [], b"").startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("status", [-1, 0, 1, 99, 100, 101, 103, 199, 600, 1000, True, None, "401"])
def test_a_refusal_has_no_other_status(status: int) -> None:
    headers: Headers = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")]
    for refuse in (
        lambda: check_refusal(status),
        lambda: refusal_headers(status, headers),
        lambda: encode_response(status, headers, b""),
    ):
        with pytest.raises(ValueError, match=r"^a refusal has a status from 200 to 599, not "):
            refuse()


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_is_sent_without(status: int) -> None:
    assert encode_response(status, [], b"body").endswith(b"\r\n\r\n")
    assert b"content-length" not in encode_response(status, [], b"body")


def test_a_status_with_an_empty_body_says_so() -> None:
    answer = encode_response(205, [], b"body")

    assert answer == b"HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"


def test_a_status_that_nobody_has_named_has_no_phrase() -> None:
    assert encode_response(599, [], b"").startswith(b"HTTP/1.1 599 \r\n")
