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

from app.logs.context import LINE_CONTEXT
from app.server.asgi_adapter import AsgiAdapter, PeerGoneError
from app.server.contracts import DIRECT
from app.server.head_meter import HeadMeter
from app.server.keepalive import KeepaliveOptions
from app.server.listener import describe_address
from app.server.websocket_protocol import ServerHooks, WebSocketProtocol
from app.websocket.channel import Headers
from app.websocket.handshake import HandshakeRefused, check_handshake, encode_response
from app.websocket.limits import Limits

logger = logging.getLogger(__name__)

HEAD_TIMEOUT: Final = 10.0
"""Seconds from the connection, or from the first byte of a later request, to the end of a head."""

LINGER_TIMEOUT: Final = 2.0
"""Seconds that a client has to read why it was refused."""


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection, up to the moment when it becomes a WebSocket connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head = HeadMeter()
        # Runs while a head is waited for.
        self._timer: asyncio.TimerHandle | None = None
        # What a WebSocket connection begins with, once the head of a good handshake is complete.
        self._upgrade: tuple[bytes, Scope] | None = None
        # What is the last thing to be said, once responses that are due before it are complete.
        self._refusal: HandshakeRefused | None = None

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
        if self._refusal is not None:
            return
        self._unset_keepalive_if_required()
        self._head.segment_comes()
        try:
            self.parser.feed_data(data)
            self._head.segment_fed(len(data))
            if not self._responding:
                # Something has come, but no request: empty lines, or the beginning of a head.
                self._start_timer()
        except httptools.HttpParserUpgrade as upgrade:
            if self._upgrade is None:
                self._unsupported_upgrade_warning()
            else:
                self._hand_over(*self._upgrade, early=data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            # What a callback of the parser has raised is the context of the parser's own error.
            cause = error.__context__
            if not isinstance(cause, HandshakeRefused):
                cause = HandshakeRefused(400, "not a valid HTTP request")
            self._refuse(cause)
        except HandshakeRefused as refusal:
            self._refuse(refusal)

    # What the parser calls. An exception ends its work.

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head.message_begins()

    @override
    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head.url_is(len(self.url))

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head.header_is(len(name), len(value))

    @override
    def on_headers_complete(self) -> None:
        self._head.head_is_complete()
        self._stop_timer()
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            super().on_headers_complete()
            return
        if self._responding:
            raise HandshakeRefused(400, "an upgrade cannot follow a request that is not answered")
        limit = self.limit_concurrency
        if limit is not None and max(len(self.connections), len(self.tasks)) >= limit:
            raise HandshakeRefused(503, "there are as many connections as there may be")
        method = self.parser.get_method().decode("ascii")
        version = self.parser.get_http_version()
        self._upgrade = (check_handshake(method, version, self.headers), self._websocket_scope())

    @override
    def _should_upgrade(self) -> bool:
        return self._should_upgrade_to_ws() and any(
            name == b"upgrade" and b"websocket" in _tokens(value) for name, value in self.headers
        )

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head.message_ends()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refusal is not None and not self._responding:
            self._say_refusal(self._refusal)
        elif self._head.unfinished:
            self._start_timer()

    @property
    def _responding(self) -> bool:
        """True while the response to a request is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    # What cannot be accepted.

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)

    def _head_timed_out(self) -> None:
        if self._head.unfinished:
            self._refuse(HandshakeRefused(408, f"a head has {HEAD_TIMEOUT:.0f} seconds to come"))
        else:
            self.transport.close()

    def _refuse(self, refusal: HandshakeRefused) -> None:
        """Answer for the last time, in its turn."""
        self._refusal = refusal
        self._stop_timer()
        if self._responding:
            self.flow.pause_reading()
        else:
            self._say_refusal(refusal)

    def _say_refusal(self, refusal: HandshakeRefused) -> None:
        """Answer, and wait a little for the client to have read it (see `websocket_protocol`)."""
        self._unset_keepalive_if_required()
        client = describe_address(*self.client) if self.client else "a client"
        token = LINE_CONTEXT.set(None)  # Not those of the request before it.
        logger.info("%s was refused with %d: %s", client, refusal.status, refusal.reason)
        LINE_CONTEXT.reset(token)
        closing = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        headers = [*self.server_state.default_headers, *refusal.headers, *closing]
        body = f"{refusal.reason}\n".encode()
        if not self.transport.is_closing():
            self.transport.write(encode_response(refusal.status, headers, body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
            self._timer = self.loop.call_later(LINGER_TIMEOUT, self.transport.abort)
        else:
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # From here on it is a WebSocket connection.

    def _hand_over(self, accept_value: bytes, scope: Scope, early: bytes) -> None:
        config, state = self.config, self.server_state
        # Uvicorn knows only its own protocol classes.
        connections: set[Any] = self.connections
        connections.discard(self)
        keepalive = KeepaliveOptions(config.ws_ping_interval, config.ws_ping_timeout)
        hooks = ServerHooks(lambda: state.default_headers, connections.discard, keepalive)
        protocol = WebSocketProtocol(self.transport, accept_value, early, hooks)
        connections.add(protocol)
        self.transport.set_protocol(protocol)
        # The parser and this object hold each other, and the headers, until a garbage collection.
        self.parser = None  # type: ignore[assignment]
        if self.flow.write_paused:
            # The transport tells it once only.
            protocol.pause_writing()
        scope["extensions"][DIRECT] = protocol
        serving = _serve(self.app, scope, protocol, config.ws_max_size)
        context = contextvars.Context() if config.reset_contextvars else None
        protocol.task = self.loop.create_task(serving, context=context)
        protocol.task.add_done_callback(self.tasks.discard)
        self.tasks.add(protocol.task)

    def _websocket_scope(self) -> Scope:
        try:
            url = httptools.parse_url(self.url)
            path = url.path.decode("ascii")
        except (httptools.HttpParserInvalidURLError, AttributeError, UnicodeDecodeError):
            raise HandshakeRefused(400, "the URL has no valid path") from None
        return {
            **self.scope,
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "scheme": "wss" if self.scheme == "https" else "ws",
            "path": self.root_path + urllib.parse.unquote(path),
            "raw_path": self.root_path.encode("ascii") + url.path,
            "query_string": url.query or b"",
            "subprotocols": _subprotocols(self.headers),
            "extensions": {"websocket.http.response": {}},
        }


async def _serve(
    app: ASGIApp, scope: Scope, protocol: WebSocketProtocol, max_message_size: int
) -> None:
    """Run the application for one connection, and never leave the connection without an end."""
    adapter = AsgiAdapter(protocol, Limits(max_message_size, fragment_size=0))
    try:
        await app(scope, adapter.receive, adapter.send)
    except PeerGoneError:
        protocol.leave(CloseCode.NORMAL_CLOSURE)
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


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip() for token in value.lower().split(b",")]
