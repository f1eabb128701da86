import base64

import pytest

from app.websocket.handshake import HandshakeRefused, check_handshake
from app.websocket.headers import Headers

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
        [(b"host", b"example.com")],
        [(b"host", b"Example.COM:")],
        [(b"host", b"[::1]:8080")],
        [(b"host", b"xn--bcher-kva.example.")],
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
        request_with((b"host", b"a"), (b"host", b"")),
        request_with((b"host", b""), (b"host", b"a")),
        request_with((b"host", b""), (b"host", b"a"), (b"host", b"")),
    ],
    ids=["none", "two", "twice the same", "twice empty", "or none", "none or", "none or none"],
)
def test_a_request_has_exactly_one_host(headers: Headers) -> None:
    refused = refusal(headers)

    assert refused.status == 400
    assert "Host" in refused.reason


@pytest.mark.parametrize(
    "host",
    [
        *(b"", b" ", b"a b", b"a\tb", b"a/b", b"/", b"a?b", b"a#b", b"a\\b", b"http://a"),
        *(b"user@host", b"user:pass@host", b"a:b", b"a:-1", b"a:65536", b":80", b"a:80:80"),
        *(b"[::1", b"::1", b"[::1]a", b"[]", b"caf\xc3\xa9", b"a\x0b", b"<a>", b"a, b", b"%"),
    ],
)
def test_a_host_is_nothing_but_a_host_and_a_port(host: bytes) -> None:
    refused = refusal(request_with((b"host", host)))

    assert refused.status == 400
    assert "Host" in refused.reason


@pytest.mark.parametrize(
    "headers",
    [
        request_without(b"upgrade"),
        request_with((b"upgrade", b"h2c")),
        request_with((b"upgrade", b"websockets")),
        request_with((b"upgrade", b"websocket/13")),
        request_with((b"upgrade", b"\x0cwebsocket")),
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
        request_with((b"sec-websocket-version", b"\x0b13")),
        request_with((b"sec-websocket-version", b"13"), (b"sec-websocket-version", b"13")),
    ],
    ids=["none", "old", "list", "no blank", "twice"],
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
    "lines",
    [
        [(b"content-length", b"5")],
        [(b"content-length", b"-0")],
        [(b"content-length", b"+0")],
        [(b"content-length", b"0x0")],
        [(b"content-length", b"0, 0")],
        [(b"content-length", b"")],
        [(b"content-length", b"0"), (b"content-length", b"5")],
        [(b"content-length", b"5"), (b"content-length", b"0")],
        [(b"content-length", b"0"), (b"content-length", b"")],
        [(b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"")],
        [(b"transfer-encoding", b"\x0bchunked")],
        [(b"content-length", b"0"), (b"transfer-encoding", b"chunked")],
    ],
)
def test_a_request_with_a_body_is_refused(lines: list[tuple[bytes, bytes]]) -> None:
    refused = refusal(request_with(*lines))

    assert refused.status == 400
    assert "no body" in refused.reason


def test_a_refusal_tells_status_and_reason() -> None:
    assert str(HandshakeRefused(400, "no host")) == "400: no host"
