"""The limits of the listener and its trust in proxies, in real processes, by both entries."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.functional.test_daemon import daemon
from tests.helpers.certificates import make_certificate
from tests.helpers.raw_client import TIMEOUT, RawClient, encode, request_head
from tests.helpers.service_process import (
    ServiceProcess,
    components_of,
    original_config,
    running_command,
    running_service,
    wait_until,
    write_config,
)
from tests.helpers.worker_memory import MIB, WorkerMemory

LIMITS = {
    "handshake-timeout": "1s",
    "max_headers_size": 2000,
    "max_headers_count": 20,
    "max_url_size": 300,
    "max_connections": 10,
}

# As many header lines as a handshake has of its own, and bytes that these have.
OWN_LINES = request_head().count(b"\r\n") - 2
OWN_SIZE = len(request_head()) - request_head().index(b"\r\n") - 4

UVICORN = ["uvicorn", "app.main:app", "--port=%d"]

COMMANDS = {
    "app": None,
    "uvicorn": UVICORN,
    "uvicorn-workers": [*UVICORN, "--workers=2"],
    "uvicorn-asyncio": [*UVICORN, "--loop=asyncio"],
}


@contextlib.contextmanager
def started(
    command: list[str] | None, folder: Path, **listener: object
) -> Iterator[ServiceProcess]:
    document = original_config()
    components_of(document)["server"]["listener"] |= listener
    if command is None:
        running = running_service(folder, document)
    else:
        running = running_command(command, write_config(folder, document))
    with running as service:
        yield service


@pytest.fixture(scope="module", params=COMMANDS)
def limited(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """The chat with a listener of small limits."""
    with started(COMMANDS[request.param], tmp_path_factory.mktemp("limited"), **LIMITS) as service:
        yield service


def assert_serves(service: ServiceProcess) -> None:
    """Show that a client who keeps to the limits is served."""
    with RawClient(service.port).open() as client:
        client.send(encode(Opcode.TEXT, b"hello"))
        assert client.read_frame().payload == b"hello"


def status_of(service: ServiceProcess, request: bytes) -> int:
    """Return the status of the answer, while another client is served."""
    with RawClient(service.port) as client:
        client.send(request)
        assert_serves(service)
        return int(client.read_head().split()[1])


@pytest.mark.parametrize(("size", "status"), [(300, 101), (301, 414)])
def test_url(limited: ServiceProcess, size: int, status: int) -> None:
    url = "/chat?" + "x" * (size - len("/chat?"))

    assert status_of(limited, request_head(url)) == status


@pytest.mark.parametrize(("count", "status"), [(20, 101), (21, 431)])
def test_header_lines(limited: ServiceProcess, count: int, status: int) -> None:
    lines = ["A: b"] * (count - OWN_LINES)

    assert status_of(limited, request_head("/chat", *lines)) == status


@pytest.mark.parametrize(("size", "status"), [(2000, 101), (2001, 431)])
def test_bytes_of_header_lines(limited: ServiceProcess, size: int, status: int) -> None:
    line = "A: " + "x" * (size - OWN_SIZE - len("A: \r\n"))

    assert status_of(limited, request_head("/chat", line)) == status


@pytest.mark.parametrize("pieces", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_head_that_does_not_end_has_its_time(limited: ServiceProcess, pieces: bytes) -> None:
    with RawClient(limited.port) as client:
        client.send(pieces)
        assert_serves(limited)

        if pieces:
            assert client.read_head().startswith(b"HTTP/1.1 408 ")
        else:
            assert client.at_end()


def test_head_that_comes_byte_by_byte_has_no_more_time(limited: ServiceProcess) -> None:
    with RawClient(limited.port) as client:
        told = threading.Event()

        def dribble() -> None:
            with contextlib.suppress(OSError):
                client.send(b"GET / HTTP/1.1\r\nA: ")
                while not told.wait(0.05):
                    client.send(b"a")

        dribbling = threading.Thread(target=dribble)
        dribbling.start()
        try:
            assert_serves(limited)
            assert client.read_head().startswith(b"HTTP/1.1 408 ")
        finally:
            told.set()
            dribbling.join(TIMEOUT)


@pytest.mark.parametrize("command", ["app", "uvicorn", "uvicorn-asyncio"])
def test_connections(command: str, tmp_path: Path) -> None:
    with (
        started(COMMANDS[command], tmp_path, max_connections=5) as service,
        contextlib.ExitStack() as stack,
    ):
        clients = connect(service, 5, stack)
        for _ in range(50):
            refused = stack.enter_context(RawClient(service.port))
            head = refused.read_head()
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 5\r\n" in head

        for client in clients:
            client.send(encode(Opcode.TEXT, b"hello"))
            assert client.read_frame().payload == b"hello"
        clients[0].socket.close()
        connect(service, 1, stack)
        service.stop()
        assert service.log().count("max_connections is 5") <= 2


def connect(service: ServiceProcess, count: int, stack: contextlib.ExitStack) -> list[RawClient]:
    """Open so many connections, as soon as those that were there before are forgotten."""
    clients: list[RawClient] = []

    def open_one() -> bool:
        client = stack.enter_context(RawClient(service.port))
        client.send(request_head())
        if client.read_head().startswith(b"HTTP/1.1 101 "):
            clients.append(client)
        return len(clients) == count

    wait_until(open_one, TIMEOUT)
    return clients


def test_connections_with_tls(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, "server")
    tls = {"cert": str(made.cert), "private-key": str(made.private_key)}
    document = original_config()
    components_of(document)["server"]["listener"] |= {"tls": tls, "max_connections": 1}
    path = write_config(tmp_path, document)
    context = ssl.create_default_context(cafile=str(made.cert))
    with daemon("-c", str(path)) as service, contextlib.ExitStack() as stack:
        service.port = int(service.wait_for_line(r"listening on https://\S+?:(\d+)").group(1))

        def connect() -> ssl.SSLSocket:
            plain = socket.create_connection(("127.0.0.1", service.port), TIMEOUT)
            return stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1"))

        first = connect()
        first.sendall(request_head())
        assert first.recv(12) == b"HTTP/1.1 101"
        # The client says nothing, and does not close: it is let go all the same.
        second = connect()
        answer = b""
        while data := second.recv(65536):
            answer += data
        assert answer.startswith(b"HTTP/1.1 503 ")


def test_requests_sent_ahead_of_their_answers_cost_no_memory(tmp_path: Path) -> None:
    requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2000
    with started(None, tmp_path) as service, RawClient(service.port) as client:
        memory = WorkerMemory.of_the_one_worker(service.process.pid)
        client.socket.settimeout(0.2)
        with memory.growth() as growth:
            with contextlib.suppress(TimeoutError):
                for _ in range(200):  # who does not read the answers has no reason to be read
                    client.send(requests)
            assert_serves(service)

        assert growth.peak < 32 * MIB


# Proxies


@pytest.mark.parametrize(
    ("trusted", "forwarded", "peer"),
    [
        pytest.param(None, "192.0.2.7", "192.0.2.7:0", id="default"),
        pytest.param(["127.0.0.0/8"], "8.8.8.8, 192.0.2.7", "192.0.2.7:0", id="spoofed"),
        pytest.param(["127.0.0.0/8"], "192.0.2.7, 127.9.9.9", "192.0.2.7:0", id="two-proxies"),
        pytest.param(["10.0.0.0/8"], "192.0.2.7", "127.0.0.1:", id="not-a-proxy"),
        pytest.param([], "192.0.2.7", "127.0.0.1:", id="nobody"),
        pytest.param("*", "192.0.2.7, 8.8.8.8", "192.0.2.7:0", id="everybody"),
        pytest.param(None, "\xff", "\xff:0", id="garbage"),
    ],
)
def test_peer_is_whom_a_trusted_proxy_names(
    trusted: object, forwarded: str, peer: str, tmp_path: Path
) -> None:
    listener = {} if trusted is None else {"trusted-proxies": trusted}
    with started(None, tmp_path, **listener) as service, RawClient(service.port) as client:
        head = request_head("/chat", "X-FORWARDED").replace(
            b"X-FORWARDED", b"X-Forwarded-For: " + forwarded.encode("latin-1")
        )
        client.send(head)
        assert client.read_head().startswith(b"HTTP/1.1 101 ")

        line = service.wait_for_line("connection opened.*").group(0)
        assert f"peer={peer}" in line


@pytest.mark.parametrize(("trusted", "peer"), [(None, "unix"), ("*", "192.0.2.7:0")])
def test_peer_on_a_unix_socket_is_believed_only_if_everybody_is(
    trusted: object, peer: str, tmp_path: Path
) -> None:
    document = original_config()
    listener = components_of(document)["server"]["listener"]
    del listener["port"]
    listener["unix-socket"] = str(tmp_path / "socket")
    if trusted is not None:
        listener["trusted-proxies"] = trusted
    with daemon("-c", str(write_config(tmp_path, document))) as service:
        service.wait_for_line("listening on unix:")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT)
            client.connect(listener["unix-socket"])
            client.sendall(request_head("/chat", "X-Forwarded-For: 192.0.2.7"))
            assert client.recv(12) == b"HTTP/1.1 101"

            line = service.wait_for_line("connection opened.*").group(0)
            assert f"peer={peer}" in line
