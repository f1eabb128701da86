"""How a connection ended, and the one exception that says so."""

import enum
from dataclasses import dataclass

from websockets.frames import CloseCode

from app.exceptions import ServiceError


class ClosedBy(enum.Enum):
    """Who ended a connection."""

    CLIENT = "client"
    SERVER = "server"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class CloseRecord:
    """The end of one connection: who ended it, with which code and reason.

    A connection that was lost without a close frame has the code 1006 and was ended by the
    transport (RFC 6455 section 7.1.5).
    """

    closed_by: ClosedBy
    code: int
    reason: str = ""

    @property
    def orderly(self) -> bool:
        """True if somebody decided to end the connection, and nothing went wrong."""
        return self.closed_by is not ClosedBy.TRANSPORT and self.code not in _SOMETHING_WRONG


_SOMETHING_WRONG = frozenset(
    {
        CloseCode.PROTOCOL_ERROR,
        CloseCode.INVALID_DATA,
        CloseCode.POLICY_VIOLATION,
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.INTERNAL_ERROR,
    }
)


class ConnectionClosed(ServiceError):
    """The connection has ended; `record` says how. Nothing can be received or sent any more."""

    def __init__(self, record: CloseRecord) -> None:
        super().__init__(record)
        self.record = record

    def __str__(self) -> str:
        reason = f" ({self.record.reason})" if self.record.reason else ""
        return f"closed by {self.record.closed_by.value} with code {self.record.code}{reason}"


MAX_REASON_BYTES = 123
"""Bytes of UTF-8 that fit into a close frame beside the code (RFC 6455 section 5.5)."""


def check_close(code: int, reason: str) -> None:
    """Check what is to be put into a close frame.

    Raises:
        ValueError: the code may not stand in a close frame (RFC 6455 section 7.4), or the reason is
            longer than 123 bytes of UTF-8.
    """
    if not (code in _SENDABLE_CODES or 3000 <= code <= 4999):
        raise ValueError(f"close code {code} cannot be sent; an application's own are 4000 to 4999")
    if len(reason.encode()) > MAX_REASON_BYTES:
        raise ValueError(f"a close reason has at most {MAX_REASON_BYTES} bytes of UTF-8")


# 1004 is reserved; 1005, 1006 and 1015 say that there was no close frame.
_SENDABLE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
