import re

import pytest

from app.tracing.trace_id import new_trace_id, parse_traceparent, trace_id_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
VALID = f"00-{TRACE}-b7ad6b7169203331-01".encode()


@pytest.mark.parametrize(
    "value",
    [
        VALID,
        b" " + VALID + b"\t",
        VALID.replace(b"-01", b"-00"),
        VALID.replace(b"00-0", b"01-0"),
        VALID.replace(b"00-0", b"fe-0") + b"-what-comes-later",
    ],
)
def test_valid_header_is_taken_over(value: bytes) -> None:
    assert trace_id_of([(b"host", b"a"), (b"traceparent", value)]) == TRACE


@pytest.mark.parametrize(
    "value",
    [
        b"",
        VALID.upper(),
        VALID[:-1],
        VALID + b"-more",
        VALID + b"\n",
        VALID.replace(b"00-0", b"ff-0"),
        VALID.replace(b"00-0", b"01-0") + b"more",
        VALID.replace(TRACE.encode(), b"0" * 32),
        VALID.replace(b"b7ad6b7169203331", b"0" * 16),
        VALID.replace(b"b7ad", b"\xff\x1b\r\n"),
    ],
)
def test_header_that_is_not_valid_is_replaced(value: bytes) -> None:
    assert parse_traceparent(value) is None
    assert trace_id_of([(b"traceparent", value)]) != TRACE


@pytest.mark.parametrize("headers", [[], [(b"traceparent", VALID)] * 2])
def test_request_without_exactly_one_header_gets_a_new_id(
    headers: list[tuple[bytes, bytes]],
) -> None:
    assert re.fullmatch("[0-9a-f]{32}", trace_id_of(headers))
    assert trace_id_of(headers) != trace_id_of(headers)


def test_new_id_is_never_all_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.getrandbits", lambda bits: 0)

    assert new_trace_id() == "0" * 31 + "1"
