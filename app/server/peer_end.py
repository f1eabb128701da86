"""How a peer ends a connection, and what it is answered."""

from websockets.frames import CloseCode

from app.websocket.close import ClosedBy, CloseRecord
from app.websocket.frames import Close, encode_close
from app.websocket.messages import Violation


class StreamEnd:
    """The end of a stream that came without a close frame."""


End = Close | Violation | StreamEnd


def answer_to(end: End) -> bytes:
    """Return the close frame that answers the end."""
    if isinstance(end, StreamEnd):
        # The peer may have ended its half of the stream only.
        return encode_close(CloseCode.PROTOCOL_ERROR, "the stream ended without a close frame")
    code = None if end.code == CloseCode.NO_STATUS_RCVD else end.code
    return encode_close(code, end.reason)


def record_of(end: End) -> CloseRecord:
    """Return the record of a connection that ended so."""
    if isinstance(end, StreamEnd):
        return CloseRecord(ClosedBy.TRANSPORT, CloseCode.ABNORMAL_CLOSURE)
    closed_by = ClosedBy.CLIENT if isinstance(end, Close) else ClosedBy.SERVER
    return CloseRecord(closed_by, end.code, end.reason)
