import base64

import pytest

from app.websocket.channel import Headers
from app.websocket.handshake import (
    HandshakeRefused,
    check_handshake,
    encode_response,
    encode_switching_protocols,
)

# The key and its answer are the example of RFC 6455 section 1.3.
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
REQUEST = {
    b"host": b"localhost:8080",
    b"upgrade": b"websocket",
    b"connection": b"Upgrade",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
}


def request_with(*lines: tuple[bytes, bytes]) -> Headers:
    """The headers of a good request, with `lines` in place of those that have their names."""
    names = {name for name, _ in lines}
    return [*(line for line in REQUEST.items() if line[0] not in names), *lines]


def request_without(name: bytes) -> Headers:
    return [line for line in REQUEST.items() if line[0] != name]


def refusal(headers: Headers, method: str = "GET", http_version: str = "1.1") -> HandshakeRefused:
    with pytest.raises(HandshakeRefused) as caught:
        check_handshake(method, http_version, headers)
    return caught.value


# check_handshake


def test_a_good_request_gets_the_accept_value_of_the_rfc() -> None:
    assert check_handshake("GET", "1.1", list(REQUEST.items())) == ACCEPT


def test_other_headers_do_not_matter() -> None:
    headers = [(b"cookie", b"a"), *REQUEST.items(), (b"cookie", b"b"), (b"origin", b"null")]

    assert check_handshake("GET", "1.1", headers) == ACCEPT


@pytest.mark.parametrize(
    "lines",
    [
        [(b"connection", b"keep-alive, Upgrade")],
        [(b"connection", b"UPGRADE,close")],
        [(b"connection", b"keep-alive"), (b"connection", b"upgrade")],
        [(b"upgrade", b"WebSocket")],
        [(b"upgrade", b"h2c, websocket")],
        [(b"upgrade", b"h2c"), (b"upgrade", b"websocket")],
        [(b"host", b"")],
        [(b"content-length", b"0")],
        [(name, value + b" \t") for name, value in REQUEST.items()],
    ],
)
def test_a_request_may_say_the_same_in_other_ways(lines: list[tuple[bytes, bytes]]) -> None:
    assert check_handshake("GET", "1.1", request_with(*lines)) == ACCEPT


@pytest.mark.parametrize("http_version", ["1.0", "0.9", "2"])
def test_another_http_version_is_refused(http_version: str) -> None:
    assert refusal(request_with(), http_version=http_version).status == 400


@pytest.mark.parametrize("method", ["POST", "HEAD", "get"])
def test_another_method_is_refused_and_get_named(method: str) -> None:
    refused = refusal(request_with(), method=method)

    assert refused.status == 405
    assert refused.headers == ((b"allow", b"GET"),)


@pytest.mark.parametrize(
    "headers",
    [
        request_without(b"host"),
        request_with((b"host", b"a"), (b"host", b"b")),
        request_with((b"host", b"a"), (b"host", b"a")),
        request_with((b"host", b""), (b"host", b"")),
    ],
    ids=["none", "two", "twice the same", "twice empty"],
)
def test_a_request_has_exactly_one_host(headers: Headers) -> None:
    refused = refusal(headers)

    assert refused.status == 400
    assert "Host" in refused.reason


@pytest.mark.parametrize(
    "headers",
    [
        request_without(b"upgrade"),
        request_with((b"upgrade", b"h2c")),
        request_with((b"upgrade", b"websockets")),
        request_without(b"connection"),
        request_with((b"connection", b"keep-alive")),
        request_with((b"connection", b"upgrade-insecure")),
        request_with((b"connection", b"close"), (b"connection", b"keep-alive")),
    ],
)
def test_a_request_that_does_not_upgrade_is_told_to(headers: Headers) -> None:
    refused = refusal(headers)

    assert refused.status == 426
    assert set(refused.headers) == {(b"upgrade", b"websocket"), (b"connection", b"Upgrade")}


@pytest.mark.parametrize(
    "headers",
    [
        request_without(b"sec-websocket-version"),
        request_with((b"sec-websocket-version", b"8")),
        request_with((b"sec-websocket-version", b"8, 13")),
        request_with((b"sec-websocket-version", b"13"), (b"sec-websocket-version", b"13")),
    ],
    ids=["none", "old", "list", "twice"],
)
def test_another_version_is_told_the_right_one(headers: Headers) -> None:
    refused = refusal(headers)

    assert refused.status == 426
    assert set(refused.headers) == {
        (b"sec-websocket-version", b"13"),
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
    }


@pytest.mark.parametrize(
    "headers",
    [
        request_without(b"sec-websocket-key"),
        request_with((b"sec-websocket-key", b"")),
        request_with((b"sec-websocket-key", base64.b64encode(bytes(15)))),
        request_with((b"sec-websocket-key", base64.b64encode(bytes(17)))),
        request_with((b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ")),
        request_with((b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25j*Q==")),
        request_with((b"sec-websocket-key", b"dGhlIHNhbXBs\nSBub25jZQ==")),
        request_with(*[(b"sec-websocket-key", REQUEST[b"sec-websocket-key"])] * 2),
    ],
    ids=["none", "empty", "short", "long", "no padding", "no base64", "line break", "twice"],
)
def test_a_key_is_16_bytes_in_base64(headers: Headers) -> None:
    refused = refusal(headers)

    assert refused.status == 400
    assert "Sec-WebSocket-Key" in refused.reason


@pytest.mark.parametrize(
    "line",
    [(b"content-length", b"5"), (b"content-length", b"-0"), (b"transfer-encoding", b"chunked")],
)
def test_a_request_with_a_body_is_refused(line: tuple[bytes, bytes]) -> None:
    refused = refusal(request_with(line))

    assert refused.status == 400
    assert "no body" in refused.reason


def test_a_refusal_tells_status_and_reason() -> None:
    assert str(HandshakeRefused(400, "no host")) == "400: no host"


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


@pytest.mark.parametrize("subprotocol", ["a\r\nx: y", "caf\xe9"])
def test_a_subprotocol_cannot_break_the_head(subprotocol: str) -> None:
    with pytest.raises(ValueError, match=r"Sec-WebSocket-Protocol|ascii"):
        encode_switching_protocols(ACCEPT, subprotocol, [])


# encode_response

UNSAFE_HEADERS = [
    (b"x", b"a\rb"),
    (b"x", b"a\nb"),
    (b"x", b"a\0b"),
    (b"x", b"a\r\ny: z"),
    (b"x", b"a\r\n"),
    (b"x\r\ny", b"a"),
    (b"x\0", b"a"),
    (b"x: y", b"a"),
    (b"", b"a"),
]


@pytest.mark.parametrize("header", UNSAFE_HEADERS)
def test_a_header_cannot_break_out_of_its_line(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"^header b'"):
        encode_response(400, [header], b"")
    with pytest.raises(ValueError, match=r"^header b'"):
        encode_switching_protocols(ACCEPT, None, [header])


def test_an_answer_has_head_and_body() -> None:
    assert encode_response(426, [(b"upgrade", b"websocket")], b"no\n") == (
        b"HTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\ncontent-length: 3\r\n\r\nno\n"
    )


def test_the_framing_of_an_answer_is_that_of_its_body() -> None:
    headers = [(b"Content-Length", b"10"), (b"transfer-encoding", b"chunked")]

    answer = encode_response(403, headers, b"no")

    assert answer == b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"


@pytest.mark.parametrize("status", [103, 204, 304])
def test_a_status_without_a_body_is_sent_without(status: int) -> None:
    assert encode_response(status, [], b"body").endswith(b"\r\n\r\n")
    assert b"content-length" not in encode_response(status, [], b"body")


def test_a_status_that_nobody_has_named_has_no_phrase() -> None:
    assert encode_response(599, [], b"").startswith(b"HTTP/1.1 599 \r\n")
