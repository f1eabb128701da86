"""What an opening handshake costs without sockets, HTTP parser, routing and handler."""

from pytest_benchmark.fixture import BenchmarkFixture

from app.server.websocket_scope import websocket_scope
from app.websocket.handshake import check_handshake, encode_switching_protocols

# What a browser sends.
HEADERS = [
    (b"host", b"localhost:8080"),
    (b"connection", b"Upgrade"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"),
    (b"upgrade", b"websocket"),
    (b"origin", b"http://localhost:8080"),
    (b"sec-websocket-version", b"13"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"accept-language", b"en-GB,en;q=0.9"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits"),
]
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3


def test_check(benchmark: BenchmarkFixture) -> None:
    assert benchmark(check_handshake, "GET", "1.1", HEADERS) == ACCEPT


def test_scope(benchmark: BenchmarkFixture) -> None:
    request = {"scheme": "http", "root_path": "", "headers": HEADERS, "client": ("127.0.0.1", 1)}

    scope = benchmark(websocket_scope, request, b"/chat?room=1", HEADERS, "3.0")

    assert scope["path"] == "/chat"


def test_answer(benchmark: BenchmarkFixture) -> None:
    headers = [(b"date", b"Thu, 26 Nov 2026 12:00:00 GMT"), (b"server", b"uvicorn")]

    answer = benchmark(encode_switching_protocols, ACCEPT, None, headers)

    assert ACCEPT in answer
