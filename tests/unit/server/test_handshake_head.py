from collections.abc import Iterator

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.handshake_head import MAX_SIZE, HandshakeHead, read_handshake_head
from app.server.http_limits import HttpLimits

LIMITS = HttpLimits()

LINES = (
    b"GET /chat?a=%20 HTTP/1.1",
    b"Host: localhost:8080",
    b"Upgrade: websocket",
    b"Connection: keep-alive, Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
)


def head(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in (*lines, b""))


def read(data: bytes, **limits: int) -> HandshakeHead | None:
    return read_handshake_head(data, HttpLimits(**limits))


class Told:
    """What the parser tells of a request."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.upgraded_at: int | None = None
        self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgraded_at = upgrade.args[0]
        self.request = (self._parser.get_method(), self._parser.get_http_version())

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def test_head_and_what_is_behind_it_are_told_apart() -> None:
    found = read(head(*LINES) + b"\x81\x80mask")

    assert found is not None
    assert found.url == b"/chat?a=%20"
    assert found.headers[0] == (b"host", b"localhost:8080")
    assert found.size == len(head(*LINES))


@pytest.mark.parametrize(
    "lines",
    [
        (*LINES, b"Content-Length: 0"),
        (*LINES, b"Transfer-Encoding: chunked"),
        (*LINES, b"Expect: 100-continue"),
        (*LINES, b"Proxy-Connection: close"),
        (*LINES, b"host: b"),
        (LINES[0], LINES[1], *LINES[3:]),
        (*LINES, b"X: a\tb"),
        (*LINES, b"X: caf\xe9"),
        (*LINES, b"X: a "),
        (*LINES, b"X:a"),
        (*LINES, b"X: "),
        (*LINES, b"X : a"),
        (*LINES, b" folded"),
        (*LINES, b"X: a\rb"),
        (*LINES, b"X: a\nY: b"),
        (*LINES, b"X: a\0"),
        (b"GET /chat HTTP/1.0", *LINES[1:]),
        (b"POST /chat HTTP/1.1", *LINES[1:]),
        (b"GET  /chat HTTP/1.1", *LINES[1:]),
        (b"GET http://a/chat HTTP/1.1", *LINES[1:]),
        (b"GET /chat#a HTTP/1.1", *LINES[1:]),
        (b"GET /\xff HTTP/1.1", *LINES[1:]),
        (LINES[0],),
    ],
)
def test_what_is_unusual_is_left_to_the_parser(lines: tuple[bytes, ...]) -> None:
    assert read(head(*lines)) is None


@pytest.mark.parametrize("size", [0, 1, 20, len(head(*LINES)) - 1])
def test_part_of_a_head_is_left_to_the_parser(size: int) -> None:
    assert read(head(*LINES)[:size]) is None


def test_lines_that_end_otherwise_are_left_to_the_parser() -> None:
    assert read(head(*LINES).replace(b"\r\n", b"\n")) is None
    assert read(b"\r\n" + head(*LINES)) is None


def test_what_is_long_is_left_to_the_parser() -> None:
    data = head(*LINES)

    assert read(data + b"x" * (MAX_SIZE - len(data))) is not None
    assert read(data + b"x" * (MAX_SIZE - len(data) + 1)) is None


def test_limits_are_exact() -> None:
    lines = sum(len(line) + 2 for line in LINES[1:])
    exact = {"max_headers_size": lines, "max_headers_count": 5, "max_url_size": 11}

    assert read(head(*LINES), **exact) is not None
    for name, limit in exact.items():
        assert read(head(*LINES), **{**exact, name: limit - 1}) is None


BYTES = st.sampled_from([bytes([each]) for each in range(256)])
NAMES = st.sampled_from([b"Cookie", b"upgrade", b"X-A", b"connection", b"Origin", b"Keep-Alive"])
VALUES = st.one_of(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20).map(str.encode),
    st.sampled_from([b"close", b"Upgrade, close", b"h2c", b"websocket", b"a, b"]),
)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Heads as clients write them, and as nobody should."""
    others = draw(st.lists(st.tuples(NAMES, VALUES), max_size=3))
    lines = [*LINES, *(name + b": " + value for name, value in others)]
    data = head(lines[0], *draw(st.permutations(lines[1:])))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(data) - 1))
        data = data[:place] + draw(BYTES) + data[place + draw(st.integers(0, 1)) :]
    return data + draw(st.sampled_from([b"", b"\x81\x80abcd", b"GET / HTTP/1.1\r\n"]))


@given(heads())
def test_whatever_is_read_the_parser_reads_in_the_same_way(data: bytes) -> None:
    found = read(data)
    if found is None:
        return
    # Without what is behind it, which a parser that does not upgrade takes for the next request.
    told = Told(data[: found.size])

    assert told.request == (b"GET", "1.1")
    assert (told.url, told.headers) == (found.url, found.headers)
    if told.upgraded_at is not None:
        assert told.upgraded_at == found.size


def lines_of_length(size: int) -> Iterator[bytes]:
    """Heads that a regular expression which tries again could take long for."""
    yield b"GET /" + b"a" * size
    yield b"GET / HTTP/1.1\r\n" + b"a" * size
    yield b"GET / HTTP/1.1\r\na: " + b"b " * (size // 2)
    yield b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (size // 6)


@pytest.mark.parametrize("data", [*lines_of_length(MAX_SIZE - 20)])
def test_what_does_not_end_is_no_head(data: bytes) -> None:
    assert read(data) is None
