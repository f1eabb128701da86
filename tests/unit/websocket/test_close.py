import pickle
from pathlib import Path

import pytest

from app.exceptions import ServiceError
from app.websocket.close import (
    CloseCause,
    ClosedBy,
    CloseRecord,
    ConnectionClosed,
    check_close,
)
from app.websocket.traffic import Traffic

NOT_LOST = [cause for cause in CloseCause if cause is not CloseCause.CONNECTION_LOST]


@pytest.mark.parametrize("cause", CloseCause)
def test_who_ended_it_follows_from_the_cause(cause: CloseCause) -> None:
    closed_by = {
        CloseCause.CLIENT_CLOSE: ClosedBy.CLIENT,
        CloseCause.CONNECTION_LOST: ClosedBy.TRANSPORT,
    }

    assert CloseRecord(cause, 1000).closed_by is closed_by.get(cause, ClosedBy.SERVER)


def test_causes_have_the_names_that_logs_and_metrics_are_read_by() -> None:
    assert {cause.value for cause in CloseCause} == {
        "client_close",
        "connection_lost",
        "handler_returned",
        "handler_close",
        "handler_error",
        "handshake_refused",
        "handshake_timeout",
        "protocol_error",
        "invalid_utf8",
        "too_big",
        "rate_limit",
        "slow_consumer",
        "ping_timeout",
        "idle_timeout",
        "session_time",
        "shutdown",
    }


@pytest.mark.parametrize("cause", NOT_LOST)
@pytest.mark.parametrize("code", [1000, 1001, 1005, 1012, 1013, 3000, 4000, 4999])
def test_end_that_somebody_decided_on_is_orderly(cause: CloseCause, code: int) -> None:
    assert CloseRecord(cause, code).orderly


@pytest.mark.parametrize("cause", NOT_LOST)
@pytest.mark.parametrize("code", [1002, 1007, 1008, 1009, 1011])
def test_end_by_something_wrong_is_not_orderly(cause: CloseCause, code: int) -> None:
    assert not CloseRecord(cause, code).orderly


@pytest.mark.parametrize("code", [1000, 1001, 1006])
def test_lost_connection_is_not_orderly(code: int) -> None:
    assert not CloseRecord(CloseCause.CONNECTION_LOST, code).orderly


def test_records_with_the_same_facts_are_equal() -> None:
    cause = CloseCause.CLIENT_CLOSE

    assert CloseRecord(cause, 1000) == CloseRecord(cause, 1000, "", 1.5, Traffic(1, 2, 3, 4))


@pytest.mark.parametrize(
    "other",
    [
        CloseRecord(CloseCause.HANDLER_CLOSE, 1000),
        CloseRecord(CloseCause.HANDLER_RETURNED, 1001),
        CloseRecord(CloseCause.HANDLER_RETURNED, 1000, "bye"),
    ],
)
def test_records_with_other_facts_are_not_equal(other: CloseRecord) -> None:
    assert CloseRecord(CloseCause.HANDLER_RETURNED, 1000) != other


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (
            CloseRecord(CloseCause.CLIENT_CLOSE, 1001),
            "closed by client with code 1001, client_close",
        ),
        (
            CloseRecord(CloseCause.HANDLER_CLOSE, 4000, "bye"),
            "closed by server with code 4000, handler_close (bye)",
        ),
        (
            CloseRecord(CloseCause.CONNECTION_LOST, 1006),
            "closed by transport with code 1006, connection_lost",
        ),
    ],
)
def test_exception_says_who_closed_how_and_why(record: CloseRecord, text: str) -> None:
    assert str(ConnectionClosed(record)) == text


def test_exception_carries_the_record() -> None:
    record = CloseRecord(CloseCause.CLIENT_CLOSE, 1001)
    error = ConnectionClosed(record)

    assert isinstance(error, ServiceError)
    assert error.record is record
    assert pickle.loads(pickle.dumps(error)).record == record


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999]
)
def test_code_that_may_stand_in_a_close_frame_is_good(code: int) -> None:
    check_close(code, "")


@pytest.mark.parametrize(
    "code", [-1, 0, 200, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65536]
)
def test_code_that_may_not_stand_in_a_close_frame_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match=f"close code {code} cannot be sent"):
        check_close(code, "")


@pytest.mark.parametrize("reason", ["", "x" * 123, "ж" * 61 + "x", "𝄞" * 30 + "xyz"])
def test_reason_of_up_to_123_bytes_is_good(reason: str) -> None:
    check_close(1000, reason)


@pytest.mark.parametrize("reason", ["x" * 124, "ж" * 62, "𝄞" * 31])
def test_longer_reason_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="at most 123 bytes"):
        check_close(1000, reason)


def test_reason_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        check_close(1000, "\ud800")


@pytest.mark.parametrize("cause", CloseCause)
def test_cause_is_explained_to_who_runs_the_service(cause: CloseCause) -> None:
    page = Path(__file__).parents[3] / "docs" / "connection_ends.md"

    assert f"`{cause.value}`" in page.read_text()
