"""The direct path: one WebSocket connection on its transport, below ASGI.

Three rules that everything about closing hangs on:

1. Order. A close frame or a mistake of the peer waits behind the receive queue: what came before
   it is delivered and may be answered; our close frame goes out when the reader has taken all that,
   at the latest after the close timeout.
2. Lingering. After our close frame the socket is still read, and what comes is discarded, until the
   peer's close frame or the end of the stream, for at most the close timeout: a socket that is
   closed with unread bytes is reset, and the peer might never see the close frame.
3. Paused reading sees neither the end of the stream nor pongs. While we are the ones who paused,
   pings still go out, so that writing finds out about a dead socket, but no pong is missed.
"""

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override
from websockets.frames import CloseCode

from app.server.keepalive import Keepalive, KeepaliveOptions
from app.server.peer_end import End, StreamEnd, answer_to, record_of
from app.server.receive_queue import ReceiveQueue
from app.server.send_buffer import SendBuffer
from app.websocket.channel import Headers, Message, OnEnd
from app.websocket.close import ClosedBy, CloseRecord, ConnectionClosed
from app.websocket.frames import (
    Close,
    Opcode,
    Ping,
    Pong,
    encode_close,
    encode_control,
    encode_message,
)
from app.websocket.handshake import encode_response, encode_switching_protocols
from app.websocket.limits import CLOSE_TIMEOUT, Limits
from app.websocket.messages import MessageReader, Violation
from app.websocket.traffic import Traffic, payload_size

FRAMES_PER_TURN: Final = 64
"""Frames of one connection that are handled before other connections have their turn."""

HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds in which the application must answer the opening handshake."""

NOT_UNDERSTOOD_TIMEOUT: Final = 1.0
"""Seconds that a peer which cannot be understood any more, nor be shown the end of our half of the
stream (TLS has no half), has to read why."""

SHUTDOWN_TIMEOUT: Final = 1.0
"""Seconds that the peer, and the handler, have to end when the service shuts down."""


class ConnectionState(enum.Enum):
    """Where in its life a connection is; it only moves downwards."""

    CONNECTING = enum.auto()  # the opening handshake is not answered yet
    OPEN = enum.auto()
    ENDING = enum.auto()  # the end waits behind the receive queue; until then we may send
    CLOSING = enum.auto()  # our close frame, or a refusal, has gone out
    CLOSED = enum.auto()  # the transport has gone


_OPEN = ConnectionState.OPEN  # asked for at each message: looked up once
_MESSAGE = (str, bytes)


@dataclass(frozen=True, slots=True)
class ServerHooks:
    """What a connection needs of the server that it runs in."""

    default_headers: Callable[[], Headers]
    on_lost: Callable[["WebSocketProtocol"], None]
    keepalive: KeepaliveOptions


class WebSocketProtocol(asyncio.Protocol):
    """The asyncio protocol of one connection, and its channel (see `app.websocket.channel`).

    Args:
        transport: Taken over from the HTTP protocol once the head of the request was read.
        accept_value: What the handshake is accepted with (see `app.websocket.handshake`).
        early: Bytes that came behind the head of the request.
        hooks: What the connection needs of its server.
    """

    __slots__ = (
        "_accept_value",
        "_bytes_sent",
        "_close_timeout",
        "_closed_event",
        "_early",
        "_end",
        "_fragment_size",
        "_hooks",
        "_keepalive",
        "_loop",
        "_messages_sent",
        "_on_end",
        "_opened_at",
        "_out",
        "_paused",
        "_queue",
        "_reader",
        "_record",
        "_state",
        "_timer",
        "_transport",
        "_turn",
        "task",
    )

    def __init__(
        self, transport: asyncio.Transport, accept_value: bytes, early: bytes, hooks: ServerHooks
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._accept_value = accept_value
        self._hooks = hooks
        self._state = ConnectionState.CONNECTING

        # The task that serves the connection; cancelled if it does not end at a shutdown.
        self.task: asyncio.Task[None] | None = None

        # What the peer has ended it with, set once; and how it ended, set once that is decided.
        self._end: End | None = None
        self._record: CloseRecord | None = None
        self._closed_event: asyncio.Event | None = None
        # Moves the state on when neither the reader nor the peer does.
        self._timer: asyncio.TimerHandle | None = None

        self._messages_sent = 0
        self._bytes_sent = 0

        # Set, with the handler's limits, when the handshake is accepted.
        self._opened_at = self._loop.time()
        self._on_end: OnEnd | None = None
        self._reader = MessageReader(0)
        self._fragment_size = 0
        self._close_timeout = CLOSE_TIMEOUT
        self._keepalive: Keepalive | None = None

        self._queue = ReceiveQueue()
        self._out = SendBuffer(transport, self._loop)

        # Nothing is read before the handshake is answered, so that `early` does not grow.
        self._early = early
        transport.pause_reading()
        self._paused = True
        self._move_on(HANDSHAKE_TIMEOUT, lambda: self._refuse(503, [], b""))
        # The next turn's reading of what has come already.
        self._turn: asyncio.Handle | None = None

    # The opening handshake.

    async def accept(
        self, subprotocol: str | None, headers: Headers, limits: Limits, on_end: OnEnd | None = None
    ) -> None:
        self._raise_if_closed()
        all_headers = [*self._hooks.default_headers(), *headers]
        self._out.write(encode_switching_protocols(self._accept_value, subprotocol, all_headers))
        self._stay()
        self._state = ConnectionState.OPEN
        self._opened_at = self._loop.time()
        self._on_end = on_end
        self._reader = MessageReader(limits.max_remote_payload)
        self._fragment_size = limits.fragment_size
        self._close_timeout = limits.close_timeout
        self._keepalive = Keepalive(self._hooks.keepalive, self)
        self._out.flush()
        self._reader.feed(self._early)
        self._early = b""
        self._read()

    async def refuse(self, status: int, headers: Headers, body: bytes) -> None:
        self._raise_if_closed()
        self._refuse(status, headers, body)

    def _refuse(self, status: int, headers: Headers, body: bytes) -> None:
        all_headers = [*self._hooks.default_headers(), *headers, (b"connection", b"close")]
        self._out.write(encode_response(status, all_headers, body))
        reason = f"refused with {status}"
        self._linger(CloseRecord(ClosedBy.SERVER, CloseCode.ABNORMAL_CLOSURE, reason))
        self._half_close()

    # Receiving.

    async def receive(self) -> Message:
        while not self._queue.messages:
            self._raise_if_ended()
            # Awaited here: each coroutine that waits costs at each message.
            waiter = self._queue.waiter()
            try:
                await waiter
            finally:
                self._queue.forget_waiter()
        return self._take()

    def receive_nowait(self) -> Message | None:
        if self._queue.messages:
            return self._take()
        self._raise_if_ended()
        return None

    def _take(self) -> Message:
        message = self._queue.take()
        if self._paused and self._queue.has_room:
            self._go_on_reading()
        return message

    def _raise_if_ended(self) -> None:
        """Answer the peer's end now that all that came before it has been taken."""
        if self._end is not None and self._record is None:
            self._answer(self._end)
        self._raise_if_closed()

    @override
    def data_received(self, data: bytes) -> None:
        if self._keepalive is not None:
            self._keepalive.heard = True
        self._reader.feed(data)
        self._read()

    def _read(self) -> None:
        """Read what has come, but not more than one turn's share of it."""
        self._read_share()
        self._go_on_reading()

    def _read_out(self) -> None:
        """Read all that has come, since nothing more will: at most one read of the transport."""
        while self._state is _OPEN and self._reader.has_more:
            self._read_share()

    def _read_share(self) -> None:
        items = self._reader.read(FRAMES_PER_TURN)
        if self._state is _OPEN:
            for item in items:
                if isinstance(item, _MESSAGE):
                    self._queue.put(item)
                elif isinstance(item, Ping):
                    self._out.write(encode_control(Opcode.PONG, item.payload))
                elif not isinstance(item, Pong):
                    self._meet_end(item)
            self._queue.wake()
        elif items and isinstance(items[-1], Close):
            # After ours the peer's close frame completes the closing handshake.
            self._transport.close()
        elif items and isinstance(items[-1], Violation):
            self._half_close()

    def _go_on_reading(self) -> None:
        """Read on, now or in the next turn, unless the handler or the peer does not keep up."""
        if self._state is _OPEN and (self._out.paused or self._queue.full):
            self._pause_reading()
        elif self._reader.has_more:
            self._pause_reading()
            if self._turn is None:
                self._turn = self._loop.call_soon(self._next_turn)
        elif self._paused and not self._transport.is_closing():
            self._paused = False
            if self._keepalive is not None:
                self._keepalive.heard = True  # until now nothing could be
            self._transport.resume_reading()

    def _next_turn(self) -> None:
        self._turn = None
        self._read()

    def _pause_reading(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    # Sending.

    async def send(self, message: Message) -> None:
        self._raise_if_closed()
        frames = encode_message(message, self._fragment_size)
        self._messages_sent += 1
        self._bytes_sent += payload_size(message)
        if self._out.write(frames):
            await self._out.wait()
            if self._state is ConnectionState.CLOSED:
                self._raise_if_closed()

    async def ping(self, payload: bytes) -> None:
        self._raise_if_closed()
        self._out.write(encode_control(Opcode.PING, payload))

    @override
    def pause_writing(self) -> None:
        self._out.pause()
        self._go_on_reading()

    @override
    def resume_writing(self) -> None:
        self._out.resume()
        self._go_on_reading()

    # Keepalive.

    def send_keepalive(self) -> bool:
        if self._out.paused:
            return False
        self._out.write(encode_control(Opcode.PING, b""))
        return True

    def hears(self) -> bool:
        return not self._paused

    def keepalive_failed(self) -> None:
        self._close(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")

    # The end.

    @property
    def closed(self) -> CloseRecord | None:
        return self._record

    async def wait_closed(self) -> CloseRecord:
        while self._record is None:
            self._closed_event = self._closed_event or asyncio.Event()
            await self._closed_event.wait()
        return self._record

    async def close(self, code: int, reason: str) -> None:
        self._close(code, reason)

    def leave(self, code: int) -> None:
        """End what the application has left open: with 500 if it has not even accepted."""
        if self._state is ConnectionState.CONNECTING:
            self._refuse(500, [], b"")
        self._close(code, "")

    def shutdown(self) -> None:
        """Say that the service leaves. Called by Uvicorn for each connection."""
        if self._state is ConnectionState.CONNECTING:
            self._refuse(503, [], b"")
        self._close(CloseCode.GOING_AWAY, "")
        if self._state is not ConnectionState.CLOSED:
            self._move_on(SHUTDOWN_TIMEOUT, self._transport.abort)
        if self.task is not None:
            # It may wait for something else than its connection.
            self._loop.call_later(SHUTDOWN_TIMEOUT, self.task.cancel)

    @override
    def eof_received(self) -> bool:
        self._read_out()
        if self._state is _OPEN:
            self._meet_end(StreamEnd())
        elif self._state is ConnectionState.CLOSING:
            self._transport.close()
        # The transport stays, so that what came before the end can be answered; TLS has no half.
        return self._state is ConnectionState.ENDING and self._transport.can_write_eof()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        # What the operating system still had is out of reach.
        self._read_out()
        self._state = ConnectionState.CLOSED
        if self._turn is not None:
            self._turn.cancel()
        self._decide(record_of(self._end or StreamEnd()))
        self._stay()
        self._out.resume()
        if self.task is None or self.task.done():
            self._hooks.on_lost(self)
        else:
            # Until then a shutdown finds the task through us.
            self.task.add_done_callback(lambda _: self._hooks.on_lost(self))

    def _meet_end(self, end: End) -> None:
        """Let the peer's end wait behind what came before it."""
        self._state = ConnectionState.ENDING
        self._end = end
        self._queue.wake()
        self._move_on(self._close_timeout, lambda: self._answer(end))

    def _answer(self, end: End) -> None:
        """Do what the peer's end asks for."""
        self._out.write(answer_to(end))
        self._linger(record_of(end))
        if isinstance(end, Violation):
            self._half_close()
        else:
            self._transport.close()

    def _close(self, code: int, reason: str) -> None:
        if self._record is not None:
            return
        if self._end is not None:
            self._answer(self._end)
            return
        self._queue.clear()
        self._out.write(encode_close(code, reason))
        self._linger(CloseRecord(ClosedBy.SERVER, code, reason))

    def _linger(self, record: CloseRecord) -> None:
        """Having said the last thing, wait for the peer."""
        self._state = ConnectionState.CLOSING
        self._decide(record)
        self._move_on(self._close_timeout, self._transport.abort)
        self._out.flush()
        self._go_on_reading()

    def _half_close(self) -> None:
        """Let a peer that cannot be understood see that nothing more comes."""
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._move_on(NOT_UNDERSTOOD_TIMEOUT, self._transport.close)

    def _decide(self, record: CloseRecord) -> None:
        """Make this the record of the end, unless there is one already."""
        if self._record is None:
            traffic = Traffic(
                self._queue.received,
                self._reader.payload_bytes,
                self._messages_sent,
                self._bytes_sent,
            )
            duration = self._loop.time() - self._opened_at
            self._record = replace(record, duration=duration, traffic=traffic)
            if self._keepalive is not None:
                self._keepalive.stop()
                self._keepalive = None  # it holds us
            if self._closed_event is not None:
                self._closed_event.set()
            self._queue.wake()
            on_end, self._on_end = self._on_end, None
            if on_end is not None:
                on_end(self._record)

    def _move_on(self, seconds: float, step: Callable[[], None]) -> None:
        self._stay()
        self._timer = self._loop.call_later(seconds, step)

    def _stay(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _raise_if_closed(self) -> None:
        if self._record is not None:
            raise ConnectionClosed(self._record)
