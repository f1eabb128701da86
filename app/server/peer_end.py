"""How a connection ends that no handler has closed, and what the peer is told."""

import enum
from typing import Final, Protocol

from websockets.frames import CloseCode

from app.websocket.close import CloseCause, CloseRecord
from app.websocket.frames import Close, encode_close
from app.websocket.messages import Violation


class StreamEnd(enum.Enum):
    """The end of a stream that came without a close frame."""

    STREAM_END = enum.auto()


class RateExceeded(enum.Enum):
    """The peer has sent more per second than it may."""

    RATE_EXCEEDED = enum.auto()


STREAM_END: Final = StreamEnd.STREAM_END
RATE_EXCEEDED: Final = RateExceeded.RATE_EXCEEDED

End = Close | Violation | StreamEnd | RateExceeded
"""What waits behind the receive queue."""


class EndSink(Protocol):
    """Who is told how the peer ends."""

    def meet_end(self, end: End) -> None:
        """The peer has ended it; what came before has been put into the queue."""

    def peer_is_done(self, end: End) -> None:
        """While we discard, the peer has closed, or cannot be understood any more."""


_VIOLATIONS: Final = {
    CloseCode.PROTOCOL_ERROR: CloseCause.PROTOCOL_ERROR,
    CloseCode.INVALID_DATA: CloseCause.INVALID_UTF8,
    CloseCode.MESSAGE_TOO_BIG: CloseCause.TOO_BIG,
}

_OURS: Final = {
    CloseCause.HANDLER_RETURNED: (CloseCode.NORMAL_CLOSURE, ""),
    CloseCause.HANDLER_ERROR: (CloseCode.INTERNAL_ERROR, ""),
    CloseCause.RATE_LIMIT: (CloseCode.POLICY_VIOLATION, "more per second than is allowed"),
    CloseCause.SLOW_CONSUMER: (CloseCode.POLICY_VIOLATION, "too slow to take what is sent"),
    CloseCause.PING_TIMEOUT: (CloseCode.INTERNAL_ERROR, "keepalive ping timeout"),
    CloseCause.IDLE_TIMEOUT: (CloseCode.GOING_AWAY, "no message for too long"),
    CloseCause.SESSION_TIME: (CloseCode.GOING_AWAY, "the session has lasted as long as it may"),
    CloseCause.SHUTDOWN: (CloseCode.GOING_AWAY, ""),
}


def our_end(cause: CloseCause) -> CloseRecord:
    """Return the record of a connection that the server ends for a cause of its own."""
    code, reason = _OURS[cause]
    return CloseRecord(cause, code, reason)


def record_of(end: End) -> CloseRecord:
    """Return the record of a connection that ended so."""
    if isinstance(end, Close):
        return CloseRecord(CloseCause.CLIENT_CLOSE, end.code, end.reason)
    if isinstance(end, Violation):
        return CloseRecord(_VIOLATIONS[CloseCode(end.code)], end.code, end.reason)
    if end is RATE_EXCEEDED:
        return our_end(CloseCause.RATE_LIMIT)
    return CloseRecord(CloseCause.CONNECTION_LOST, CloseCode.ABNORMAL_CLOSURE)


def answer_to(end: End) -> bytes:
    """Return the close frame that answers the end."""
    if end is STREAM_END:
        # The peer may have ended its half of the stream only.
        return encode_close(CloseCode.PROTOCOL_ERROR, "the stream ended without a close frame")
    record = record_of(end)
    code = None if record.code == CloseCode.NO_STATUS_RCVD else record.code
    return encode_close(code, record.reason)
