"""How a connection ended, and the one exception that says so."""

import enum
from dataclasses import dataclass, field

from websockets.frames import CloseCode

from app.exceptions import ServiceError
from app.websocket.frames import MAX_CONTROL_PAYLOAD, is_wire_close_code
from app.websocket.traffic import Traffic


class ClosedBy(enum.Enum):
    """Who ended a connection."""

    CLIENT = "client"
    SERVER = "server"
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True)
class CloseRecord:
    """The end of one connection: who ended it, with which code and reason, and what it had been.

    A connection that was lost without a close frame has the code 1006 and was ended by the
    transport (RFC 6455 section 7.1.5). Two records are equal that tell of the same end.

    Args:
        closed_by: Who ended it.
        code: The close code (RFC 6455 section 7.4).
        reason: The close reason, at most 123 bytes of UTF-8.
        duration: Seconds from the accepted handshake to the end.
        traffic: What it had carried by then.
    """

    closed_by: ClosedBy
    code: int
    reason: str = ""
    duration: float = field(default=0.0, compare=False)
    traffic: Traffic = field(default_factory=Traffic, compare=False)

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


def check_close(code: int, reason: str) -> None:
    """Check what is to be put into a close frame.

    Raises:
        ValueError: the code may not stand in a close frame (RFC 6455 section 7.4), or the reason is
            longer than 123 bytes of UTF-8 (section 5.5).
    """
    if not is_wire_close_code(code):
        raise ValueError(f"close code {code} cannot be sent; an application's own are 4000 to 4999")
    if len(reason.encode()) > _MAX_REASON_BYTES:
        raise ValueError(f"a close reason has at most {_MAX_REASON_BYTES} bytes of UTF-8")


_MAX_REASON_BYTES = MAX_CONTROL_PAYLOAD - 2
