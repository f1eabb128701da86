from typing import Any, Final

import pytest
from pydantic import ValidationError

from app.static_config.duration import parse_duration
from app.static_config.model import option_name
from app.websocket.limits import MAX_NUMBER, MAX_SECONDS, Limits

# Every option, as a file writes it, with its default and the values at its bounds.
OPTIONS: Final = [
    ("max-connections", 0, 0, MAX_NUMBER),
    ("max-connections-per-address", 0, 0, MAX_NUMBER),
    ("max-remote-payload", 65536, 1, MAX_NUMBER),
    ("max-fragments", 65536, 1, MAX_NUMBER),
    ("fragment-size", 65536, 0, MAX_NUMBER),
    ("max-control-frames-per-second", 100, 1, MAX_NUMBER),
    ("max-messages-per-second", 0, 0, MAX_NUMBER),
    ("max-bytes-per-second", 0, 0, MAX_NUMBER),
    ("on-rate-limit", "pause", "pause", "close"),
    ("ping-interval", 20.0, 0, "365d"),
    ("ping-timeout", 20.0, 0, "365d"),
    ("idle-timeout", 0.0, 0, "365d"),
    ("max-session-time", 0.0, 0, "365d"),
    ("send-timeout", 30.0, 0, "365d"),
    ("send-buffer-high", 65536, 16384, MAX_NUMBER),
    ("send-buffer-low", 16384, 0, 65536),
    ("close-timeout", 5.0, "1ms", "60m"),
]

COUNTS: Final = [name for name, default, *_ in OPTIONS if isinstance(default, int)]
TIMES: Final = [name for name, default, *_ in OPTIONS if isinstance(default, float)]


def limits(**options: Any) -> Limits:
    return Limits.model_validate(options)


def value(limits: Limits, option: str) -> object:
    return getattr(limits, option.replace("-", "_"))


def test_there_are_no_other_options_than_those_tested_here() -> None:
    names = [option_name(name, field) for name, field in Limits.model_fields.items()]

    assert sorted(names) == sorted(name for name, *_ in OPTIONS)


@pytest.mark.parametrize(("option", "default"), [(name, default) for name, default, *_ in OPTIONS])
def test_default(option: str, default: object) -> None:
    assert value(Limits(), option) == default


@pytest.mark.parametrize(
    ("option", "bound"), [(name, bound) for name, _, *bounds in OPTIONS for bound in bounds]
)
def test_value_at_a_bound_is_good(option: str, bound: object) -> None:
    expected = parse_duration(bound) if option in TIMES else bound

    assert value(limits(**{option: bound}), option) == expected


@pytest.mark.parametrize(
    ("option", "beyond"),
    [
        ("max-connections", -1),
        ("max-connections-per-address", -1),
        ("max-remote-payload", 0),
        ("max-fragments", 0),
        ("fragment-size", -1),
        ("max-control-frames-per-second", 0),
        ("max-messages-per-second", -1),
        ("max-bytes-per-second", -1),
        ("on-rate-limit", "drop"),
        ("on-rate-limit", None),
        *((name, MAX_NUMBER + 1) for name in COUNTS),
        *((name, "366d") for name in TIMES),
        ("send-buffer-high", 0),
        ("send-buffer-low", -1),
        ("close-timeout", 0),
        ("close-timeout", "61m"),
    ],
)
def test_value_beyond_a_bound_is_refused(option: str, beyond: object) -> None:
    with pytest.raises(ValidationError, match=option):
        limits(**{option: beyond})


@pytest.mark.parametrize("count", ["1", 1.0, True, None])
@pytest.mark.parametrize("option", COUNTS)
def test_count_is_a_number(option: str, count: object) -> None:
    with pytest.raises(ValidationError, match=option):
        limits(**{option: count})


@pytest.mark.parametrize("time", [-1, "-1s", 1.0, "1.5s", "1 s", "1w", True, None])
@pytest.mark.parametrize("option", TIMES)
def test_time_is_a_duration(option: str, time: object) -> None:
    with pytest.raises(ValidationError, match=option):
        limits(**{option: time})


@pytest.mark.parametrize(
    ("written", "seconds"), [(1, 1.0), ("1ms", 0.001), ("2m", 120.0), ("365d", MAX_SECONDS)]
)
def test_time_is_in_seconds_unless_it_says_otherwise(written: object, seconds: float) -> None:
    assert limits(**{"ping-interval": written}).ping_interval == seconds


def test_option_goes_by_its_own_name_in_code() -> None:
    assert Limits(send_buffer_low=1, send_buffer_high=2) == limits(
        **{"send-buffer-low": 1, "send-buffer-high": 2}
    )


def test_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="max-messages"):
        limits(**{"max-messages": 1})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"send-buffer-low": 11, "send-buffer-high": 10}, r"10 \(got 11\)"),
        ({"send-buffer-low": 65537}, r"65536 \(got 65537\)"),
        ({"send-buffer-high": 16383}, r"16383 \(got 16384\)"),
    ],
)
def test_low_above_high_is_refused_and_named(options: dict[str, int], said: str) -> None:
    text = f"send-buffer-low: must not be more than send-buffer-high, {said}"

    with pytest.raises(ValidationError, match=text):
        limits(**options)


def test_low_may_be_as_high_as_high() -> None:
    both = limits(**{"send-buffer-low": 7, "send-buffer-high": 7})

    assert (both.send_buffer_low, both.send_buffer_high) == (7, 7)
