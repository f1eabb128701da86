import pytest

from app.server.head_meter import HeadMeter
from app.server.http_limits import HttpLimits
from app.websocket.handshake import HandshakeRefused

LIMITS = HttpLimits(max_headers_size=1000, max_headers_count=10, max_url_size=100)
REQUEST_LINE = 64  # that much may come beside the URL and the header lines


def begun(size: int) -> HeadMeter:
    """Return a meter that has seen a head begin with a segment of this size."""
    meter = HeadMeter(LIMITS)
    meter.segment_comes()
    meter.message_begins()
    meter.segment_fed(size)
    return meter


def in_body() -> HeadMeter:
    """Return a meter that has seen a head and the beginning of a body."""
    meter = begun(10)
    meter.segment_comes()
    meter.head_is_complete()
    meter.body_comes()
    meter.segment_fed(10)
    return meter


def feed(meter: HeadMeter, size: int) -> None:
    """Let a segment come of which the parser tells nothing."""
    meter.segment_comes()
    meter.segment_fed(size)


def refusal_of(step: object, *arguments: int) -> int:
    assert callable(step)
    with pytest.raises(HandshakeRefused) as refused:
        step(*arguments)
    return refused.value.status


def test_url_of_just_the_limit_is_taken() -> None:
    meter = begun(1)
    meter.url_is(100)

    assert refusal_of(meter.url_is, 101) == 414


def test_lines_of_just_the_limit_are_taken() -> None:
    meter = begun(1)
    for _ in range(10):
        meter.header_is(1, 1)

    assert refusal_of(meter.header_is, 1, 1) == 431


def test_bytes_of_complete_lines_are_counted_with_their_separators() -> None:
    meter = begun(1)
    meter.header_is(1, 1000 - 5)

    assert refusal_of(meter.header_is, 0, 0) == 431


def test_bytes_that_the_parser_keeps_to_itself_are_counted_over_segments() -> None:
    meter = begun(1000 + REQUEST_LINE - 10)
    feed(meter, 10)

    assert refusal_of(lambda: feed(meter, 1)) == 431


def test_url_does_not_count_among_the_bytes_of_header_lines() -> None:
    meter = begun(1)
    meter.url_is(100)
    feed(meter, 1000 + 100 + REQUEST_LINE - 1)

    assert refusal_of(lambda: feed(meter, 1)) == 431


def test_segment_in_which_something_else_ended_does_not_count() -> None:
    meter = in_body()
    meter.segment_comes()
    meter.message_ends()
    meter.message_begins()
    meter.segment_fed(5000)

    assert meter.unfinished


def test_body_does_not_count() -> None:
    meter = in_body()
    for _ in range(3):
        meter.segment_comes()
        meter.body_comes()
        meter.segment_fed(5000)
    feed(meter, 1000)

    assert not meter.unfinished


def test_bytes_behind_a_body_that_the_parser_keeps_to_itself_are_counted() -> None:
    meter = in_body()
    feed(meter, 1000 + REQUEST_LINE)

    assert refusal_of(lambda: feed(meter, 1)) == 431


def test_lines_behind_a_body_count_among_those_of_the_head() -> None:
    meter = begun(1)
    for _ in range(8):
        meter.header_is(1, 1)
    meter.head_is_complete()
    meter.body_comes()
    for _ in range(2):
        meter.header_is(1, 1)

    assert refusal_of(meter.header_is, 1, 1) == 431


def test_empty_lines_between_requests_do_not_count() -> None:
    meter = in_body()
    meter.segment_comes()
    meter.message_ends()
    meter.segment_fed(1)
    for _ in range(3):
        feed(meter, 1000)
    meter.segment_comes()
    meter.message_begins()
    meter.segment_fed(1000)

    assert meter.unfinished


def test_each_head_is_counted_anew() -> None:
    meter = begun(10)
    for _ in range(3):
        meter.url_is(100)
        for _ in range(10):
            meter.header_is(1, 1)
        meter.head_is_complete()
        meter.message_ends()
        meter.segment_comes()
        meter.message_begins()
        meter.segment_fed(10)

    assert meter.unfinished
