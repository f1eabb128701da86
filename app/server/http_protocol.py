"""Uvicorn's HTTP class with limits on the head of a request, and a proper way to WebSocket.

Uvicorn's own class has no bound on the size of a head or on the time it may take, and on an upgrade
it writes the request out again for the WebSocket class to parse, loses the bytes behind the head,
turns HTTP/1.0 into 1.1 and waits for ever for a body.
"""

import asyncio
import contextvars
import logging
import urllib.parse
from typing import Any, Final

import httptools
from starlette.types import ASGIApp, Scope
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.frames import CloseCode

from app.server.asgi_adapter import AsgiAdapter
from app.server.contracts import DIRECT
from app.server.keepalive import KeepaliveOptions
from app.server.websocket_protocol import ServerHooks, WebSocketProtocol
from app.websocket.channel import Headers
from app.websocket.handshake import HandshakeRefused, check_handshake, encode_response
from app.websocket.limits import Limits

logger = logging.getLogger(__name__)

MAX_URL_SIZE: Final = 8192
MAX_HEADERS_COUNT: Final = 100
MAX_HEAD_SIZE: Final = 65536
"""Bytes of a request's URL, lines of its head, bytes of all its head."""

HEAD_TIMEOUT: Final = 10.0
"""Seconds from the connection, or from the first byte of a later request, to the end of a head."""

LINGER_TIMEOUT: Final = 2.0
"""Seconds that a client has to read why it was refused."""


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection, up to the moment when it becomes a WebSocket connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Whether a head is unfinished, its bytes so far, and the timer of its end.
        self._in_head = False
        self._head_size = 0
        self._timer: asyncio.TimerHandle | None = None
        # Set when the head of a good handshake is complete.
        self._accept_value: bytes | None = None
        # True once a response has been written that is the last thing to be said.
        self._refused = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
            self._check_unfinished_head(len(data))
        except httptools.HttpParserUpgrade as upgrade:
            if self._accept_value is None:
                self._unsupported_upgrade_warning()
            else:
                self._hand_over(self._accept_value, early=data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            # What a callback of the parser has raised is the context of the parser's own error.
            cause = error.__context__
            if isinstance(cause, HandshakeRefused):
                self._refuse(cause.status, cause.reason, cause.headers)
            else:
                self._refuse(400, "not a valid HTTP request")
        except HandshakeRefused as refused:
            self._refuse(refused.status, refused.reason, refused.headers)

    # What the parser calls. An exception ends its work.

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_size = 0

    @override
    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL_SIZE:
            raise HandshakeRefused(414, f"a URL has at most {MAX_URL_SIZE} bytes")

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_size += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS_COUNT:
            raise HandshakeRefused(431, f"a request has at most {MAX_HEADERS_COUNT} header lines")
        if self._head_size > MAX_HEAD_SIZE:
            raise _head_too_large()

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            super().on_headers_complete()
            return
        if self.cycle is not None and not self.cycle.response_complete:
            raise HandshakeRefused(400, "the response to an earlier request is not complete")
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            raise HandshakeRefused(503, "there are as many connections as there may be")
        method = self.parser.get_method().decode("ascii")
        version = self.parser.get_http_version()
        self._accept_value = check_handshake(method, version, self.headers)

    @override
    def _should_upgrade(self) -> bool:
        return self._should_upgrade_to_ws() and any(
            name == b"upgrade" and b"websocket" in value.lower() for name, value in self.headers
        )

    # The limits of a head.

    def _check_unfinished_head(self, size: int) -> None:
        if not self._in_head:
            return
        # The parser keeps an unfinished line to itself: what counts is what it has been fed.
        self._head_size += size
        if self._head_size > MAX_HEAD_SIZE:
            raise _head_too_large()
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)

    def _head_timed_out(self) -> None:
        if self._in_head:
            self._refuse(408, f"a request has {HEAD_TIMEOUT:.0f} seconds to arrive")
        else:
            self.transport.close()

    def _refuse(self, status: int, reason: str, headers: Headers = ()) -> None:
        """Answer, and wait a little for the client to have read it (see `websocket_protocol`)."""
        logger.info("%s - refused with %d: %s", self.client, status, reason)
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer would stand where the client expects that of its earlier request.
            self.transport.close()
            return
        closing = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        all_headers = [*self.server_state.default_headers, *headers, *closing]
        self.transport.write(encode_response(status, all_headers, f"{reason}\n".encode()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._stop_timer()
            self._timer = self.loop.call_later(LINGER_TIMEOUT, self.transport.abort)
        else:
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # From here on it is a WebSocket connection.

    def _hand_over(self, accept_value: bytes, early: bytes) -> None:
        config, state = self.config, self.server_state
        # Uvicorn knows only its own protocol classes.
        connections: set[Any] = self.connections
        connections.discard(self)
        keepalive = KeepaliveOptions(config.ws_ping_interval, config.ws_ping_timeout)
        hooks = ServerHooks(lambda: state.default_headers, connections.discard, keepalive)
        protocol = WebSocketProtocol(self.transport, accept_value, early, hooks)
        connections.add(protocol)
        self.transport.set_protocol(protocol)
        serving = _serve(self.app, self._websocket_scope(protocol), protocol, config.ws_max_size)
        context = contextvars.Context() if config.reset_contextvars else None
        protocol.task = self.loop.create_task(serving, context=context)
        protocol.task.add_done_callback(self.tasks.discard)
        self.tasks.add(protocol.task)

    def _websocket_scope(self, protocol: WebSocketProtocol) -> Scope:
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        return {
            **self.scope,
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "scheme": "wss" if self.scheme == "https" else "ws",
            "path": self.root_path + urllib.parse.unquote(path),
            "raw_path": self.root_path.encode("ascii") + url.path,
            "query_string": url.query or b"",
            "subprotocols": _subprotocols(self.headers),
            "extensions": {"websocket.http.response": {}, DIRECT: protocol},
        }


async def _serve(
    app: ASGIApp, scope: Scope, protocol: WebSocketProtocol, max_message_size: int
) -> None:
    """Run the application for one connection, and never leave the connection without an end."""
    adapter = AsgiAdapter(protocol, Limits(max_message_size, fragment_size=0))
    try:
        await app(scope, adapter.receive, adapter.send)
    except (Exception, SystemExit, KeyboardInterrupt):
        logger.exception("the application failed in a WebSocket connection")
        protocol.leave(CloseCode.INTERNAL_ERROR)
    except asyncio.CancelledError:
        protocol.leave(CloseCode.GOING_AWAY)
        raise
    else:
        protocol.leave(CloseCode.NORMAL_CLOSURE)


def _subprotocols(headers: Headers) -> list[str]:
    return [
        name.strip()
        for header, value in headers
        if header == b"sec-websocket-protocol"
        for name in value.decode("latin-1").split(",")
    ]


def _head_too_large() -> HandshakeRefused:
    return HandshakeRefused(431, f"the head of a request has at most {MAX_HEAD_SIZE} bytes")
