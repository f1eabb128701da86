import pickle

import pytest

from app.exceptions import ServiceError
from app.websocket.close import ClosedBy, CloseRecord, ConnectionClosed, check_close


@pytest.mark.parametrize("closed_by", [ClosedBy.CLIENT, ClosedBy.SERVER])
@pytest.mark.parametrize("code", [1000, 1001, 1005, 1012, 1013, 3000, 4000, 4999])
def test_end_that_somebody_decided_on_is_orderly(closed_by: ClosedBy, code: int) -> None:
    assert CloseRecord(closed_by, code).orderly


@pytest.mark.parametrize("closed_by", [ClosedBy.CLIENT, ClosedBy.SERVER])
@pytest.mark.parametrize("code", [1002, 1007, 1008, 1009, 1011])
def test_end_by_something_wrong_is_not_orderly(closed_by: ClosedBy, code: int) -> None:
    assert not CloseRecord(closed_by, code).orderly


@pytest.mark.parametrize("code", [1000, 1001, 1006])
def test_lost_connection_is_not_orderly(code: int) -> None:
    assert not CloseRecord(ClosedBy.TRANSPORT, code).orderly


def test_records_with_the_same_facts_are_equal() -> None:
    assert CloseRecord(ClosedBy.CLIENT, 1000) == CloseRecord(ClosedBy.CLIENT, 1000, "")


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (CloseRecord(ClosedBy.CLIENT, 1001), "closed by client with code 1001"),
        (CloseRecord(ClosedBy.SERVER, 4000, "bye"), "closed by server with code 4000 (bye)"),
        (CloseRecord(ClosedBy.TRANSPORT, 1006), "closed by transport with code 1006"),
    ],
)
def test_exception_says_who_closed_and_how(record: CloseRecord, text: str) -> None:
    assert str(ConnectionClosed(record)) == text


def test_exception_carries_the_record() -> None:
    record = CloseRecord(ClosedBy.CLIENT, 1001)
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
