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


class CloseCause(enum.Enum):
    """Why a connection ended. The code says it to the peer, the cause to who runs the service."""

    CLIENT_CLOSE = "client_close"
    """The client sent a close frame."""

    CONNECTION_LOST = "connection_lost"
    """The stream ended without one."""

    HANDLER_RETURNED = "handler_returned"
    """The handler was done."""

    HANDLER_CLOSE = "handler_close"
    """The handler called `close`."""

    HANDLER_ERROR = "handler_error"
    """The handler raised."""

    HANDSHAKE_REFUSED = "handshake_refused"
    """The opening handshake was answered with something else than 101."""

    HANDSHAKE_TIMEOUT = "handshake_timeout"
    """The opening handshake was not answered in time."""

    PROTOCOL_ERROR = "protocol_error"
    """The client broke the protocol."""

    INVALID_UTF8 = "invalid_utf8"
    """A text, or a close reason, of the client was not UTF-8."""

    TOO_BIG = "too_big"
    """A message of the client had more bytes, or more frames, than it may have."""

    RATE_LIMIT = "rate_limit"
    """The client sent more per second than it may, and the handler's limits say to close then."""

    SLOW_CONSUMER = "slow_consumer"
    """The client did not take what it was sent."""

    PING_TIMEOUT = "ping_timeout"
    """Nothing came after a ping."""

    IDLE_TIMEOUT = "idle_timeout"
    """There was no message for too long."""

    SESSION_TIME = "session_time"
    """The connection had been there for as long as it may."""

    SHUTDOWN = "shutdown"
    """The service leaves."""


_NOT_BY_SERVER = {
    CloseCause.CLIENT_CLOSE: ClosedBy.CLIENT,
    CloseCause.CONNECTION_LOST: ClosedBy.TRANSPORT,
}


@dataclass(frozen=True, slots=True)
class CloseRecord:
    """The end of one connection: why and with which code and reason, and what it had been.

    A connection that was lost without a close frame has the code 1006 (RFC 6455 section 7.1.5).
    Two records are equal that tell of the same end.

    Args:
        cause: Why it ended.
        code: The close code (RFC 6455 section 7.4).
        reason: The close reason, at most 123 bytes of UTF-8.
        duration: Seconds from the accepted handshake to the end.
        traffic: What it had carried by then.
    """

    cause: CloseCause
    code: int
    reason: str = ""
    duration: float = field(default=0.0, compare=False)
    traffic: Traffic = field(default_factory=Traffic, compare=False)

    @property
    def closed_by(self) -> ClosedBy:
        """Who ended it."""
        return _NOT_BY_SERVER.get(self.cause, ClosedBy.SERVER)

    @property
    def orderly(self) -> bool:
        """True if somebody decided to end the connection, and nothing went wrong."""
        return self.cause is not CloseCause.CONNECTION_LOST and self.code not in _SOMETHING_WRONG


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
        cause, code = self.record.cause.value, self.record.code
        return f"closed by {self.record.closed_by.value} with code {code}, {cause}{reason}"


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
