"""What an ASGI server does, and the ASGI transports of httpx and httpx-ws leave out."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import anyio

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application; any framework's own names for the three fit."""

ASGI_VERSION: Final = {"version": "3.0", "spec_version": "2.4"}


class InProcessServer:
    """Stands between a transport and an application, and is itself an ASGI application.

    Scopes are complete, a request that is not answered in time is given up, and the events of a
    WebSocket connection are those that a server would give (see `_Exchange`).

    Args:
        app: The application.
        state: What its lifespan has put into the state.
        timeout: Seconds for the answer to a request.
    """

    def __init__(self, app: ASGIApp, state: Mapping[str, Any], timeout: float) -> None:
        self._app: Final = app
        self._state: Final = state
        self._timeout: Final = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.update(asgi=ASGI_VERSION, state=dict(self._state))
        if scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
        else:
            await self._serve_request(scope, receive, send)

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                await self._app(scope, receive, send)
        except TimeoutError:
            if not limit.expired():
                raise
            what = f"{scope['method']} {scope['path']}"
            raise TimeoutError(f"{what}: no answer within {self._timeout:g} s") from None

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.update(
            http_version="1.1",
            scheme="ws",
            raw_path=scope["raw_path"].partition(b"?")[0],
            subprotocols=[each.strip() for each in scope["subprotocols"]],
            extensions={"websocket.http.response": {}},
        )
        exchange = _Exchange(receive, send)
        forwarding = asyncio.create_task(exchange.forward())
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            logger.exception("the application raised at %s", scope["path"])
            with contextlib.suppress(OSError):
                await exchange.fail()
        except asyncio.CancelledError:
            await _close_streams(receive, send)
            raise
        finally:
            forwarding.cancel()


class _Exchange:
    """The events of one connection, as a server would pass them on.

    The client's close is answered at once. What it has sent before it left still arrives, and then
    the end. An application that does not accept refuses with 403, one that fails with 500 or, once
    it has accepted, with 1011. Who sends after the end gets an OSError.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._accepted = False
        self._closed = False
        self._events = asyncio.Queue[Event]()

    async def receive(self) -> Event:
        """ASGI's receive."""
        return await self._events.get()

    async def send(self, event: Event) -> None:
        """ASGI's send."""
        if event["type"] == "websocket.accept":
            self._accepted = True
        elif event["type"] == "websocket.close" and not self._accepted:
            await self._refuse(403)
            return
        elif event["type"] == "websocket.close":
            event = {**event, "code": event.get("code", 1000), "reason": event.get("reason") or ""}
        await self._pass_on(event)

    async def fail(self) -> None:
        """End the connection because the application has raised."""
        if self._accepted:
            await self.send({"type": "websocket.close", "code": 1011})
        else:
            await self._refuse(500)

    async def forward(self) -> None:
        """Take the client's events, faster than the application may: httpx-ws drops the rest."""
        with contextlib.suppress(anyio.ClosedResourceError, anyio.EndOfStream):
            while True:
                event = await self._receive()
                if event["type"] == "websocket.disconnect":
                    await self._answer(event)
                self._events.put_nowait(event)
        self._events.put_nowait({"type": "websocket.disconnect", "code": 1006, "reason": ""})

    async def _answer(self, event: Event) -> None:
        # Without a code the client has just gone.
        if "code" in event:
            with contextlib.suppress(OSError):
                await self.send({**event, "type": "websocket.close"})
        event.setdefault("code", 1006)
        self._closed = True

    async def _refuse(self, status: int) -> None:
        await self._pass_on(
            {"type": "websocket.http.response.start", "status": status, "headers": []}
        )
        await self._pass_on({"type": "websocket.http.response.body", "body": b""})

    async def _pass_on(self, event: Event) -> None:
        if self._closed:
            raise OSError("the connection has ended")
        self._closed = event["type"] == "websocket.close"
        try:
            await self._send(event)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            raise OSError("the client has gone") from error


async def _close_streams(receive: Any, send: Any) -> None:
    """Close what httpx-ws leaves open when a handshake is given up; anyio warns of such streams."""
    with anyio.CancelScope(shield=True):
        for method in (receive, send):
            await method.__self__.aclose()
