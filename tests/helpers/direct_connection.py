"""A connection of the direct path without a network."""

import asyncio
from typing import Any, Final

import pytest

from app.server.ending import EndingProtocol, ServerHooks
from app.server.receive_queue import MAX_BYTES
from app.server.turns import Turns
from app.server.websocket_protocol import WebSocketProtocol
from app.websocket.channel import Acceptance
from app.websocket.close import CloseRecord, ConnectionClosed
from app.websocket.limits import Limits
from tests.helpers.recording_transport import RecordingTransport

HANDSHAKE_TIMEOUT: Final = 10.0
TIMEOUT: Final = 1000.0
"""Seconds of a clock that jumps (see `tests.helpers.virtual_time`)."""


class Connection:
    """A protocol on a recording transport, and what it has told of its end."""

    def __init__(self, early: bytes = b"", *, can_write_eof: bool = True) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.lost: list[EndingProtocol] = []
        self.ends: list[CloseRecord] = []
        self.transport = RecordingTransport(can_write_eof=can_write_eof)
        hooks = ServerHooks(lambda: [], self.lost.append, HANDSHAKE_TIMEOUT, Turns())
        self.protocol = WebSocketProtocol(self.transport, b"key", early, hooks)

    async def accept(self, **limits: Any) -> None:
        options = {"max_remote_payload": 2 * MAX_BYTES, "fragment_size": 0, "ping_interval": 0}
        made = Limits.model_validate({**options, **limits})
        await self.protocol.accept(Acceptance(made, on_end=self.ends.append))

    def receive_bytes(self, *frames: bytes) -> None:
        self.protocol.data_received(b"".join(frames))

    @property
    def now(self) -> float:
        return self._loop.time() - self._began

    async def lives(self, until: float) -> None:
        """Let the time pass up to this one, in seconds from the beginning."""
        await asyncio.sleep(until - self.now)

    @property
    def end(self) -> CloseRecord:
        assert self.protocol.closed is not None
        return self.protocol.closed


async def turn() -> None:
    """Let the event loop do what it has been asked to do."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def connect(early: bytes = b"", *, can_write_eof: bool = True, **limits: Any) -> Connection:
    """Return a connection whose handshake has been accepted."""
    connection = Connection(early, can_write_eof=can_write_eof)
    assert not connection.transport.reading, "nothing is read before the handshake is answered"
    await connection.accept(**limits)
    assert connection.transport.written.startswith(b"HTTP/1.1 101 ")
    connection.transport.writes.clear()
    return connection


async def end_of(connection: Connection) -> CloseRecord:
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(connection.protocol.receive(), TIMEOUT)
    return closed.value.record
