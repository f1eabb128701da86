"""What a connection meets first: most have come for an opening handshake, and get no more than it.

Uvicorn's HTTP class, its parser and what bounds them are made once something else comes: measured,
they cost 33 µs for a handshake, and this 13.
"""

import asyncio
import logging
from typing import Any

from typing_extensions import override

from app.logs.levels import TRACE
from app.server.addresses import own_address, peer_address
from app.server.handshake_head import HandshakeHead, read_handshake_head
from app.server.http_protocol import HttpProtocol
from app.server.serving import Serving
from app.server.websocket_scope import websocket_scope
from app.websocket.handshake import HandshakeRefused, check_handshake

uvicorn_logger = logging.getLogger("uvicorn.error")


class Greeter(asyncio.Protocol):
    """One connection until its first bytes have come.

    Args:
        serving: The server.
        app_state: What the lifespan has left for requests.
    """

    __slots__ = ("_app_state", "_head_due", "_serving", "_timer", "_transport")

    def __init__(self, serving: Serving, app_state: dict[str, Any]) -> None:
        self._serving = serving
        self._app_state = app_state
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        serving = self._serving
        # Uvicorn knows only its own protocol classes.
        connections: set[Any] = serving.state.connections
        connections.add(self)
        self._transport = transport
        timeout = serving.limits.handshake_timeout
        self._head_due = serving.loop.time() + timeout
        self._timer = serving.loop.call_later(timeout, self._head_timed_out)
        has_room = serving.connection_limit.has_room(len(connections))
        if not has_room or uvicorn_logger.isEnabledFor(TRACE):
            self._leave_to_http()

    @override
    def data_received(self, data: bytes) -> None:
        head = read_handshake_head(data, self._serving.limits)
        if head is None or not self._open(head, data):
            self._leave_to_http().data_received(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._serving.state.connections.discard(self)

    def shutdown(self) -> None:
        """Say that the service leaves. Called by Uvicorn for each connection."""
        self._transport.close()

    def _open(self, head: HandshakeHead, data: bytes) -> bool:
        """Let this become a WebSocket connection; False if its request needs another answer."""
        serving, transport = self._serving, self._transport
        config = serving.config
        if config.limit_concurrency is not None or config.ws_protocol_class is None:
            return False
        try:
            accept_value = check_handshake("GET", "1.1", head.headers)
            request = {
                "http_version": "1.1",
                "server": own_address(transport),
                "client": peer_address(transport),
                "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
                "root_path": config.root_path,
                "headers": head.headers,
                "state": self._app_state.copy(),
            }
            scope = websocket_scope(request, head.url, head.headers, config.asgi_version)
        except HandshakeRefused:
            return False
        self._timer.cancel()
        early = data[head.size :]
        serving.upgrade.begin(self, transport, accept_value, scope, early)
        return True

    def _leave_to_http(self) -> HttpProtocol:
        """Let Uvicorn's class go on from here."""
        self._timer.cancel()
        self._serving.state.connections.discard(self)
        http = HttpProtocol(self._serving, self._app_state, self._head_due)
        self._transport.set_protocol(http)
        http.connection_made(self._transport)
        return http

    def _head_timed_out(self) -> None:
        self._leave_to_http().head_timed_out()
