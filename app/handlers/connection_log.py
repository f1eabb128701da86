"""What the log says of each connection: that it opened and how it ended, or that it was refused."""

import logging
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.logs.context import LINE_CONTEXT, LineContext
from app.logs.statement import Statement
from app.server.listener import describe_address
from app.server.request_log import REQUEST_TAGS
from app.websocket.close import CloseRecord

logger = logging.getLogger(__name__)

MAX_HOST: Final = 64
MAX_PATH: Final = 512
"""Characters of a client's host, and of a path, that are logged."""


class ConnectionLog:
    """Logs the beginning and the end of one connection, one line each.

    The first line tells of the request, too, see `app.server.request_log`.

    Args:
        context: What each line of the connection carries.
        request: The opening handshake. It is not held any longer once a line tells of it.
    """

    __slots__ = ("_context", "_peer", "_scope")

    def __init__(self, context: LineContext, request: HTTPConnection) -> None:
        self._context: Final = context
        scope = request.scope
        client = scope.get("client")
        # What a proxy tells of a client is as long as it likes.
        self._peer = describe_address(client[0][:MAX_HOST], client[1]) if client else "unix"
        self._scope: Scope | None = scope

    def opened(self) -> None:
        """Log that the handshake was accepted."""
        _OPENED.log(self._of_handshake())

    def refused(self, status: int, option: str) -> None:
        """Log that the handshake was refused, by which option of the handler, if by one."""
        tags = self._of_handshake()
        tags["status"] = status
        if option:
            tags["option"] = option
        _REFUSED.log(tags)

    def given_up(self, record: CloseRecord) -> None:
        """Log that the connection ended before the handler had answered the handshake."""
        tags = self._of_handshake()
        tags["closed_by"] = record.closed_by.value
        tags["cause"] = record.cause.value
        tags["reason"] = record.reason
        _GIVEN_UP.log(tags)

    def _of_handshake(self) -> dict[str, object]:
        tags: dict[str, object] = {"peer": self._peer}
        scope, self._scope = self._scope, None
        if scope is not None:
            # As long as the peer likes, up to what a head may have.
            tags["path"] = str(scope["path"])[:MAX_PATH]
            tags |= scope.get(REQUEST_TAGS, {})
        return tags

    def closed(self, record: CloseRecord) -> None:
        """Log how the connection ended. For any task, and for none."""
        tags = {
            "peer": self._peer,
            "closed_by": record.closed_by.value,
            "cause": record.cause.value,
            "code": record.code,
            "reason": record.reason,
            "duration": round(record.duration, 3),
            "messages_received": record.traffic.messages_received,
            "bytes_received": record.traffic.bytes_received,
            "messages_sent": record.traffic.messages_sent,
            "bytes_sent": record.traffic.bytes_sent,
        }
        # The end is met in a callback of the transport as well as in the handler's task.
        token = LINE_CONTEXT.set(self._context)
        try:
            _CLOSED.log(tags)
        finally:
            LINE_CONTEXT.reset(token)


_OPENED: Final = Statement(logger, logging.INFO, "connection opened")
_REFUSED: Final = Statement(logger, logging.INFO, "connection refused")
_GIVEN_UP: Final = Statement(logger, logging.INFO, "connection ended in the handshake")
_CLOSED: Final = Statement(logger, logging.INFO, "connection closed")
