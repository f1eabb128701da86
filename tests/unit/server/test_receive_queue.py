import pytest

from app.server.receive_queue import MAX_BYTES, MAX_MESSAGES, ReceiveQueue

TIMEOUT = 5.0


def filled(message: str | bytes, count: int) -> ReceiveQueue:
    queue = ReceiveQueue()
    for _ in range(count):
        queue.put(message)
    return queue


def test_messages_come_out_as_they_went_in() -> None:
    queue = ReceiveQueue()
    for message in ("a", b"b", "", b""):
        queue.put(message)

    assert [queue.take() for _ in range(4)] == ["a", b"b", "", b""]
    assert not queue.messages


def test_all_messages_are_counted_also_those_that_have_been_taken() -> None:
    queue = filled("a", 3)
    queue.take()
    queue.put("b")
    queue.clear()

    assert queue.received == 4


@pytest.mark.parametrize("message", ["b", b"b" * MAX_BYTES, "é" * (MAX_BYTES // 4)])
def test_message_that_is_taken_back_is_as_if_it_had_not_come(message: str | bytes) -> None:
    queue = filled("a", 2)
    queue.take()
    queue.put(message)

    assert queue.take_back() == message
    assert queue.received == 2
    assert not queue.full
    assert queue.has_room
    assert queue.take() == "a"
    assert not queue.messages


@pytest.mark.parametrize(
    ("message", "count"),
    [
        (b"", MAX_MESSAGES),
        ("", MAX_MESSAGES),
        (b"x" * (MAX_BYTES // 4), 4),
        ("x" * (MAX_BYTES // 4), 4),
        ("é" * (MAX_BYTES // 16), 4),
        (b"x" * (10 * MAX_BYTES), 1),
    ],
    ids=["by-count", "by-count-of-texts", "by-bytes", "by-ascii", "by-text", "by-one-message"],
)
def test_queue_is_full_by_count_or_by_memory(message: str | bytes, count: int) -> None:
    assert not filled(message, count - 1).full
    assert filled(message, count).full


@pytest.mark.parametrize("message", [b"x", "x", b"x" * (MAX_BYTES // 8), "é" * (MAX_BYTES // 32)])
def test_queue_that_was_full_has_room_when_half_of_it_is_taken(message: str | bytes) -> None:
    queue = ReceiveQueue()
    while not queue.full:
        queue.put(message)
    count = len(queue.messages)
    while not queue.has_room:
        queue.take()

    assert len(queue.messages) == count // 2
    assert not queue.full


def test_queue_that_is_cleared_has_room() -> None:
    queue = filled(b"x" * MAX_BYTES, 1)
    queue.clear()

    assert queue.has_room
    assert not queue.messages
