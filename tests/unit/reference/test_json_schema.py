import re
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field

from app.reference.json_schema import schema_of
from app.static_config.duration import Duration, parse_duration, written_duration
from app.static_config.json_schema import DURATION
from app.static_config.model import ConfigModel


class Inner(ConfigModel):
    """An inner section."""

    size: int = Field(default=1, ge=1)


class Outer(ConfigModel):
    pause: Annotated[Duration, Field(gt=0, le=60)] = 0.25
    rest: Duration | None = None
    nap: Duration | None = 90.0
    inner: Inner = Inner()
    perhaps: Inner | None = None
    needed: Inner
    named: dict[str, Inner] = Field(default={})
    title: str = "x"


PROPERTIES: dict[str, Any] = schema_of(Outer)["properties"]
INNER = {"$ref": "#/$defs/Inner"}
NOTHING = {"type": "null"}


@given(st.integers(0, 10**9 - 1), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_written_duration_is_parsed_to_the_same(number: int, unit: str) -> None:
    seconds = parse_duration(f"{number}{unit}")

    assert parse_duration(written_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (0.01, "10ms"), (5.0, "5s"), (90, "90s"), (120, "2m"), (3600, "1h"), (86400, "1d")],
)
def test_duration_is_written_in_the_largest_unit_that_fits(seconds: float, written: str) -> None:
    assert written_duration(seconds) == written


@given(st.one_of(st.from_regex(DURATION["pattern"]), st.text(alphabet="0123456789mshd -.")))
@example("")
@example("1234567890s")
def test_pattern_of_durations_is_what_is_parsed(text: str) -> None:
    text = text.removesuffix("\n")  # Python's `$` also stands before a last line break
    fits = re.search(DURATION["pattern"], text) is not None

    if fits:
        parse_duration(text)
    else:
        with pytest.raises(ValueError, match="expected a duration"):
            parse_duration(text)


def test_duration_has_its_bounds_and_its_default_as_it_is_written() -> None:
    assert PROPERTIES["pause"] == {
        **DURATION,
        "exclusiveMinimum": 0,
        "maximum": 60,
        "default": "250ms",
    }
    assert PROPERTIES["nap"] == {"anyOf": [DURATION, NOTHING], "default": "90s"}


def test_default_of_nothing_is_left_out() -> None:
    assert PROPERTIES["rest"] == {"anyOf": [DURATION, NOTHING]}


def test_section_may_be_empty_unless_it_is_needed() -> None:
    assert PROPERTIES["inner"] == {"anyOf": [INNER, NOTHING], "default": {"size": 1}}
    assert PROPERTIES["perhaps"] == {"anyOf": [INNER, NOTHING]}
    assert PROPERTIES["needed"] == INNER
    assert NOTHING in PROPERTIES["named"]["anyOf"]


def test_made_up_titles_are_left_out() -> None:
    schema = schema_of(Outer)

    assert "title" not in schema
    assert "title" not in schema["$defs"]["Inner"]
    assert PROPERTIES["title"] == {"type": "string", "default": "x"}
