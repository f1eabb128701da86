"""Uvicorn's HTTP class with limits on what a peer sends, and a proper way to WebSocket.

Uvicorn's own class has no bound on the size of a head, on the time it may take or on the requests
that are sent ahead of answers, and on an upgrade it writes the request out again for the WebSocket
class to parse, loses the bytes behind the head, turns HTTP/1.0 into 1.1 and waits for ever for a
body.
"""

import asyncio
import logging
from typing import Any, Final

import httptools
from starlette.types import Scope
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.logs.context import LINE_CONTEXT
from app.server.head_meter import HeadMeter
from app.server.listener import describe_address
from app.server.request_intake import RequestIntake
from app.server.serving import Serving
from app.server.websocket_scope import websocket_scope
from app.static_config.duration import written_duration
from app.websocket.handshake import HandshakeRefused, check_handshake, encode_response

logger = logging.getLogger(__name__)

LINGER_TIMEOUT: Final = 2.0
"""Seconds that a client has to read why it was refused."""

_NO_ROOM: Final = HandshakeRefused(
    503, "there are as many connections as there may be", ((b"retry-after", b"5"),)
)


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection, up to the moment when it becomes a WebSocket connection.

    Args:
        serving: The server.
        app_state: What the lifespan has left for requests.
        head_due: When, by the event loop's time, the head of the first request must be there.
    """

    flow: RequestIntake

    def __init__(self, serving: Serving, app_state: dict[str, Any], head_due: float) -> None:
        config, state, loop = serving.config, serving.state, serving.loop
        super().__init__(config=config, server_state=state, app_state=app_state, _loop=loop)
        self._serving = serving
        self._limits = serving.limits
        self._connection_limit = serving.connection_limit
        self._head = HeadMeter(serving.limits)
        self._head_due = head_due
        # Runs while a head is waited for.
        self._timer: asyncio.TimerHandle | None = None
        # What a WebSocket connection begins with, once the head of a good handshake is complete.
        self._upgrade: tuple[bytes, Scope] | None = None
        # The request that is being answered: Uvicorn remembers the last of those that have come.
        self._answered: RequestResponseCycle | None = None
        # The request whose body is not complete.
        self._incomplete: RequestResponseCycle | None = None
        # What is the last thing to be said, once responses that are due before it are complete.
        self._refusal: HandshakeRefused | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        turns = self._serving.turns
        self.flow = RequestIntake(transport, turns, self._parse, lambda: bool(self.pipeline))
        if self._connection_limit.has_room(len(self.connections)):
            self._timer = self.loop.call_at(self._head_due, self.head_timed_out)
        else:
            self._refusal = _NO_ROOM
            self._answer(_NO_ROOM)
            self._end(may_linger=self._connection_limit.refuse())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._refusal is _NO_ROOM:
            self._connection_limit.refused_has_gone()
        self._stop_timer()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)
        self.flow.stop()

    @override
    def data_received(self, data: bytes) -> None:
        if self._refusal is None:
            self.flow.take(data)

    def _parse(self, data: memoryview) -> None:
        self._unset_keepalive_if_required()
        self._head.segment_comes()
        try:
            self.parser.feed_data(data)
            self._head.segment_fed(len(data))
            if not self._responding:
                # Something has come, but no request: empty lines, or the beginning of a head.
                self._start_timer()
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._upgrade is None:
                self._unsupported_upgrade_warning()
                self._parse(rest)
            else:
                self._hand_over(*self._upgrade, early=bytes(rest) + self.flow.stop())
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
        # Lines behind a chunked body are no headers (RFC 9110 section 6.5.1).
        if self._head.unfinished:
            super().on_header(name, value)
        self._head.header_is(len(name), len(value))

    @override
    def on_headers_complete(self) -> None:
        self._head.head_is_complete()
        self._stop_timer()
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            super().on_headers_complete()
            self._incomplete = self.cycle
            return
        if self._responding:
            raise HandshakeRefused(400, "an upgrade cannot follow a request that is not answered")
        limit = self.limit_concurrency
        if limit is not None and max(len(self.connections), len(self.tasks)) >= limit:
            raise HandshakeRefused(503, "there are as many connections as there may be")
        method = self.parser.get_method().decode("ascii")
        version = self.parser.get_http_version()
        accept_value = check_handshake(method, version, self.headers)
        scope = websocket_scope(self.scope, self.url, self.headers, self.asgi_version)
        self._upgrade = (accept_value, scope)

    @override
    def _should_upgrade(self) -> bool:
        return self._should_upgrade_to_ws() and any(
            name == b"upgrade" and b"websocket" in _tokens(value) for name, value in self.headers
        )

    @override
    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._head.body_comes()

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head.message_ends()
        self._incomplete = None

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refusal is not None and not self._responding:
            self._say_refusal(self._refusal)
        elif self._refusal is None and self._head.unfinished:
            self._start_timer()

    @property
    def _responding(self) -> bool:
        """True while the response to a request is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    # What cannot be accepted.

    def _start_timer(self) -> None:
        if self._timer is None:
            timeout = self._limits.handshake_timeout
            self._timer = self.loop.call_later(timeout, self.head_timed_out)

    def head_timed_out(self) -> None:
        """End the connection: it has had its time for the head of a request."""
        if self._head.unfinished:
            timeout = written_duration(self._limits.handshake_timeout)
            self._refuse(HandshakeRefused(408, f"the head of a request has {timeout} to come"))
        else:
            self._end(may_linger=False)

    def _refuse(self, refusal: HandshakeRefused) -> None:
        """Answer for the last time, in its turn."""
        self._refusal = refusal
        self._stop_timer()
        self.flow.stop()
        if self._incomplete is not None and not self.pipeline:
            self._give_up_request(self._incomplete)
        elif self._responding:
            self.flow.pause_reading()
        else:
            self._say_refusal(refusal)

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        if self._refusal is not None and cycle is self._incomplete:
            self._give_up_request(cycle)
        else:
            super()._start_asgi_task(cycle, app)

    def _give_up_request(self, cycle: RequestResponseCycle) -> None:
        """End a request that can never be complete, for the application too."""
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle.response_started:
            self._end()
        elif self._refusal is not None:
            self._say_refusal(self._refusal)

    def _say_refusal(self, refusal: HandshakeRefused) -> None:
        client = describe_address(*self.client) if self.client else "a client"
        token = LINE_CONTEXT.set(None)  # Not those of the request before it.
        logger.info("%s was refused with %d: %s", client, refusal.status, refusal.reason)
        LINE_CONTEXT.reset(token)
        self._answer(refusal)
        self._end()

    def _answer(self, refusal: HandshakeRefused) -> None:
        closing = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        headers = [*self.server_state.default_headers, *refusal.headers, *closing]
        body = f"{refusal.reason}\n".encode()
        if not self.transport.is_closing():
            self.transport.write(encode_response(refusal.status, headers, body))

    def _end(self, *, may_linger: bool = True) -> None:
        """End the stream, and wait a little for the client to have read what was said.

        What it still sends is read, and discarded (see `websocket_protocol`).
        """
        self._unset_keepalive_if_required()
        self._stop_timer()
        self._timer = self.loop.call_later(LINGER_TIMEOUT, self.transport.abort)
        if may_linger and self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # From here on it is a WebSocket connection.

    def _hand_over(self, accept_value: bytes, scope: Scope, early: bytes) -> None:
        protocol = self._serving.upgrade.begin(self, self.transport, accept_value, scope, early)
        # The parser and this object hold each other, and the headers, until a garbage collection.
        self.parser = None  # type: ignore[assignment]
        if self.flow.write_paused:
            # The transport tells it once only.
            protocol.pause_writing()


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip() for token in value.lower().split(b",")]
