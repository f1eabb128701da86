"""ASGI's receive and send over a channel: for applications that know nothing of channels."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp, Scope
from starlette.types import Message as ASGIEvent
from uvicorn import Config

from app.server.websocket_protocol import WebSocketProtocol
from app.websocket.channel import Acceptance, Channel
from app.websocket.close import CloseCause, ConnectionClosed
from app.websocket.headers import Headers
from app.websocket.limits import Limits

logger = logging.getLogger(__name__)


class PeerGoneError(OSError):
    """The connection has ended: what an application gets when it sends all the same."""


class AsgiAdapter:
    """Lets a WebSocket route or middleware of anybody's run on the direct path, too.

    Args:
        channel: The connection.
        limits: What it may ask for, since such an application has no way to say.
    """

    __slots__ = ("_accepted", "_body", "_channel", "_connected", "_limits", "_refusal")

    def __init__(self, channel: Channel, limits: Limits) -> None:
        self._channel = channel
        self._limits = limits
        self._connected = False
        self._accepted = False
        # Status and headers of a refusal whose body is not complete yet.
        self._refusal: tuple[int, Headers] = (403, [])
        self._body = b""

    async def receive(self) -> ASGIEvent:
        """Return the next event of the ASGI specification's section on WebSocket."""
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        try:
            message = await self._channel.receive()
        except ConnectionClosed as end:
            record = end.record
            return {"type": "websocket.disconnect", "code": record.code, "reason": record.reason}
        return {
            "type": "websocket.receive",
            "text" if isinstance(message, str) else "bytes": message,
        }

    async def send(self, event: ASGIEvent) -> None:
        """Do what the event says.

        Raises:
            PeerGoneError: the connection has ended.
            RuntimeError: there is no such event, or this is not the time for it.
        """
        steps = _STEPS_WHEN_OPEN if self._accepted else _STEPS_BEFORE
        step = steps.get(event["type"])
        if step is None:
            raise RuntimeError(f"expected {' or '.join(steps)}, got {event['type']!r}")
        try:
            await step(self, event)
        except ConnectionClosed as end:
            raise PeerGoneError(str(end)) from end

    async def _accept(self, event: ASGIEvent) -> None:
        headers = list(event.get("headers") or [])
        await self._channel.accept(Acceptance(self._limits, headers, event.get("subprotocol")))
        self._accepted = True

    async def _send(self, event: ASGIEvent) -> None:
        text: str | None = event.get("text")
        await self._channel.send(event["bytes"] if text is None else text)

    async def _close(self, event: ASGIEvent) -> None:
        code, reason = event.get("code", 1000), event.get("reason") or ""
        await self._channel.close(code, reason, CloseCause.HANDLER_CLOSE)

    async def _refuse(self, event: ASGIEvent) -> None:
        await self._channel.refuse(*self._refusal, b"")

    async def _start_refusal(self, event: ASGIEvent) -> None:
        self._refusal = (event["status"], list(event.get("headers") or []))

    async def _go_on_refusing(self, event: ASGIEvent) -> None:
        self._body += event.get("body", b"")
        if not event.get("more_body", False):
            await self._channel.refuse(*self._refusal, self._body)


_Step = Callable[[AsgiAdapter, ASGIEvent], Awaitable[None]]

_STEPS_BEFORE: Final[dict[str, _Step]] = {
    "websocket.accept": AsgiAdapter._accept,
    "websocket.close": AsgiAdapter._refuse,
    "websocket.http.response.start": AsgiAdapter._start_refusal,
    "websocket.http.response.body": AsgiAdapter._go_on_refusing,
}
_STEPS_WHEN_OPEN: Final[dict[str, _Step]] = {
    "websocket.send": AsgiAdapter._send,
    "websocket.close": AsgiAdapter._close,
}


async def serve_application(
    app: ASGIApp, scope: Scope, protocol: WebSocketProtocol, config: Config
) -> None:
    """Run the application for one connection, and never leave the connection without an end.

    Args:
        app: What Uvicorn runs.
        scope: Of the connection.
        protocol: The connection.
        config: Uvicorn's; its limits hold for routes that have no options of their own.
    """
    try:
        await _run(app, scope, protocol, config)
    finally:
        # A session runs in any case, be it to find that its connection has ended.
        session = protocol.take_session()
        if session is not None:
            del app, scope, config
            await session


async def _run(app: ASGIApp, scope: Scope, protocol: WebSocketProtocol, config: Config) -> None:
    limits = _limits(config.ws_max_size, config.ws_ping_interval, config.ws_ping_timeout)
    adapter = AsgiAdapter(protocol, limits)
    cause: CloseCause | None = None
    try:
        await app(scope, adapter.receive, adapter.send)
    except PeerGoneError:
        pass
    except (Exception, SystemExit, KeyboardInterrupt):
        logger.exception("the application failed in a WebSocket connection")
        cause = CloseCause.HANDLER_ERROR
    except asyncio.CancelledError:
        cause = CloseCause.SHUTDOWN
        raise
    finally:
        if cause is not None or not protocol.has_session:
            protocol.leave(cause or CloseCause.HANDLER_RETURNED)


@functools.cache
def _limits(max_size: int, ping_interval: float | None, ping_timeout: float | None) -> Limits:
    return Limits.model_construct(
        max_remote_payload=max_size,
        fragment_size=0,
        ping_interval=ping_interval or 0.0,
        ping_timeout=ping_timeout or 0.0,
    )
