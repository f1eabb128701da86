from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config_updates.merging import Known, is_older, is_same, merged
from app.config_updates.protocol import ValuesAnswer


def answer(updated_at: str = "2026-03-01", *removed: str, **configs: Any) -> ValuesAnswer:
    return ValuesAnswer(configs=configs, updated_at=updated_at, removed=list(removed))


def known_as(updated_at: str, **values: Any) -> Known:
    return merged(None, answer(updated_at, **values))


KNOWN = known_as("2026-02-01", A=1, B={"x": 1})


def test_full_answer_is_all_that_is_known() -> None:
    assert dict(merged(None, answer(C=3)).values) == {"C": 3}


def test_incremental_answer_adds_replaces_and_removes() -> None:
    known = merged(KNOWN, answer("2026-03-01", "A", B=2, C=3))

    assert known == known_as("2026-03-01", B=2, C=3)


def test_value_is_replaced_as_a_whole() -> None:
    assert merged(KNOWN, answer(B={"y": 2})).values["B"] == {"y": 2}


def test_what_is_removed_is_not_there_whatever_else_is_said_of_it() -> None:
    assert merged(KNOWN, answer("2026-03-01", "A", "Z", A=5)).values == {"B": {"x": 1}}
    assert merged(None, answer("2026-03-01", "A", A=5, B=6)).values == {"B": 6}


def test_answer_without_anything_moves_the_time_only() -> None:
    assert merged(KNOWN, answer("2026-03-01")) == known_as("2026-03-01", **KNOWN.values)


def test_what_was_known_stays_as_it_was() -> None:
    before = dict(KNOWN.values)

    merged(KNOWN, answer("2026-03-01", "B", A=5))

    assert KNOWN.values == before


@pytest.mark.parametrize(
    ("updated_at", "expected"),
    [
        ("2026-01-31", True),
        ("2026-02-01", False),
        ("2026-02-01T00:00", False),
        ("10", True),
        ("9", False),
        ("", True),
    ],
)
def test_times_are_compared_as_texts(updated_at: str, expected: bool) -> None:
    assert is_older(answer(updated_at), KNOWN) is expected


SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text(max_size=2)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner)
)
VALUES = st.dictionaries(st.sampled_from("ABC"), JSON)


@given(VALUES, VALUES)
def test_values_are_the_same_only_if_they_have_the_same_types(
    some: dict[str, Any], other: dict[str, Any]
) -> None:
    assert is_same(known_as("", **some), known_as("", **other)) is (shape(some) == shape(other))


@pytest.mark.parametrize("value", [True, 1.0, "1", [1], None])
def test_other_type_is_another_value(value: object) -> None:
    assert not is_same(known_as("", A={"x": 1}), known_as("", A={"x": value}))


def test_order_of_names_makes_no_difference() -> None:
    some, other = {"A": {"x": 1, "y": 2}, "B": 3}, {"B": 3, "A": {"y": 2, "x": 1}}

    assert is_same(known_as("", **some), known_as("", **other))


def shape(value: Any) -> Any:
    """Return what is equal only for values that are the same in JSON."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value), str(value)
