"""The way of one connection through its handler, from the handshake to its end."""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from starlette.requests import HTTPConnection

from app.handlers.admission import Place, Refusal
from app.handlers.connection_log import ConnectionLog
from app.handlers.context import HandshakeResponse, RequestContext
from app.logs.context import enter_handler
from app.websocket.channel import Acceptance, Channel
from app.websocket.close import CloseCause, ConnectionClosed
from app.websocket.compression import Agreement, negotiate
from app.websocket.connection import WebSocketConnection
from app.websocket.handshake import HandshakeRefused
from app.websocket.limits import Limits
from app.websocket.subprotocols import offered_subprotocols

if TYPE_CHECKING:
    from app.handlers.websocket import WebSocketHandlerBase

logger = logging.getLogger(__name__)

FAILURES: Final = (Exception, SystemExit, KeyboardInterrupt)
"""What a handler may raise without ending the process that serves others, too."""


async def serve_connection(
    handler: "WebSocketHandlerBase", channel: Channel, request: HTTPConnection
) -> None:
    """Serve one connection: let it in, or not, and hand it to `handler`; then see to its end."""
    line_context = enter_handler(handler.handler_name, request.scope["headers"])
    context = RequestContext(
        handler.handler_name, request.path_params, trace_id=line_context.trace_id
    )
    log = ConnectionLog(line_context, request)
    remote_address = _remote_address(request)
    place = handler.admission.admit(request)
    refusal = place.enter()
    limits: Limits | None = None
    try:
        limits = await _shake_hands(handler, channel, request, refusal, context, log)
    finally:
        if limits is None:
            place.leave()
    if limits is not None:
        connection = WebSocketConnection(channel, remote_address)
        handler.live_limits.opened(channel, limits)
        await channel.serve(_session(handler, connection, channel, context, place))


def _remote_address(request: HTTPConnection) -> tuple[str, int] | None:
    client = request.client
    # Granian has the port as a text, and for a peer on a Unix socket no host.
    return (client.host, int(client.port)) if client and client.host else None


async def _session(
    handler: "WebSocketHandlerBase",
    connection: WebSocketConnection,
    channel: Channel,
    context: RequestContext,
    place: Place,
) -> None:
    """Serve a connection that is open, to its end.

    It is all that is left of what has led to it: nothing here holds the request.
    """
    try:
        try:
            await handler.handle(connection, context)
        except FAILURES as error:
            if not _is_end(error, channel):
                await _failed(handler, channel)
        except asyncio.CancelledError:
            if _is_cancelled():
                await channel.close(1001, "", CloseCause.SHUTDOWN)
                raise
            await _failed(handler, channel)
        # Harmless if the end has come already.
        await channel.close(1000, "", CloseCause.HANDLER_RETURNED)
    finally:
        handler.live_limits.closed(channel)
        place.leave()


async def _shake_hands(
    handler: "WebSocketHandlerBase",
    channel: Channel,
    request: HTTPConnection,
    refusal: Refusal | None,
    context: RequestContext,
    log: ConnectionLog,
) -> Limits | None:
    """Answer the opening handshake; return the limits of the connection if it is open then."""
    try:
        answer = refusal or await _decide(handler, request, context, log)
        await _answer(channel, answer, log)
    except ConnectionClosed as end:
        log.given_up(end.record)
        return None
    except asyncio.CancelledError:
        if channel.closed is not None:
            log.given_up(channel.closed)
        raise
    return None if isinstance(answer, Refusal) else answer.limits


async def _decide(
    handler: "WebSocketHandlerBase",
    request: HTTPConnection,
    context: RequestContext,
    log: ConnectionLog,
) -> Acceptance | Refusal:
    """Return what the handler, and its options, answer to the opening handshake."""
    headers = request.scope["headers"]
    offered = offered_subprotocols(headers)
    response = HandshakeResponse()
    try:
        agreement = _negotiate(handler, request)
        response.subprotocol = handler.choose_subprotocol(offered, request)
        accepted = await handler.handle_handshake(request, response, context)
        response.check(accepted=accepted, offered=offered)
    except HandshakeRefused as refused:
        return Refusal("", refused.status, refused.headers, f"{refused.reason}\n".encode())
    except (*FAILURES, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and _is_cancelled():
            raise
        logger.exception("handler %r raised in the handshake", handler.handler_name)
        return Refusal("", 500, [], b"")
    if not accepted:
        return Refusal("", response.status_code, response.headers.raw, response.body)
    context.subprotocol = response.subprotocol
    limits = handler.live_limits.current
    return Acceptance(limits, response.headers.raw, response.subprotocol, agreement, log.closed)


def _negotiate(handler: "WebSocketHandlerBase", request: HTTPConnection) -> Agreement | None:
    values = [
        value for name, value in request.scope["headers"] if name == b"sec-websocket-extensions"
    ]
    return negotiate(values, handler.options.compression)


async def _answer(channel: Channel, answer: Acceptance | Refusal, log: ConnectionLog) -> None:
    if isinstance(answer, Refusal):
        await channel.refuse(answer.status, answer.headers, answer.body)
        log.refused(answer.status, answer.option)
    else:
        await channel.accept(answer)
        log.opened()


async def _failed(handler: "WebSocketHandlerBase", channel: Channel) -> None:
    logger.exception("handler %r raised", handler.handler_name)
    await channel.close(1011, "", CloseCause.HANDLER_ERROR)


def _is_cancelled() -> bool:
    """True if somebody has cancelled this task; else the handler awaited another one that was."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _is_end(error: BaseException, channel: Channel) -> bool:
    """True if the error only says that the handler's own connection has ended.

    While that is open, a ConnectionClosed is of some other connection, and an error.
    """
    if channel.closed is None:
        return False
    if isinstance(error, ExceptionGroup):
        return error.split(ConnectionClosed)[1] is None
    return isinstance(error, ConnectionClosed)
