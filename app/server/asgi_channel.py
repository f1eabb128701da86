"""The portable path: a channel over ASGI's receive and send, on any ASGI server."""

import asyncio
import contextlib
import functools
import logging
import time
from typing import Any

from starlette.types import Message as ASGIEvent
from starlette.types import Receive, Scope, Send
from websockets.frames import CloseCode

from app.websocket.channel import Headers, Message, OnEnd
from app.websocket.close import ClosedBy, CloseRecord, ConnectionClosed
from app.websocket.limits import Limits
from app.websocket.traffic import Traffic, payload_size

logger = logging.getLogger(__name__)


class AsgiChannel:
    """See `app.websocket.channel.Channel` for what each method does.

    ASGI shows neither frames nor pings, and no cause of an end: messages are not fragmented, the
    payload limit is checked when a message is whole, and a lost connection has the code that the
    server gives it. The server notices an end at once, this channel when it receives or sends.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._max_payload = 0
        self._opened_at = time.monotonic()
        self._on_end: OnEnd | None = None
        self._traffic = Traffic()
        self._record: CloseRecord | None = None
        # Set once; waited for by those who want to know of the end.
        self._ended = asyncio.Event()
        # The event that receive_nowait has begun to wait for.
        self._pending: asyncio.Future[ASGIEvent] | None = None
        # The close frame of a limit, on its way.
        self._closing: asyncio.Future[None] | None = None

    @property
    def closed(self) -> CloseRecord | None:
        return self._record

    async def accept(
        self, subprotocol: str | None, headers: Headers, limits: Limits, on_end: OnEnd | None = None
    ) -> None:
        self._max_payload = limits.max_remote_payload
        await self._receive_connect()
        await self._send_event(
            {"type": "websocket.accept", "subprotocol": subprotocol, "headers": list(headers)}
        )
        self._opened_at = time.monotonic()
        self._on_end = on_end

    async def refuse(self, status: int, headers: Headers, body: bytes) -> None:
        await self._receive_connect()
        with contextlib.suppress(Exception):
            await refuse(self._scope, self._send, status, headers, body)
        self._end(ClosedBy.SERVER, CloseCode.ABNORMAL_CLOSURE, f"refused with {status}")

    async def receive(self) -> Message:
        if not self._has_event():
            self._raise_if_closed()
        if self._pending is None:
            return self._take(await self._receive())
        try:
            # Shielded: a wait that is cancelled must not take the event along.
            event = await asyncio.shield(self._pending)
        except asyncio.CancelledError:
            if self._pending.cancelled():
                self._raise_if_closed()
            raise
        self._pending = None
        return self._take(event)

    def receive_nowait(self) -> Message | None:
        if not self._has_event():
            self._raise_if_closed()
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._receive())
        if not self._pending.done():
            return None
        event = self._pending.result()
        self._pending = None
        return self._take(event)

    async def send(self, message: Message) -> None:
        self._raise_if_closed()
        kind = "text" if isinstance(message, str) else "bytes"
        await self._send_event({"type": "websocket.send", kind: message})
        self._traffic.messages_sent += 1
        self._traffic.bytes_sent += payload_size(message)

    async def ping(self, payload: bytes) -> None:
        self._raise_if_closed()
        _say_once("ping() does nothing here: an ASGI application cannot send pings, its server can")

    async def close(self, code: int, reason: str) -> None:
        if self._closing is not None:
            await self._closing
        if self._record is None:
            self._end(ClosedBy.SERVER, code, reason)
            await self._send_close(code, reason)

    async def wait_closed(self) -> CloseRecord:
        await self._ended.wait()
        assert self._record is not None
        return self._record

    async def _receive_connect(self) -> None:
        # The server's first event; there is nothing in it.
        await self._receive()

    def _take(self, event: ASGIEvent) -> Message:
        """Return the message that the event brings.

        Raises:
            ConnectionClosed: it brings the end, or a message over the limit, which is the end, too.
        """
        if event["type"] == "websocket.disconnect":
            # Some servers leave the code out where there was none.
            code = event.get("code") or CloseCode.NO_STATUS_RCVD
            closed_by = _CLOSED_BY.get(code, ClosedBy.CLIENT)
            raise ConnectionClosed(self._end(closed_by, code, event.get("reason") or ""))
        text: str | None = event.get("text")
        message: Message = text if text is not None else event["bytes"]
        if _is_longer(message, self._max_payload):
            reason = f"a message has at most {self._max_payload} bytes"
            code = CloseCode.MESSAGE_TOO_BIG
            record = self._end(ClosedBy.SERVER, code, reason)
            self._closing = asyncio.ensure_future(self._send_close(code, reason))
            raise ConnectionClosed(record)
        self._traffic.messages_received += 1
        self._traffic.bytes_received += payload_size(message)
        return message

    async def _send_event(self, event: dict[str, Any]) -> None:
        try:
            await self._send(event)
        except Exception as error:
            # Servers differ in what they raise when the peer has gone (ASGI asks for an OSError).
            raise ConnectionClosed(
                self._end(ClosedBy.TRANSPORT, CloseCode.ABNORMAL_CLOSURE, "")
            ) from error

    async def _send_close(self, code: int, reason: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._send_event({"type": "websocket.close", "code": code, "reason": reason})

    def _end(self, closed_by: ClosedBy, code: int, reason: str) -> CloseRecord:
        """Make the one record of this connection's end, unless there is one already."""
        if self._record is None:
            duration = time.monotonic() - self._opened_at
            self._record = CloseRecord(closed_by, code, reason, duration, self._traffic)
            self._ended.set()
            if self._pending is not None:
                self._pending.cancel()
            if self._on_end is not None:
                self._on_end(self._record)
        return self._record

    def _has_event(self) -> bool:
        pending = self._pending
        return pending is not None and pending.done() and not pending.cancelled()

    def _raise_if_closed(self) -> None:
        if self._record is not None:
            raise ConnectionClosed(self._record)


async def refuse(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Answer an opening handshake with an HTTP response.

    A server without ASGI's "WebSocket Denial Response" extension answers 403 whatever is asked.
    """
    if "websocket.http.response" in (scope.get("extensions") or {}):
        start = {"type": "websocket.http.response.start", "status": status}
        await send({**start, "headers": list(headers)})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close", "code": 1000, "reason": ""})


# Codes that an ASGI server reports for an end that was not the client's doing.
_CLOSED_BY = {
    CloseCode.PROTOCOL_ERROR: ClosedBy.SERVER,
    CloseCode.ABNORMAL_CLOSURE: ClosedBy.TRANSPORT,
    CloseCode.INVALID_DATA: ClosedBy.SERVER,
    CloseCode.MESSAGE_TOO_BIG: ClosedBy.SERVER,
    CloseCode.SERVICE_RESTART: ClosedBy.SERVER,
}


def _is_longer(message: Message, limit: int) -> bool:
    """True if the message has more bytes on the wire than `limit`; encodes only where it must."""
    if isinstance(message, bytes) or len(message) > limit:
        return len(message) > limit
    # No character takes more than four bytes of UTF-8.
    return len(message) * 4 > limit and len(message.encode()) > limit


@functools.cache
def _say_once(text: str) -> None:
    logger.warning(text)
