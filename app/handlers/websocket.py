"""The base class of handlers of WebSocket connections."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from typing_extensions import override

from app.components.component import Component
from app.handlers.config import WebSocketHandlerConfig
from app.handlers.connection_log import ConnectionLog
from app.handlers.context import HandshakeResponse, RequestContext
from app.host import memory_limit
from app.logs.context import enter_handler
from app.server.component import ServerComponent
from app.static_config.document import OptionPath
from app.websocket.channel import Channel
from app.websocket.close import ConnectionClosed
from app.websocket.connection import WebSocketConnection

logger = logging.getLogger(__name__)

FAILURES: Final = (Exception, SystemExit, KeyboardInterrupt)
"""What a handler may raise without ending the process that serves others, too."""


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
        self._limits: Final = config.limits
        server.add_handler(self)

    @override
    def warnings(self) -> Iterator[tuple[OptionPath, str]]:
        memory = memory_limit()
        if self.options.max_remote_payload > memory:
            mib = memory // 2**20
            text = f"one message could take more than the memory that there is ({mib} MiB)"
            yield ("max-remote-payload",), text

    @abstractmethod
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        """Serve one connection. It ends when this returns (close code 1000) or raises (1011).

        Cancelled when the service shuts down and this does not return by itself.
        """

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
        line_context = enter_handler(self.handler_name, request.headers.raw)
        context = RequestContext(
            self.handler_name, request.path_params, trace_id=line_context.trace_id
        )
        log = ConnectionLog(line_context, request)
        try:
            accepted = await self._accept(channel, request, context, log)
        except ConnectionClosed as end:
            log.given_up(end.record)
            return
        if accepted:
            client = request.client
            address = (client.host, client.port) if client else None
            connection = WebSocketConnection(channel, address)
            await self._handle(connection, channel, context)

    async def _accept(
        self,
        channel: Channel,
        request: HTTPConnection,
        context: RequestContext,
        log: ConnectionLog,
    ) -> bool:
        response = HandshakeResponse()
        try:
            accepted = await self.handle_handshake(request, response, context)
        except FAILURES:
            logger.exception("handler %r raised in the handshake", self.handler_name)
            accepted, response = False, HandshakeResponse(status_code=500)
        headers = response.headers.raw
        if accepted:
            await channel.accept(response.subprotocol, headers, self._limits, log.closed)
            log.opened()
        else:
            await channel.refuse(response.status_code, headers, response.body)
            log.refused(response.status_code)
        return accepted

    async def _handle(
        self, connection: WebSocketConnection, channel: Channel, context: RequestContext
    ) -> None:
        try:
            await self.handle(connection, context)
        except FAILURES as error:
            if not _is_end(error, channel):
                await self._failed(channel)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                await channel.close(1001, "")
                raise
            # Nobody has cancelled this task: the handler awaited another one that was.
            await self._failed(channel)
        # Harmless if the end has come already.
        await channel.close(1000, "")

    async def _failed(self, channel: Channel) -> None:
        logger.exception("handler %r raised", self.handler_name)
        await channel.close(1011, "")


def _is_end(error: BaseException, channel: Channel) -> bool:
    """True if the error only says that the handler's own connection has ended.

    While that is open, a ConnectionClosed is of some other connection, and an error.
    """
    if channel.closed is None:
        return False
    if isinstance(error, ExceptionGroup):
        return error.split(ConnectionClosed)[1] is None
    return isinstance(error, ConnectionClosed)
