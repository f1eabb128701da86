import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.websocket.limits import Limits
from app.websocket.rates import InboundRates, TokenBucket

START = 1000.0


def bucket(rate: float = 10.0, burst: float = 5.0) -> TokenBucket:
    return TokenBucket(rate, burst, START)


def test_bucket_has_its_burst_at_first() -> None:
    assert bucket(burst=5).tokens(START) == 5


def test_tokens_come_back_at_the_rate() -> None:
    tokens = bucket(rate=10, burst=5)
    tokens.take(5, START)

    assert [tokens.tokens(START + seconds) for seconds in (0, 0.25, 0.5)] == [0, 2.5, 5]


def test_bucket_holds_no_more_than_its_burst() -> None:
    tokens = bucket(burst=5)

    assert tokens.tokens(START + 3600) == 5
    tokens.take(5, START + 3600)
    assert tokens.tokens(START + 3600) == 0


def test_bucket_that_nobody_has_asked_for_long_held_no_more_either() -> None:
    tokens = bucket(burst=5)

    tokens.take(25, START + 3600)

    assert tokens.tokens(START + 3600) == -20


def test_debt_is_paid_before_there_are_new_tokens() -> None:
    tokens = bucket(rate=10, burst=5)
    tokens.take(25, START)

    assert [tokens.tokens(START + seconds) for seconds in (0, 1, 2, 2.5)] == [-20, -10, 0, 5]


@pytest.mark.parametrize(
    ("taken", "wanted", "seconds"),
    [(0, 5, 0.0), (5, 0, 0.0), (5, 1, 0.1), (5, 5, 0.5), (25, 0, 2.0), (25, 1, 2.1)],
)
def test_time_until_there_are_tokens(taken: int, wanted: int, seconds: float) -> None:
    tokens = bucket(rate=10, burst=5)
    tokens.take(taken, START)

    assert tokens.seconds_until(wanted, START) == pytest.approx(seconds)
    assert tokens.seconds_until(wanted, START + seconds) == pytest.approx(0)


@given(
    rate=st.integers(1, 1000),
    burst=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 500)), max_size=100),
)
def test_who_takes_only_what_is_there_gets_no_more_than_burst_and_rate(
    rate: int, burst: int, steps: list[tuple[float, int]]
) -> None:
    tokens = TokenBucket(rate, burst, START)
    now = START
    taken = 0
    for seconds, wanted in steps:
        now += seconds
        count = min(wanted, int(tokens.tokens(now)))
        tokens.take(count, now)
        taken += count

        assert taken <= burst + rate * (now - START) + 1e-6


@given(
    rate=st.integers(1, 1000),
    burst=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.floats(0, 100), st.integers(1, 5000)), max_size=100),
)
def test_who_takes_while_there_is_no_debt_is_ahead_by_one_helping_at_most(
    rate: int, burst: int, steps: list[tuple[float, int]]
) -> None:
    """As bytes are counted: how many there are is known only when they have come."""
    tokens = TokenBucket(rate, burst, START)
    now = START
    taken = largest = 0
    for seconds, helping in steps:
        now += seconds
        if tokens.tokens(now) >= 0:
            tokens.take(helping, now)
            taken += helping
            largest = max(largest, helping)

        assert taken <= burst + rate * (now - START) + largest + 1e-6


@given(
    rate=st.integers(1, 1000),
    burst=st.integers(1, 1000),
    taken=st.integers(0, 10_000),
    wanted=st.integers(0, 1),
)
def test_after_the_time_until_tokens_there_are_so_many(
    rate: int, burst: int, taken: int, wanted: int
) -> None:
    tokens = TokenBucket(rate, burst, START)
    tokens.take(taken, START)
    seconds = tokens.seconds_until(wanted, START)

    assert tokens.tokens(START + seconds) >= wanted - 1e-6
    assert seconds == 0 or tokens.tokens(START + seconds) <= wanted + 1e-6


# A rate that changes.


def test_bucket_with_a_lower_burst_keeps_no_more_than_that() -> None:
    tokens = bucket(rate=10, burst=5)

    tokens.set_rate(1, 2, START)

    assert tokens.tokens(START) == 2


def test_bucket_with_a_higher_burst_gets_nothing_for_that_but_at_the_new_rate() -> None:
    tokens = bucket(rate=10, burst=5)

    tokens.set_rate(20, 50, START)

    assert [tokens.tokens(START + seconds) for seconds in (0, 1, 3600)] == [5, 25, 50]


def test_what_came_before_a_change_came_at_the_old_rate() -> None:
    tokens = bucket(rate=10, burst=50)
    tokens.take(50, START)

    tokens.set_rate(1, 50, START + 2)

    assert tokens.tokens(START + 2) == 20
    assert tokens.tokens(START + 3) == 21


def test_debt_stays_and_is_paid_at_the_new_rate() -> None:
    tokens = bucket(rate=10, burst=5)
    tokens.take(25, START)

    tokens.set_rate(2, 4, START)

    assert tokens.seconds_until(0, START) == pytest.approx(10)


def test_debt_that_is_forgiven_is_none_and_tokens_stay() -> None:
    in_debt, rich = bucket(burst=5), bucket(burst=5)
    in_debt.take(25, START)
    in_debt.forgive()
    rich.forgive()

    assert (in_debt.tokens(START), rich.tokens(START)) == (0, 5)


@given(
    rates=st.lists(st.tuples(st.integers(1, 100), st.integers(1, 100)), min_size=1, max_size=9),
    steps=st.lists(st.tuples(st.floats(0, 3), st.integers(0, 200)), max_size=20),
)
def test_however_the_rate_changes_there_is_never_more_than_the_highest_gives(
    rates: list[tuple[int, int]], steps: list[tuple[float, int]]
) -> None:
    tokens = TokenBucket(*rates[0], START)
    highest = max(rate for rate, _ in rates)
    largest = max(burst for _, burst in rates)
    now, taken = START, 0
    for number, (seconds, wanted) in enumerate(steps):
        now += seconds
        tokens.set_rate(*rates[number % len(rates)], now)
        count = max(0, min(wanted, int(tokens.tokens(now))))
        tokens.take(count, now)
        taken += count

        assert tokens.tokens(now) <= rates[number % len(rates)][1]
        assert taken <= largest + highest * (now - START) + 1e-6


# What one client has sent.


def rates(**limits: object) -> InboundRates:
    return InboundRates(Limits.model_validate(limits), START)


MOST = 64
"""As many frames as are read at once."""


def test_only_pings_and_pongs_count_unless_the_limits_say_more() -> None:
    inbound = rates(max_control_frames_per_second=100, on_rate_limit="close")
    inbound.take_bytes(1 << 40, START)
    inbound.take_frames(0, 1_000_000, START)

    assert inbound.frames_now(START, MOST) == MOST
    assert not inbound.too_many_messages(START)
    assert not inbound.too_many_bytes(START)
    assert inbound.seconds_to_wait(START) == 0


@given(
    limits=st.fixed_dictionaries(
        {
            "max_control_frames_per_second": st.integers(1, 200),
            "max_messages_per_second": st.integers(0, 200),
            "max_bytes_per_second": st.integers(0, 200),
            "on_rate_limit": st.sampled_from(["pause", "close"]),
        }
    ),
    taken=st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500)),
    seconds=st.floats(0, 10),
    most=st.integers(1, MOST),
)
def test_no_more_frames_may_be_read_than_asked_for_and_some_after_the_wait(
    limits: dict[str, object], taken: tuple[int, int, int], seconds: float, most: int
) -> None:
    controls, messages, count = taken
    inbound = rates(**limits)
    inbound.take_frames(controls, messages, START)
    inbound.take_bytes(count, START)
    now = START + seconds

    assert 0 <= inbound.frames_now(now, most) <= most
    wait = inbound.seconds_to_wait(now)
    assert wait > 0 or inbound.frames_now(now, most) > 0
    assert inbound.frames_now(now + wait + 1e-6, most) > 0


@pytest.mark.parametrize("on_rate_limit", ["pause", "close"])
def test_control_frames_are_read_up_to_twice_what_may_come_per_second(on_rate_limit: str) -> None:
    inbound = rates(max_control_frames_per_second=10, on_rate_limit=on_rate_limit)
    assert inbound.frames_now(START, MOST) == 20
    assert inbound.frames_now(START, 7) == 7

    inbound.take_frames(19, 0, START)
    assert inbound.frames_now(START, MOST) == 1
    assert inbound.seconds_to_wait(START) == 0

    inbound.take_frames(1, 0, START)
    assert inbound.frames_now(START, MOST) == 0
    assert inbound.seconds_to_wait(START) == pytest.approx(0.1)
    assert inbound.frames_now(START + 0.099, MOST) == 0, "a part of a token is none"
    assert inbound.frames_now(START + 0.101, MOST) == 1
    assert inbound.frames_now(START + 3600, MOST) == 20
    assert not inbound.too_many_messages(START)
    assert not inbound.too_many_bytes(START)


def test_as_many_frames_may_be_read_as_there_may_be_messages() -> None:
    inbound = rates(max_messages_per_second=5)
    assert inbound.frames_now(START, MOST) == 5

    inbound.take_frames(0, 3, START)
    assert inbound.frames_now(START, MOST) == 2

    inbound.take_frames(0, 2, START)
    assert inbound.frames_now(START, MOST) == 0
    assert inbound.seconds_to_wait(START) == pytest.approx(0.2)
    assert inbound.frames_now(START + 0.201, MOST) == 1
    assert not inbound.too_many_messages(START)


def test_messages_beyond_the_rate_end_nothing_where_they_pause() -> None:
    inbound = rates(max_messages_per_second=5, max_bytes_per_second=5)
    inbound.take_frames(0, 6, START)
    inbound.take_bytes(6, START)

    assert not inbound.too_many_messages(START)
    assert not inbound.too_many_bytes(START)


def test_frame_more_is_read_where_it_ends_the_connection() -> None:
    inbound = rates(max_messages_per_second=5, on_rate_limit="close")
    assert inbound.frames_now(START, MOST) == 6

    inbound.take_frames(0, 5, START)
    assert inbound.frames_now(START, MOST) == 1
    assert not inbound.too_many_messages(START)

    inbound.take_frames(0, 1, START)
    assert inbound.too_many_messages(START)
    assert not inbound.too_many_bytes(START)
    assert not inbound.too_many_messages(START + 0.201)


def test_bytes_pause_reading_beyond_what_may_come_per_second() -> None:
    inbound = rates(max_bytes_per_second=1000)
    inbound.take_bytes(1000, START)
    assert inbound.frames_now(START, MOST) == MOST

    inbound.take_bytes(500, START)
    assert inbound.frames_now(START, MOST) == 0
    assert inbound.seconds_to_wait(START) == pytest.approx(0.5)
    assert inbound.frames_now(START + 0.501, MOST) == MOST
    assert not inbound.too_many_bytes(START)


def test_bytes_beyond_what_may_come_are_read_where_they_end_the_connection() -> None:
    inbound = rates(max_bytes_per_second=1000, on_rate_limit="close")
    inbound.take_bytes(1000, START)
    assert not inbound.too_many_bytes(START)

    inbound.take_bytes(1, START)
    assert inbound.frames_now(START, MOST) == MOST
    assert inbound.too_many_bytes(START)
    assert not inbound.too_many_messages(START)


def test_longest_wait_counts() -> None:
    inbound = rates(
        max_control_frames_per_second=20, max_messages_per_second=10, max_bytes_per_second=10
    )
    inbound.take_frames(40, 0, START)
    assert inbound.seconds_to_wait(START) == pytest.approx(0.05)

    inbound.take_frames(0, 10, START)
    assert inbound.seconds_to_wait(START) == pytest.approx(0.1)

    inbound.take_bytes(30, START)
    assert inbound.seconds_to_wait(START) == pytest.approx(2)


# Limits that change.

RATES = st.fixed_dictionaries(
    {
        "max_control_frames_per_second": st.integers(1, 200),
        "max_messages_per_second": st.integers(0, 200),
        "max_bytes_per_second": st.integers(0, 200),
        "on_rate_limit": st.sampled_from(["pause", "close"]),
    }
)


def limits(**options: object) -> Limits:
    return Limits.model_validate(options)


def test_client_with_a_new_rate_may_have_as_many_at_once_as_any_other() -> None:
    inbound = rates()
    inbound.take_frames(0, 1000, START)

    inbound.set_limits(limits(max_messages_per_second=5), START)

    assert inbound.frames_now(START, MOST) == 5


def test_client_without_a_rate_any_more_is_not_held() -> None:
    inbound = rates(max_messages_per_second=5, max_bytes_per_second=10)
    inbound.take_frames(0, 5, START)
    inbound.take_bytes(1000, START)
    assert inbound.frames_now(START, MOST) == 0

    inbound.set_limits(limits(), START)

    assert inbound.frames_now(START, MOST) == MOST
    assert inbound.seconds_to_wait(START) == 0


def test_what_was_sent_before_still_counts_at_another_rate() -> None:
    inbound = rates(max_messages_per_second=5, max_control_frames_per_second=10)
    inbound.take_frames(20, 5, START)

    inbound.set_limits(limits(max_messages_per_second=50, max_control_frames_per_second=100), START)

    assert inbound.frames_now(START, MOST) == 0
    assert inbound.seconds_to_wait(START) == pytest.approx(1 / 50)


def test_client_is_not_closed_for_what_would_only_have_slowed_it_down() -> None:
    inbound = rates(max_bytes_per_second=1000)
    inbound.take_bytes(100_000, START)

    inbound.set_limits(limits(max_bytes_per_second=1000, on_rate_limit="close"), START)

    assert not inbound.too_many_bytes(START)
    inbound.take_bytes(1, START)
    assert inbound.too_many_bytes(START)


def test_client_that_is_to_be_closed_no_more_is_slowed_down() -> None:
    inbound = rates(max_messages_per_second=1, on_rate_limit="close")
    inbound.take_frames(0, 1, START)

    inbound.set_limits(limits(max_messages_per_second=1), START)

    assert inbound.frames_now(START, MOST) == 0
    assert not inbound.too_many_messages(START)


@given(
    changes=st.lists(RATES, min_size=1, max_size=5),
    taken=st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200)),
)
def test_after_a_while_a_client_is_as_one_that_never_had_other_limits(
    changes: list[dict[str, object]], taken: tuple[int, int, int]
) -> None:
    controls, messages, count = taken
    inbound = rates(**changes[0])
    for change in changes:
        inbound.take_frames(controls, messages, START)
        inbound.take_bytes(count, START)
        inbound.set_limits(limits(**change), START)
    later = START + 3600
    fresh = InboundRates(limits(**changes[-1]), later)

    for each in (inbound, fresh):
        each.take_frames(3, 2, later)
        each.take_bytes(100, later)
    assert inbound.frames_now(later, MOST) == fresh.frames_now(later, MOST)
    assert inbound.too_many_messages(later) == fresh.too_many_messages(later)
    assert inbound.too_many_bytes(later) == fresh.too_many_bytes(later)
    assert inbound.seconds_to_wait(later) == pytest.approx(fresh.seconds_to_wait(later))
