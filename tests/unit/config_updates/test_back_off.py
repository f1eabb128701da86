import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config_updates.back_off import MAX_RETRY_AFTER, parse_retry_after, pause

CHANCES = st.floats(0, 1, exclude_max=True)


def test_pauses_double_up_to_two_seconds() -> None:
    assert [pause(attempt, 1.0) for attempt in range(1, 8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_longest_pause_may_be_another() -> None:
    assert [pause(attempt, 1.0, longest=60.0) for attempt in (1, 10, 11, 12)] == [
        0.1,
        51.2,
        60.0,
        60.0,
    ]


@given(st.integers(1, 10**6), CHANCES, st.floats(0, 1e12))
def test_half_of_a_pause_is_left_to_chance_and_each_is_bounded(
    attempt: int, chance: float, retry_after: float
) -> None:
    longest = pause(attempt, 1.0)

    assert longest / 2 <= pause(attempt, chance) <= longest <= 2.0
    assert pause(attempt, chance, retry_after) <= 2.0 + MAX_RETRY_AFTER


def test_what_the_other_side_asks_for_comes_on_top() -> None:
    assert pause(1, 1.0, 3.0) == 3.1
    assert pause(1, 0.0, 3.0) == 3.05


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("3", 3.0),
        ("120", 120.0),
        ("", 0.0),
        ("-1", 0.0),
        ("1.5", 0.0),
        ("soon", 0.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("\u0663", 0.0),
    ],
)
def test_retry_after_is_a_number_of_seconds(value: str, seconds: float) -> None:
    assert parse_retry_after(value) == seconds


@given(st.text())
def test_any_retry_after_is_a_length_of_time(value: str) -> None:
    assert 0 <= parse_retry_after(value) < float("inf")


def test_longest_retry_after_is_a_length_of_time() -> None:
    assert parse_retry_after("9" * 10000) == 999999999.0
