"""What makes a WebSocket connection of an HTTP connection."""

import asyncio
import contextvars
from typing import Any, cast

from starlette.types import Scope
from uvicorn import Config
from uvicorn.server import ServerState

from app.server.asgi_adapter import serve_application
from app.server.contracts import DIRECT
from app.server.ending import ServerHooks
from app.server.turns import Turns
from app.server.websocket_protocol import WebSocketProtocol


class Upgrade:
    """Hands connections of one server over to protocols of their own.

    Args:
        config: Uvicorn's, which has been loaded, and
        state: its server's.
        loop: The event loop of the server.
        handshake_timeout: Seconds that an application has to answer an opening handshake.
        turns: Those of the event loop.
    """

    __slots__ = ("_config", "_connections", "_hooks", "_loop", "_tasks")

    def __init__(
        self,
        config: Config,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        handshake_timeout: float,
        turns: Turns,
    ) -> None:
        self._config = config
        # Uvicorn knows only its own protocol classes.
        self._connections: set[Any] = state.connections
        self._tasks = state.tasks
        self._loop = loop
        self._hooks = ServerHooks(
            lambda: state.default_headers, self._connections.discard, handshake_timeout, turns
        )

    def begin(
        self,
        http: asyncio.Protocol,
        transport: asyncio.Transport,
        accept_value: bytes,
        scope: Scope,
        early: bytes,
    ) -> WebSocketProtocol:
        """Let a request become a WebSocket connection, and return its protocol.

        Args:
            http: The protocol until now; nothing of it is held.
            transport: Of the connection.
            accept_value: What the handshake is accepted with (see `app.websocket.handshake`).
            scope: What ASGI is told of it.
            early: Bytes that came behind the head of the request.
        """
        config = self._config
        self._connections.discard(http)
        protocol = WebSocketProtocol(transport, accept_value, early, self._hooks)
        self._connections.add(protocol)
        transport.set_protocol(cast(asyncio.BaseProtocol, protocol))
        scope["extensions"][DIRECT] = protocol
        serving = serve_application(config.loaded_app, scope, protocol, config)
        context = contextvars.Context() if config.reset_contextvars else None
        protocol.task = self._loop.create_task(serving, context=context)
        protocol.task.add_done_callback(self._tasks.discard)
        self._tasks.add(protocol.task)
        return protocol
