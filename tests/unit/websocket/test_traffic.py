import pytest

from app.websocket.traffic import Traffic, payload_size


@pytest.mark.parametrize(
    ("message", "size"),
    [
        pytest.param("", 0, id="empty-text"),
        pytest.param("hello", 5, id="ascii"),
        pytest.param("\x00\x7f", 2, id="ascii-controls"),
        pytest.param("é", 2, id="two-bytes"),
        pytest.param("☃", 3, id="three-bytes"),
        pytest.param("🐍", 4, id="four-bytes"),
        pytest.param("aé☃🐍", 10, id="mixed"),
        pytest.param("\ud83d", 3, id="half-a-surrogate-pair"),
        pytest.param(b"", 0, id="empty-binary"),
        pytest.param(b"\x00\xff", 2, id="binary"),
        pytest.param("é".encode(), 2, id="binary-of-a-text"),
    ],
)
def test_payload_is_counted_in_bytes(message: str | bytes, size: int) -> None:
    assert payload_size(message) == size


def test_connection_has_carried_nothing_at_first() -> None:
    assert Traffic() == Traffic(
        messages_received=0, bytes_received=0, messages_sent=0, bytes_sent=0
    )
