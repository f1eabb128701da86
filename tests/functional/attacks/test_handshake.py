"""What may come before, or instead of, a handshake."""

import contextlib
import select

import pytest

from tests.helpers.attacks import PLAIN_REQUEST
from tests.helpers.raw_client import TIMEOUT, RawClient, request_head
from tests.helpers.service_process import ServiceProcess
from tests.helpers.worker_memory import MIB, WorkerMemory

FLOOD_OF_HEADERS = 38 * MIB
SLOW_CLIENTS = 30

ENDLESS = {
    "header-lines": (b"GET /chat HTTP/1.1\r\n", b"A: b\r\n" * 10_000, 431),
    "large-header-lines": (b"GET /chat HTTP/1.1\r\n", b"A: " + b"b" * 60_000 + b"\r\n", 431),
    "one-header-line": (b"GET /chat HTTP/1.1\r\nA: ", b"b" * 60_000, 431),
    "header-name": (b"GET /chat HTTP/1.1\r\n", b"b" * 60_000, 431),
    "url": (b"GET /", b"b" * 60_000, 414),
}


def answer(service: ServiceProcess, request: bytes) -> bytes:
    with RawClient(service.port) as client:
        client.send(request)
        return client.read_head()


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_head_is_refused_early_and_not_kept(
    name: str, plain_service: ServiceProcess, plain_memory: WorkerMemory
) -> None:
    start, part, status = ENDLESS[name]
    with plain_memory.growth() as growth, RawClient(plain_service.port) as client:
        client.send(start + part * 3)

        assert client.read_head().startswith(f"HTTP/1.1 {status} ".encode())
        with contextlib.suppress(ConnectionError):  # it may be cut off at any time
            client.send(part * (FLOOD_OF_HEADERS // len(part)))
    assert growth.peak < 8 * MIB


def test_connections_that_say_nothing_are_closed_in_time(impatient_service: ServiceProcess) -> None:
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(RawClient(impatient_service.port)) for _ in range(SLOW_CLIENTS)
        ]

        assert all(client.at_end() for client in clients)


def test_heads_that_do_not_end_are_refused_in_time(impatient_service: ServiceProcess) -> None:
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(RawClient(impatient_service.port)) for _ in range(SLOW_CLIENTS)
        ]
        for client in clients:
            client.send(request_head()[:-4])

        for client in clients:
            assert client.read_head().startswith(b"HTTP/1.1 408 ")


def test_head_that_comes_byte_by_byte_has_no_more_time_than_another(
    impatient_service: ServiceProcess,
) -> None:
    with RawClient(impatient_service.port) as client:
        client.send(b"GET /chat HTTP/1.1\r\nA: ")
        for _ in range(int(TIMEOUT / 0.1)):
            client.send(b"b")
            if select.select([client.socket], [], [], 0.1)[0]:
                break

        assert client.read_head().startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "line",
    [
        "Sec-WebSocket-Protocol: " + "a," * 20_000 + "{",
        "Sec-WebSocket-Protocol: " + " " * 30_000 + "a" + " " * 30_000 + "b",
        "Sec-WebSocket-Extensions: " + ("a;" * 20_000)[:-1] + "=",
        "Sec-WebSocket-Extensions: " + "permessage-deflate," * 3000 + "permessage-deflate",
        "Sec-WebSocket-Extensions: permessage-deflate" + "; client_max_window_bits" * 2000,
        'Sec-WebSocket-Extensions: a; b="' + "\\" * 60_000,
        'Sec-WebSocket-Extensions: a; b="' + '\\"' * 30_000,
        "Sec-WebSocket-Extensions: __proto__; constructor; toString=__class__",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=" + "9" * 5000,
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=-8",
        "Sec-WebSocket-Key: " + "=" * 60_000,
        "Sec-WebSocket-Version: " + "1" * 60_000,
        "Sec-WebSocket-Version: " + "13," * 20_000,
    ],
)
def test_hostile_header_is_answered_at_once_and_is_no_error_of_ours(
    line: str, compressing_service: ServiceProcess
) -> None:
    with RawClient(compressing_service.port) as client:
        client.socket.settimeout(2.0)
        client.send(request_head("/chat", line))

        assert client.read_head().split()[1] in (b"101", b"400", b"426", b"431")


@pytest.mark.parametrize("host", ["evil/chat?", "evil/chat#", "a b", "evil@localhost", "[::1"])
def test_host_does_not_decide_which_path_is_asked_for(
    host: str, plain_service: ServiceProcess
) -> None:
    def to(path: str) -> bytes:
        head = request_head(path).replace(b"Host: localhost", f"Host: {host}".encode())
        return answer(plain_service, head).split()[1]

    assert to("/nowhere") in (b"400", b"404")
    assert to("/chat") in (b"101", b"400")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost.evil.example",
        "http://evil-localhost",
        "http://localhost:1",
        "http://evil@localhost",
        "http://localhost/evil",
        "null",
        "",
        "localhost",
    ],
)
def test_foreign_origin_is_refused(origin: str, plain_service: ServiceProcess) -> None:
    head = answer(plain_service, request_head("/chat", f"Origin: {origin}"))

    assert head.startswith(b"HTTP/1.1 403 ")


def test_second_origin_is_refused(plain_service: ServiceProcess) -> None:
    origins = ["Origin: http://localhost", "Origin: http://evil.example"]

    assert answer(plain_service, request_head("/chat", *origins)).split()[1] in (b"400", b"403")


@pytest.mark.parametrize("origin", ["http://localhost", "HTTP://LOCALHOST:80"])
def test_own_origin_may_enter(origin: str, plain_service: ServiceProcess) -> None:
    head = answer(plain_service, request_head("/chat", f"Origin: {origin}"))

    assert head.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: +5"],
        ["Content-Length : 5"],
    ],
)
def test_request_whose_end_is_in_doubt_is_the_last_of_its_connection(
    lines: list[str], plain_service: ServiceProcess
) -> None:
    head = "\r\n".join(["POST / HTTP/1.1", "Host: localhost", *lines, "", ""])
    with RawClient(plain_service.port) as client:
        client.send(head.encode() + b"0\r\n\r\n" + PLAIN_REQUEST)

        assert client.read_head().startswith(b"HTTP/1.1 400 ")
