"""Whether a peer takes what it is sent: told by a transport, or by the kernel."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from app.server.progress import STALL_CHECKS, Progress, StallTimer
from tests.helpers.recording_transport import RecordingTransport
from tests.helpers.virtual_time import VIRTUAL_TIME

TIMEOUT = 5.0


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def peer_with(unsent: int) -> RecordingTransport:
    transport = RecordingTransport()
    transport.unsent = unsent
    return transport


# By what waits in the transport


def test_peer_that_takes_a_step_moves() -> None:
    transport = peer_with(500)
    progress = Progress(transport, 100)
    assert not progress.moves()

    transport.unsent -= 100
    assert progress.moves()


def test_peer_that_takes_a_step_in_small_parts_moves() -> None:
    transport = peer_with(500)
    progress = Progress(transport, 100)
    moves = []
    for _ in range(200):
        transport.unsent -= 1
        moves.append(progress.moves())

    assert [at for at, moved in enumerate(moves, 1) if moved] == [100, 200]


def test_what_the_peer_takes_counts_once() -> None:
    transport = peer_with(500)
    progress = Progress(transport, 100)
    transport.unsent -= 300
    assert progress.moves()

    assert not progress.moves()
    transport.unsent -= 99
    assert not progress.moves()
    transport.unsent -= 1
    assert progress.moves()


def test_what_is_written_meanwhile_is_not_taken_by_that() -> None:
    transport = peer_with(500)
    progress = Progress(transport, 100)
    transport.unsent += 500

    assert not progress.moves()


# By what the peer's system has acknowledged


class SocketTransport(RecordingTransport):
    """Has a socket, and what it says of its own buffer is beside the point."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._socket = connection

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._socket if name == "socket" else default


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection over TCP, which hold little: the server's and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.settimeout(TIMEOUT)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 131072)
            server.setblocking(False)
            yield server, client


def fill(connection: socket.socket) -> int:
    """Send until the kernel takes no more; return how much that was."""
    sent = 0
    while True:
        try:
            sent += connection.send(bytes(65536))
        except BlockingIOError:
            return sent


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@on_linux
def test_what_waits_in_our_kernel_has_not_been_taken(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    server, client = sockets
    sent = fill(server)
    transport = SocketTransport(server)
    transport.unsent = 1_000_000
    progress = Progress(transport, 16384)
    transport.unsent = 0
    assert not progress.moves(), "the transport has handed it on, but nobody has taken it"

    left = sent
    while left:
        left -= len(client.recv(65536))
    assert progress.moves()


@on_linux
def test_all_but_the_step_is_not_enough(sockets: tuple[socket.socket, socket.socket]) -> None:
    server, client = sockets
    enough, too_little = (Progress(SocketTransport(server), step) for step in (1000, 1001))
    server.send(bytes(1000))
    received = b""
    while len(received) < 1000:
        received += client.recv(1000)
    # What is read has been acknowledged when an answer has come that says so.
    client.send(b"x")
    server.settimeout(TIMEOUT)
    assert server.recv(1) == b"x"

    assert enough.moves()
    assert not too_little.moves()


def test_on_a_unix_socket_the_transport_tells() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport = SocketTransport(ours)
        transport.unsent = 500
        progress = Progress(transport, 100)
        assert not progress.moves()

        transport.unsent = 400
        assert progress.moves()


def test_socket_that_is_closed_leaves_it_to_the_transport() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()

    assert not Progress(SocketTransport(ours), 1).moves()


# In time


async def test_stall_is_told_once() -> None:
    stalls: list[float] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    timer = StallTimer(peer_with(500), 30, 100, lambda: stalls.append(loop.time() - began))
    timer.wait()
    await asyncio.sleep(1000)

    assert stalls == [30]


async def test_timer_that_is_stopped_tells_nothing() -> None:
    stalls: list[None] = []
    timer = StallTimer(peer_with(500), 30, 100, lambda: stalls.append(None))
    timer.stop()
    timer.wait()
    await asyncio.sleep(29)
    timer.stop()
    await asyncio.sleep(1000)

    assert stalls == []


@pytest.mark.parametrize("checks", range(STALL_CHECKS))
async def test_peer_that_takes_enough_has_all_the_time_again(checks: int) -> None:
    stalls: list[float] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    transport = peer_with(500)
    timer = StallTimer(transport, 30, 100, lambda: stalls.append(loop.time() - began))
    timer.wait()
    last = checks * 30 / STALL_CHECKS + 1
    await asyncio.sleep(last)
    transport.unsent -= 100
    await asyncio.sleep(1000)

    (stalled,) = stalls
    assert last + 30 <= stalled <= last + 30 * (1 + 1 / STALL_CHECKS)
