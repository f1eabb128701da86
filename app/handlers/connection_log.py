"""What the log says of each connection: that it opened and how it ended, or that it was refused."""

import logging
from typing import Final

from starlette.requests import HTTPConnection

from app.logs.context import LINE_CONTEXT, LineContext
from app.logs.statement import Statement
from app.server.listener import describe_address
from app.websocket.close import CloseRecord

logger = logging.getLogger(__name__)

MAX_HOST: Final = 64
MAX_PATH: Final = 512
"""Characters of a client's host, and of a path, that are logged."""


class ConnectionLog:
    """Logs the beginning and the end of one connection, one line each.

    Args:
        context: What each line of the connection carries.
        request: The opening handshake.
    """

    __slots__ = ("_context", "_path", "_peer")

    def __init__(self, context: LineContext, request: HTTPConnection) -> None:
        self._context: Final = context
        client = request.client
        # What a proxy tells of a client is as long as it likes.
        self._peer = describe_address(client.host[:MAX_HOST], client.port) if client else "unix"
        # As long as the peer likes, up to what a head may have.
        self._path = str(request.scope["path"])[:MAX_PATH]

    def opened(self) -> None:
        """Log that the handshake was accepted."""
        tags = {"peer": self._peer, "path": self._path}
        _OPENED.log(tags)

    def refused(self, status: int, option: str) -> None:
        """Log that the handshake was refused, by which option of the handler, if by one."""
        tags = {"peer": self._peer, "path": self._path, "status": status}
        if option:
            tags["option"] = option
        _REFUSED.log(tags)

    def given_up(self, record: CloseRecord) -> None:
        """Log that the connection ended before the handler had answered the handshake."""
        tags = {
            "peer": self._peer,
            "path": self._path,
            "closed_by": record.closed_by.value,
            "cause": record.cause.value,
            "reason": record.reason,
        }
        _GIVEN_UP.log(tags)

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
