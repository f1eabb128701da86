from datetime import timedelta
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from app.static_config.duration import Duration, parse_duration, written_duration

EXPECTED = "expected a duration: a whole number of at most 9 digits and ms, s, m, h or d, as 10ms"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("10ms", 0.01),
        ("1500ms", 1.5),
        ("5s", 5),
        ("1m", 60),
        ("2h", 7200),
        ("1d", 86400),
        ("0s", 0),
        ("0", 0),
        ("30", 30),
        (30, 30),
        (0, 0),
        ("007s", 7),
        ("999999999d", 999999999 * 86400),
    ],
)
def test_duration_is_read_as_seconds(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@given(st.integers(0, 999_999_999))
def test_milliseconds_are_the_nearest_number_of_seconds(milliseconds: int) -> None:
    seconds = timedelta(milliseconds=milliseconds).total_seconds()

    assert parse_duration(f"{milliseconds}ms") == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "-1s",
        "+1s",
        "1.5s",
        "1e3",
        "1_000ms",
        "1 s",
        " 1s",
        "1s ",
        "1s\n",
        "1S",
        "1min",
        "1us",
        "1m30s",
        "1:30",
        "1000000000s",
        "\u0661s",
        -1,
        10**9,
        1.0,
        1.5,
        True,
        False,
        None,
        [1],
        {"s": 1},
        b"1s",
    ],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="expected a duration") as caught:
        parse_duration(written)

    assert str(caught.value) == EXPECTED


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (0.01, "10ms"),
        (1.5, "1500ms"),
        (5.0, "5s"),
        (60, "1m"),
        (90, "90s"),
        (3600.0, "1h"),
        (86400, "1d"),
        (90_000, "25h"),
    ],
)
def test_duration_is_written_in_the_largest_unit_that_leaves_no_rest(
    seconds: float, written: str
) -> None:
    assert written_duration(seconds) == written


@given(st.integers(0, 999_999_999))
def test_duration_that_is_written_is_read_as_it_was(milliseconds: int) -> None:
    assert parse_duration(written_duration(milliseconds / 1000)) == milliseconds / 1000


def test_option_has_seconds_and_their_bounds() -> None:
    adapter = TypeAdapter[float](Annotated[Duration, Field(ge=1, le=60)])

    assert adapter.validate_python("1m", strict=True) == 60
    for written in ("999ms", "61s", 0):
        with pytest.raises(ValidationError, match="equal to"):
            adapter.validate_python(written, strict=True)


def test_schema_takes_a_number_or_a_text() -> None:
    schema = TypeAdapter[float](Duration).json_schema(mode="validation")

    assert [each["type"] for each in schema["anyOf"]] == ["integer", "string"]
