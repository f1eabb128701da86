"""The variable with limits: each option of a handler may be in it, and none has to be."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dynamic_config.snapshot import parse_snapshot
from app.static_config.errors import ConfigFileError, OptionError
from app.static_config.model import options_of
from app.websocket.limits import MAX_NUMBER, Limits
from app.websocket.variables import WEBSOCKET_LIMITS, LimitsOverride, limits_with
from tests.helpers.documents import plain_document

DURATIONS = st.from_regex(r"\A[0-9]{1,3}(ms|s|m|h)\Z") | st.integers(0, 3600)

OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "max-connections": st.integers(0, 9),
    "max-connections-per-address": st.integers(0, 9),
    "max-remote-payload": st.integers(1, MAX_NUMBER),
    "max-fragments": st.integers(1, 9),
    "fragment-size": st.integers(0, 9),
    "max-control-frames-per-second": st.integers(1, 9),
    "max-messages-per-second": st.integers(0, 9),
    "max-bytes-per-second": st.integers(0, 9),
    "on-rate-limit": st.sampled_from(["pause", "close"]),
    "ping-interval": DURATIONS,
    "ping-timeout": DURATIONS,
    "idle-timeout": DURATIONS,
    "max-session-time": DURATIONS,
    "send-timeout": DURATIONS,
    "send-buffer-high": st.integers(16384, 1 << 20),
    "send-buffer-low": st.integers(0, 16384),
    "close-timeout": st.integers(1, 3600),
}
"""Values of each option as a file writes them."""

WRITTEN = st.fixed_dictionaries({}, optional=OPTIONS)


def override(options: dict[str, Any]) -> LimitsOverride:
    return WEBSOCKET_LIMITS.parse({"chat": options})["chat"]


def test_each_limit_is_an_option_of_it() -> None:
    assert set(options_of(LimitsOverride)) == set(options_of(Limits)) == set(OPTIONS)


def test_descriptions_and_bounds_are_those_of_the_static_config() -> None:
    for name, field in options_of(LimitsOverride).items():
        static = options_of(Limits)[name]
        assert field.description == static.description
        assert field.metadata == static.metadata


@given(WRITTEN)
def test_what_is_dumped_can_be_read_again(written: dict[str, Any]) -> None:
    value = WEBSOCKET_LIMITS.parse({"chat": written})

    dumped = WEBSOCKET_LIMITS.dump(value)
    assert isinstance(dumped, dict)
    assert set(dumped["chat"]) == set(written)
    assert WEBSOCKET_LIMITS.parse(dumped) == value


@given(WRITTEN)
def test_value_goes_to_worker_processes(written: dict[str, Any]) -> None:
    value = WEBSOCKET_LIMITS.parse({"chat": written})

    copy = pickle.loads(pickle.dumps(value))
    assert copy == value
    assert WEBSOCKET_LIMITS.dump(copy) == WEBSOCKET_LIMITS.dump(value)


def test_length_of_time_is_dumped_as_a_file_has_it() -> None:
    value = WEBSOCKET_LIMITS.parse({"chat": {"ping-interval": 90, "idle-timeout": "1500ms"}})

    assert WEBSOCKET_LIMITS.dump(value) == {
        "chat": {"ping-interval": "90s", "idle-timeout": "1500ms"}
    }


@given(WRITTEN, WRITTEN)
def test_options_that_are_there_come_before_the_others_and_those_stay(
    static: dict[str, Any], written: dict[str, Any]
) -> None:
    limits = Limits.model_validate(static)

    effective = limits_with(limits, override(written))

    assert effective == Limits.model_validate({**static, **written})
    assert type(effective) is Limits


@given(WRITTEN)
def test_without_an_override_limits_are_as_they_are(static: dict[str, Any]) -> None:
    limits = Limits.model_validate(static)

    assert limits_with(limits, None) == limits_with(limits, override({})) == limits


def test_option_with_the_default_of_the_static_config_is_another_value_than_none() -> None:
    """It may be another one there."""
    written = {"max-remote-payload": Limits().max_remote_payload}

    assert override(written) != override({})
    assert limits_with(Limits(max_remote_payload=7), override(written)).max_remote_payload == 65536


@pytest.mark.parametrize(
    ("static", "written", "said"),
    [
        ({}, {"send-buffer-low": 65537}, "65536 (got 65537)"),
        ({}, {"send-buffer-high": 16383}, "16383 (got 16384)"),
        ({"send-buffer-high": 99, "send-buffer-low": 9}, {"send-buffer-low": 100}, "99 (got 100)"),
        ({}, {"send-buffer-high": 7, "send-buffer-low": 8}, "7 (got 8)"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    static: dict[str, Any], written: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionError) as caught:
        limits_with(Limits.model_validate(static), override(written))

    assert caught.value.refusals == {
        ("send-buffer-low",): f"must not be more than send-buffer-high, {said}"
    }


def test_options_that_only_go_together_with_those_of_the_static_config_are_good() -> None:
    limits = Limits(send_buffer_high=1 << 20)

    assert limits_with(limits, override({"send-buffer-low": 1 << 19})).send_buffer_low == 1 << 19


def test_mistakes_are_named_with_what_was_probably_meant() -> None:
    values = {"chat": {"max-remote-paylod": 1, "idle-timeout": "soon", "ping-interval": "366d"}}

    with pytest.raises(ConfigFileError) as caught:
        parse_snapshot(plain_document("file", {"WEBSOCKET_LIMITS": values}), [WEBSOCKET_LIMITS])

    assert sorted(str(caught.value).splitlines()) == [
        "file: WEBSOCKET_LIMITS.chat.idle-timeout: expected a duration: a whole number of at most"
        " 9 digits and ms, s, m, h or d, as 10ms (got 'soon')",
        "file: WEBSOCKET_LIMITS.chat.max-remote-paylod: unknown option; did you mean"
        " 'max-remote-payload'?",
        "file: WEBSOCKET_LIMITS.chat.ping-interval: expected at most 365d (got '366d')",
    ]
