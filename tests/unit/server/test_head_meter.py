import pytest

from app.server.head_meter import MAX_LINES, MAX_SIZE, MAX_URL_SIZE, HeadMeter
from app.websocket.handshake import HandshakeRefused


def begun(size: int) -> HeadMeter:
    """Return a meter that has seen a head begin with a segment of this size."""
    meter = HeadMeter()
    meter.segment_comes()
    meter.message_begins()
    meter.segment_fed(size)
    return meter


def refusal_of(step: object, *arguments: int) -> int:
    assert callable(step)
    with pytest.raises(HandshakeRefused) as refused:
        step(*arguments)
    return refused.value.status


def test_url_of_just_the_limit_is_taken() -> None:
    meter = begun(1)
    meter.url_is(MAX_URL_SIZE)

    assert refusal_of(meter.url_is, MAX_URL_SIZE + 1) == 414


def test_lines_of_just_the_limit_are_taken() -> None:
    meter = begun(1)
    for _ in range(MAX_LINES):
        meter.header_is(1, 1)

    assert refusal_of(meter.header_is, 1, 1) == 431


def test_bytes_of_complete_lines_are_counted_with_their_separators() -> None:
    meter = begun(1)
    meter.header_is(1, MAX_SIZE - 5)

    assert refusal_of(meter.header_is, 1, 1) == 431


def test_bytes_that_the_parser_keeps_to_itself_are_counted_over_segments() -> None:
    meter = begun(MAX_SIZE - 10)
    meter.segment_comes()
    meter.segment_fed(10)
    meter.segment_comes()

    assert refusal_of(meter.segment_fed, 1) == 431


def test_segment_in_which_something_else_ended_does_not_count() -> None:
    meter = begun(10)
    meter.head_is_complete()
    meter.segment_comes()
    meter.message_ends()
    meter.message_begins()
    meter.segment_fed(MAX_SIZE * 2)

    assert meter.unfinished


def test_body_does_not_count() -> None:
    meter = begun(10)
    meter.head_is_complete()
    meter.segment_comes()
    meter.segment_fed(MAX_SIZE * 2)

    assert not meter.unfinished


def test_each_head_is_counted_anew() -> None:
    meter = begun(10)
    for _ in range(3):
        for _ in range(MAX_LINES):
            meter.header_is(1, 1)
        meter.head_is_complete()
        meter.message_ends()
        meter.segment_comes()
        meter.message_begins()
        meter.segment_fed(10)

    assert meter.unfinished
