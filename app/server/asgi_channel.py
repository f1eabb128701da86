"""The portable path: a channel over ASGI's receive and send, on any ASGI server."""

import asyncio
import contextlib
import functools
import logging
from dataclasses import replace
from typing import Any

from starlette.types import Message as ASGIEvent
from starlette.types import Receive, Scope, Send
from websockets.frames import CloseCode

from app.server.asgi_servers import send_refusal, server_of
from app.server.asgi_waits import Nap, SendTimer, Waits
from app.server.leaving import DEFAULT_LIMITS
from app.server.peer_end import our_end
from app.server.watch import SessionWatch
from app.websocket.channel import (
    Acceptance,
    ConcurrentRecvError,
    Message,
    OnEnd,
    Session,
    end_of_iteration,
)
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.handshake import acceptance_headers, complete_refusal
from app.websocket.headers import Headers
from app.websocket.limits import Limits
from app.websocket.rates import SHORTEST_HOLD, InboundRates
from app.websocket.traffic import Traffic, is_longer, payload_size

logger = logging.getLogger(__name__)


class AsgiChannel:
    """See `app.websocket.channel.Channel` for what each method does.

    ASGI shows neither frames nor pings, and no cause of an end. So messages are not fragmented;
    those of a client are looked at when they are whole, and count when they are received; what is
    known of an end is the code that the server gives it. Nothing is known of an end as long as the
    handler neither receives nor sends: there is no way to ask but to receive.

    A connection that is given up ends for the handler at once. Its close frame goes out if the
    client takes it within close-timeout, and when the socket ends is the server's affair: no ASGI
    server aborts one that a client does not read from.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._server = server_of(receive)
        self._loop = asyncio.get_running_loop()

        # Set, with the handler's limits, when the handshake is accepted.
        self._limits = DEFAULT_LIMITS
        self._rates: InboundRates | None = None
        # Of a client that has sent more than it may.
        self._nap = Nap()
        self._send_timer = SendTimer(functools.partial(self.give_up, CloseCause.SLOW_CONSUMER))
        self._watch: SessionWatch | None = None
        self._opened_at = self._loop.time()
        self._on_end: OnEnd | None = None

        self._traffic = Traffic()
        self._record: CloseRecord | None = None
        # Set once; waited for by those who want to know of the end.
        self._ended = asyncio.Event()
        self._waits = Waits()
        # Whether a task waits for a message.
        self._receiving = False
        # The event that is waited for in a task of its own: by receive_nowait, or because that wait
        # may not be cancelled.
        self._pending: asyncio.Task[ASGIEvent] | None = None
        # The close frame of a connection that was given up, on its way.
        self._closing: asyncio.Task[None] | None = None

    # The opening handshake.

    async def accept(self, acceptance: Acceptance) -> None:
        headers = acceptance_headers(acceptance.subprotocol, acceptance.headers)
        await self._receive_connect()
        answer = {"subprotocol": acceptance.subprotocol, "headers": headers}
        await self._send_event({"type": "websocket.accept", **answer})
        self._opened_at = self._loop.time()
        self._on_end = acceptance.on_end
        self._watch = SessionWatch(acceptance.limits, self)
        self.set_limits(acceptance.limits)

    def set_limits(self, limits: Limits) -> None:
        if self._watch is None:
            return
        self._limits = limits
        self._watch.set_limits(limits)
        self._send_timer.set_timeout(limits.send_timeout)
        if not limits.max_messages_per_second and not limits.max_bytes_per_second:
            self._rates = None
        elif self._rates is None:
            self._rates = InboundRates(limits, self._loop.time())
        else:
            self._rates.set_limits(limits, self._loop.time())
        self._nap.wake()

    async def refuse(self, status: int, headers: Headers, body: bytes) -> None:
        lines, body = complete_refusal(status, headers, body)
        await self._receive_connect()
        with contextlib.suppress(Exception):
            await send_refusal(self._scope, self._send, status, lines, body)
        reason = f"refused with {status}"
        self._end(CloseRecord(CloseCause.HANDSHAKE_REFUSED, CloseCode.ABNORMAL_CLOSURE, reason))
        await self._server.see_refused(self._receive)

    async def _receive_connect(self) -> None:
        # The server's first event; there is nothing in it.
        await self._receive()

    async def serve(self, session: Session) -> None:
        await session

    # Receiving.

    async def receive(self) -> Message:
        self._raise_if_receiving()
        self._receiving = True
        try:
            return await self._receive_message()
        finally:
            self._receiving = False

    async def receive_next(self) -> Message:
        try:
            return await self.receive()
        except ConnectionClosed as end:
            raise end_of_iteration(end) from None

    async def _receive_message(self) -> Message:
        if self._pending is None:
            self._raise_if_closed()
            while self._rates is not None and (seconds := self._pause(self._rates)):
                await self._waits.wait(self._nap.sleep(seconds))
            if self._server.wait_is_safe:
                return self._take(await self._waits.wait(self._receive()))
            self._pending = self._ask()
        event = await self._waits.wait(asyncio.shield(self._pending))
        self._pending = None
        return self._take(event)

    def receive_nowait(self) -> Message | None:
        self._raise_if_receiving()
        if self._pending is None:
            self._raise_if_closed()
            if self._rates is not None and self._pause(self._rates):
                return None
            self._pending = self._ask()
        if not self._pending.done():
            return None
        event = self._pending.result()
        self._pending = None
        return self._take(event)

    def _raise_if_receiving(self) -> None:
        if self._receiving:
            raise ConcurrentRecvError

    def _pause(self, rates: InboundRates) -> float:
        """Return how long what comes is to stay with the server, which slows the client down."""
        now = self._loop.time()
        return 0.0 if rates.frames_now(now, 1) else max(rates.seconds_to_wait(now), SHORTEST_HOLD)

    def _ask(self) -> asyncio.Task[ASGIEvent]:
        async def event() -> ASGIEvent:
            return await self._receive()

        task = self._loop.create_task(event())
        # If it fails, and nobody asks any more, that is no news.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    def _take(self, event: ASGIEvent) -> Message:
        """Return the message that the event brings.

        Raises:
            ConnectionClosed: it brings the end, or a message beyond the limits, which is the end,
                too.
        """
        if event["type"] == "websocket.disconnect":
            raise ConnectionClosed(self._end(self._server.end(event)))
        text: str | None = event.get("text")
        message: Message = text if text is not None else event["bytes"]
        limit = self._limits.max_remote_payload
        if is_longer(message, limit):
            reason = f"a message has at most {limit} bytes"
            record = CloseRecord(CloseCause.TOO_BIG, CloseCode.MESSAGE_TOO_BIG, reason)
            raise ConnectionClosed(self._give_up(record))
        size = payload_size(message)
        if self._rates is not None:
            now = self._loop.time()
            self._rates.take_bytes(size, now)
            self._rates.take_frames(0, 1, now)
            if self._rates.too_many_messages(now) or self._rates.too_many_bytes(now):
                raise ConnectionClosed(self._give_up(our_end(CloseCause.RATE_LIMIT)))
        self._traffic.messages_received += 1
        self._traffic.bytes_received += size
        return message

    # Sending.

    async def send(self, message: Message) -> None:
        self._raise_if_closed()
        kind = "text" if isinstance(message, str) else "bytes"
        self._send_timer.begin()
        try:
            await self._send_event({"type": "websocket.send", kind: message})
        finally:
            self._send_timer.end()
        self._traffic.messages_sent += 1
        self._traffic.bytes_sent += payload_size(message)

    async def ping(self, payload: bytes) -> None:
        self._raise_if_closed()
        _say_once("ping() does nothing here: an ASGI application cannot send pings, its server can")

    async def _send_event(self, event: dict[str, Any]) -> None:
        try:
            await self._waits.wait(self._send(event))
        except ConnectionClosed:
            raise
        except Exception as error:
            # Servers differ in what they raise when the peer has gone (ASGI asks for an OSError).
            lost = CloseRecord(CloseCause.CONNECTION_LOST, CloseCode.ABNORMAL_CLOSURE)
            raise ConnectionClosed(self._end(lost)) from error

    # What the watch asks for.

    @property
    def messages(self) -> int:
        return self._traffic.messages_received + self._traffic.messages_sent

    @property
    def busy(self) -> bool:
        return False  # what waits with the server cannot be seen

    def give_up(self, cause: CloseCause) -> None:
        self._give_up(our_end(cause))

    # The end.

    @property
    def closed(self) -> CloseRecord | None:
        return self._record

    async def wait_closed(self) -> CloseRecord:
        await self._ended.wait()
        assert self._record is not None
        return self._record

    async def close(self, code: int, reason: str, cause: CloseCause) -> None:
        if self._record is None:
            self._end(CloseRecord(cause, code, reason))
            await self._send_close(code, reason)
        elif self._closing is not None:
            await asyncio.shield(self._closing)

    def _give_up(self, record: CloseRecord) -> CloseRecord:
        """End the connection; the close frame goes out by itself."""
        if self._record is None:
            self._closing = self._loop.create_task(self._send_close(record.code, record.reason))
        return self._end(record)

    async def _send_close(self, code: int, reason: str) -> None:
        # Whatever goes wrong with it now, or if it takes too long, the end has been decided.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(self._limits.close_timeout):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _end(self, record: CloseRecord) -> CloseRecord:
        """Make this the record of the end, unless there is one already; return the one there is."""
        if self._record is None:
            duration = self._loop.time() - self._opened_at
            self._record = replace(record, duration=duration, traffic=self._traffic)
            self._send_timer.stop()
            if self._watch is not None:
                self._watch.stop()
                self._watch = None  # it holds us
            self._drop_pending(record.cause)
            self._waits.break_off(self._record)
            self._ended.set()
            if self._on_end is not None:
                self._on_end(self._record)
        return self._record

    def _drop_pending(self, cause: CloseCause) -> None:
        if self._pending is not None:
            waited = self._pending.cancel()
            # What came before the connection was lost may still be received.
            if waited or cause is not CloseCause.CONNECTION_LOST:
                self._pending = None

    def _raise_if_closed(self) -> None:
        if self._record is not None:
            raise ConnectionClosed(self._record)


@functools.cache
def _say_once(text: str) -> None:
    logger.warning(text)
