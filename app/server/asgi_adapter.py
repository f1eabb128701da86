"""ASGI's receive and send over a channel: for applications that know nothing of channels."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import Message as ASGIEvent

from app.websocket.channel import Channel, Headers
from app.websocket.close import ConnectionClosed
from app.websocket.limits import Limits


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
            OSError: the connection has ended.
            RuntimeError: there is no such event.
        """
        step = _STEPS.get(event["type"])
        if step is None:
            raise RuntimeError(f"{event['type']!r} is no event that an application may send")
        try:
            await step(self, event)
        except ConnectionClosed as end:
            raise OSError(str(end)) from end

    async def _accept(self, event: ASGIEvent) -> None:
        headers = list(event.get("headers") or [])
        await self._channel.accept(event.get("subprotocol"), headers, self._limits)
        self._accepted = True

    async def _send(self, event: ASGIEvent) -> None:
        text: str | None = event.get("text")
        await self._channel.send(event["bytes"] if text is None else text)

    async def _close(self, event: ASGIEvent) -> None:
        if self._accepted:
            await self._channel.close(event.get("code", 1000), event.get("reason") or "")
        else:
            await self._channel.refuse(*self._refusal, b"")

    async def _start_refusal(self, event: ASGIEvent) -> None:
        self._refusal = (event["status"], list(event.get("headers") or []))

    async def _go_on_refusing(self, event: ASGIEvent) -> None:
        self._body += event.get("body", b"")
        if not event.get("more_body", False):
            await self._channel.refuse(*self._refusal, self._body)


_STEPS: Final[dict[str, Callable[[AsgiAdapter, ASGIEvent], Awaitable[None]]]] = {
    "websocket.accept": AsgiAdapter._accept,
    "websocket.send": AsgiAdapter._send,
    "websocket.close": AsgiAdapter._close,
    "websocket.http.response.start": AsgiAdapter._start_refusal,
    "websocket.http.response.body": AsgiAdapter._go_on_refusing,
}
