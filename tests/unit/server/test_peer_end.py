import pytest

from app.server.peer_end import (
    RATE_EXCEEDED,
    STREAM_END,
    End,
    answer_to,
    our_end,
    record_of,
)
from app.websocket.close import CloseCause, CloseRecord, check_close
from app.websocket.frames import Close, encode_close
from app.websocket.messages import Violation

TOO_FAST = "more per second than is allowed"


@pytest.mark.parametrize(
    ("end", "record"),
    [
        (Close(1000, ""), CloseRecord(CloseCause.CLIENT_CLOSE, 1000)),
        (Close(4001, "bye"), CloseRecord(CloseCause.CLIENT_CLOSE, 4001, "bye")),
        (Close(1005, ""), CloseRecord(CloseCause.CLIENT_CLOSE, 1005)),
        (Violation(1002, "bad"), CloseRecord(CloseCause.PROTOCOL_ERROR, 1002, "bad")),
        (Violation(1007, "bad"), CloseRecord(CloseCause.INVALID_UTF8, 1007, "bad")),
        (Violation(1009, "bad"), CloseRecord(CloseCause.TOO_BIG, 1009, "bad")),
        (RATE_EXCEEDED, CloseRecord(CloseCause.RATE_LIMIT, 1008, TOO_FAST)),
        (STREAM_END, CloseRecord(CloseCause.CONNECTION_LOST, 1006)),
    ],
)
def test_record_of_an_end_that_the_peer_has_made(end: End, record: CloseRecord) -> None:
    assert record_of(end) == record


@pytest.mark.parametrize(
    ("end", "answer"),
    [
        (Close(1000, ""), encode_close(1000, "")),
        (Close(4001, "bye"), encode_close(4001, "bye")),
        (Close(1005, ""), b"\x88\x00"),
        (Violation(1002, "bad"), encode_close(1002, "bad")),
        (Violation(1007, "bad"), encode_close(1007, "bad")),
        (Violation(1009, "bad"), encode_close(1009, "bad")),
        (RATE_EXCEEDED, encode_close(1008, TOO_FAST)),
        (STREAM_END, encode_close(1002, "the stream ended without a close frame")),
    ],
)
def test_answer_is_a_close_frame_that_says_why(end: End, answer: bytes) -> None:
    assert answer_to(end) == answer


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (CloseCause.HANDLER_RETURNED, 1000),
        (CloseCause.HANDLER_ERROR, 1011),
        (CloseCause.RATE_LIMIT, 1008),
        (CloseCause.SLOW_CONSUMER, 1008),
        (CloseCause.PING_TIMEOUT, 1011),
        (CloseCause.IDLE_TIMEOUT, 1001),
        (CloseCause.SESSION_TIME, 1001),
        (CloseCause.SHUTDOWN, 1001),
    ],
)
def test_code_that_a_cause_of_ours_has(cause: CloseCause, code: int) -> None:
    record = our_end(cause)
    check_close(record.code, record.reason)

    assert (record.cause, record.code) == (cause, code)
