"""The end of a connection on the direct path, which is what most of its states are about.

Three rules:

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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from websockets.frames import CloseCode

from app.server.connection_state import ConnectionState
from app.server.intake import Intake
from app.server.leaving import LeavingTransport
from app.server.peer_end import RATE_EXCEEDED, STREAM_END, End, answer_to, our_end, record_of
from app.server.receive_queue import ReceiveQueue
from app.server.send_buffer import SendBuffer
from app.server.turns import Turns
from app.server.waiter import Waiter
from app.server.watch import Watch
from app.websocket.channel import OnEnd, end_of_iteration
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.frames import encode_close
from app.websocket.handshake import encode_response
from app.websocket.headers import Headers
from app.websocket.messages import Violation
from app.websocket.traffic import Traffic

SHUTDOWN_TIMEOUT: Final = 1.0
"""Seconds that the peer, and the handler, have to end when the service shuts down."""


_ANSWERING: Final = (ConnectionState.OPEN, ConnectionState.ENDING)


@dataclass(frozen=True, slots=True)
class ServerHooks:
    """What a connection needs of the server that it runs in.

    Args:
        default_headers: Of each response.
        on_lost: Called when the connection, and the task that serves it, have ended.
        handshake_timeout: Seconds in which the application must answer the opening handshake.
        turns: Those of the event loop.
    """

    default_headers: Callable[[], Headers]
    on_lost: Callable[["EndingProtocol"], None]
    handshake_timeout: float
    turns: Turns


class EndingProtocol(LeavingTransport):
    """A connection as far as it can end: refused, closed by either side, given up, or lost.

    It has the methods of `asyncio.Protocol`, but not that base: mypyc compiles no class of which it
    does not compile the base (see docs/performance.md).

    Args:
        transport: Taken over from the HTTP protocol once the head of the request was read.
        early: Bytes that came behind the head of the request.
        hooks: What the connection needs of its server.
    """

    __slots__ = (
        "_bytes_sent",
        "_closed_event",
        "_end",
        "_hooks",
        "_intake",
        "_messages_sent",
        "_on_end",
        "_opened_at",
        "_out",
        "_queue",
        "_record",
        "_state",
        "_waiter",
        "_watch",
        "task",
    )

    def __init__(self, transport: asyncio.Transport, early: bytes, hooks: ServerHooks) -> None:
        super().__init__(transport)
        self._hooks = hooks
        self._state = ConnectionState.CONNECTING

        # The task that serves the connection; cancelled if it does not end at a shutdown.
        self.task: asyncio.Task[None] | None = None

        # What the peer has ended it with, set once; and how it ended, set once that is decided.
        self._end: End | None = None
        self._record: CloseRecord | None = None
        self._closed_event: asyncio.Event | None = None

        self._messages_sent = 0
        self._bytes_sent = 0

        # Set, as the handler's limits are, when the handshake is accepted.
        self._opened_at = self._loop.time()
        self._on_end: OnEnd | None = None
        self._watch: Watch | None = None

        self._queue = ReceiveQueue()
        self._waiter = Waiter(self._loop)
        self._out = SendBuffer(transport, self._loop)
        self._intake = Intake(
            transport, self._queue, self._waiter, self._out, hooks.turns, self, early
        )
        self._move_on(hooks.handshake_timeout, self._handshake_timed_out)

    # What is to be known of the end.

    @property
    def closed(self) -> CloseRecord | None:
        return self._record

    async def wait_closed(self) -> CloseRecord:
        while self._record is None:
            self._closed_event = self._closed_event or asyncio.Event()
            await self._closed_event.wait()
        return self._record

    def _raise_if_closed(self) -> None:
        if self._record is not None:
            raise ConnectionClosed(self._record)

    def _raise_if_ended(self) -> None:
        """Answer the peer's end now that all that came before it has been taken."""
        if self._end is not None and self._record is None:
            self._answer(self._end)
        self._raise_if_closed()

    def _stop_if_ended(self) -> None:
        try:
            self._raise_if_ended()
        except ConnectionClosed as end:
            raise end_of_iteration(end) from None

    # Our end.

    async def refuse(self, status: int, headers: Headers, body: bytes) -> None:
        self._raise_if_closed()
        self._refuse(status, headers, body)

    async def close(self, code: int, reason: str, cause: CloseCause) -> None:
        self._close(CloseRecord(cause, code, reason))

    def give_up(self, cause: CloseCause) -> None:
        """End the connection for a cause of the server's own."""
        self._close(our_end(cause))

    def leave(self, cause: CloseCause) -> None:
        """End what the application has left open: with 500 if it has not even accepted."""
        if self._state is ConnectionState.CONNECTING:
            self._refuse(500)
        self.give_up(cause)

    def shutdown(self) -> None:
        """Say that the service leaves. Called by Uvicorn for each connection."""
        if self._state is ConnectionState.CONNECTING:
            self._refuse(503, cause=CloseCause.SHUTDOWN)
        self.give_up(CloseCause.SHUTDOWN)
        if self._state is not ConnectionState.CLOSED:
            self._move_on(SHUTDOWN_TIMEOUT, self._transport.abort)
        if self.task is not None:
            # It may wait for something else than its connection.
            self._loop.call_later(SHUTDOWN_TIMEOUT, self.task.cancel)

    def _handshake_timed_out(self) -> None:
        self._refuse(503, cause=CloseCause.HANDSHAKE_TIMEOUT)
        if self.task is not None:
            # Nobody waits for its answer any more.
            self.task.cancel()

    def _refuse(
        self,
        status: int,
        headers: Headers = (),
        body: bytes = b"",
        cause: CloseCause = CloseCause.HANDSHAKE_REFUSED,
    ) -> None:
        all_headers = [*self._hooks.default_headers(), *headers, (b"connection", b"close")]
        self._out.write(encode_response(status, all_headers, body))
        reason = f"refused with {status}"
        self._linger(CloseRecord(cause, CloseCode.ABNORMAL_CLOSURE, reason))
        self._half_close()

    def _close(self, record: CloseRecord) -> None:
        if self._record is not None:
            return
        if self._state is ConnectionState.LOST:
            self._lose()
        elif self._end is not None:
            self._answer(self._end)
        else:
            self._queue.clear()
            self._out.write(encode_close(record.code, record.reason))
            self._linger(record)

    # The peer's end.

    def meet_end(self, end: End) -> None:
        """Let the peer's end wait behind what came before it."""
        self._end = end
        if self._state is ConnectionState.LOST:
            self._lose()
            return
        self._state = ConnectionState.ENDING
        self._intake.wait()
        self._waiter.wake()
        self._move_on(self._limits.close_timeout, lambda: self._answer(end))

    def peer_is_done(self, end: End) -> None:
        """See what the peer ends with after our close frame, or the mistake that it makes."""
        if isinstance(end, Violation):
            self._half_close()
        else:
            self._close_transport()

    def eof_received(self) -> bool:
        self._intake.finish()
        # The transport stays, so that what came before the end can be answered; TLS has no half.
        return self._state in _ANSWERING and self._transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        # What the operating system still had is out of reach.
        self._intake.finish()
        if self._state is ConnectionState.OPEN and not self._out.paused:
            self._state = ConnectionState.LOST
            self._move_on(self._limits.close_timeout, self._lose)
        else:
            self._lose()

    def _answer(self, end: End) -> None:
        """Do what the peer's end asks for."""
        self._out.write(answer_to(end))
        self._linger(record_of(end))
        if isinstance(end, Violation):
            self._half_close()
        elif end is not RATE_EXCEEDED:
            self._close_transport()

    def _lose(self) -> None:
        """End what has lost its transport."""
        self._state = ConnectionState.CLOSED
        self._intake.stop()
        if self._record is None:  # most have theirs by now: another would be made for nothing
            self._decide(record_of(self._end or STREAM_END))
        self._stay()
        if self.task is None or self.task.done():
            self._hooks.on_lost(self)
        else:
            # Until then a shutdown finds the task through us.
            self.task.add_done_callback(lambda _: self._hooks.on_lost(self))

    # The steps of an end.

    def _decide(self, record: CloseRecord) -> None:
        """Make this the record of the end, unless there is one already."""
        if self._record is None:
            traffic = Traffic(
                self._queue.received,
                self._intake.bytes_received,
                self._messages_sent,
                self._bytes_sent,
            )
            duration = self._loop.time() - self._opened_at
            self._record = CloseRecord(record.cause, record.code, record.reason, duration, traffic)
            if self._watch is not None:
                self._watch.stop()
                self._watch = None  # it holds us
            if self._closed_event is not None:
                self._closed_event.set()
            self._waiter.wake()
            self._out.release()
            on_end, self._on_end = self._on_end, None
            if on_end is not None:
                on_end(self._record)

    def _linger(self, record: CloseRecord) -> None:
        """Having said the last thing, wait for the peer."""
        self._state = ConnectionState.CLOSING
        self._decide(record)
        self._out.flush()
        self._wait_for_peer()
        self._intake.discard()
