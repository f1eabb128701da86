"""The base class of handlers of WebSocket connections."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from typing_extensions import override

from app.components.component import Component
from app.handlers.admission import Admission
from app.handlers.config import WebSocketHandlerConfig
from app.handlers.context import HandshakeResponse, RequestContext
from app.handlers.live_limits import LiveLimits
from app.handlers.serving import serve_connection
from app.server.component import ServerComponent
from app.static_config.document import OptionPath
from app.websocket.channel import Channel
from app.websocket.connection import WebSocketConnection
from app.websocket.subprotocols import first_offered


class WebSocketHandlerBase(Component, ABC):
    """Derive from it, give it a `name`, and write `handle`.

    There is one object per worker process; it serves all connections, each in a task of its own.
    """

    Config = WebSocketHandlerConfig

    def __init__(
        self, config: WebSocketHandlerConfig, server: ServerComponent, section: str
    ) -> None:
        self.handler_name: Final = section
        self.options: Final = config
        self.live_limits: Final = LiveLimits(section, config, server.source)
        self.admission: Final = Admission(config.allowed_origins, self.live_limits)
        server.add_handler(self)

    @override
    def warnings(self) -> Iterator[tuple[OptionPath, str]]:
        if risk := self.live_limits.memory_risk():
            yield ("max-remote-payload",), risk

    @abstractmethod
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        """Serve one connection. It ends when this returns (close code 1000) or raises (1011).

        Cancelled when the service shuts down and this does not return by itself.
        """

    def choose_subprotocol(self, offered: Sequence[str], request: HTTPConnection) -> str | None:
        """Return which of the subprotocols that the client offers is spoken; None: none of them.

        By default the first of the option `subprotocols` that is among them. `handle_handshake` may
        still choose another, or refuse a client that offers nothing that it knows.
        """
        return first_offered(self.options.subprotocols, offered)

    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        """Return True to accept the connection, False to refuse it with `response`.

        An exception refuses it with 500.
        """
        return True

    async def respond(self, request: Request) -> Response:
        """Answer a request for this path that is no WebSocket handshake: 426 and what to do."""
        url = request.url.replace(scheme="wss" if request.url.scheme == "https" else "ws")
        return PlainTextResponse(
            f"This is a WebSocket endpoint. Connect with a WebSocket client: wscat -c {url}\n",
            status_code=426,
            headers={"Upgrade": "websocket", "Connection": "Upgrade"},
        )

    async def serve(self, channel: Channel, request: HTTPConnection) -> None:
        """Serve one connection, from the handshake to its end. Called by the server."""
        await serve_connection(self, channel, request)
