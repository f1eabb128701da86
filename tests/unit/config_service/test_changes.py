import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config_service.changes import (
    Level,
    Selection,
    Target,
    levels_of,
    revision_in,
    updated_at,
    written_time,
)

TIMES = st.integers(0, 4_000_000_000_000_000)  # up to the year 2096


@pytest.mark.parametrize(
    ("level", "kind", "text"),
    [
        (Level(), "common", "all services"),
        (Level("chat"), "service", "service 'chat'"),
        (Level("", "testing"), "stage", "all services, stage 'testing'"),
        (Level("chat", "testing"), "service-stage", "service 'chat', stage 'testing'"),
    ],
)
def test_level_has_a_kind_and_is_told_in_words(level: Level, kind: str, text: str) -> None:
    assert (level.kind, str(level)) == (kind, text)


def test_levels_go_from_everybody_to_one_service_on_one_stage() -> None:
    levels = [Level(), Level("", "testing"), Level("chat"), Level("chat", "testing")]

    assert levels_of("chat", "testing") == levels


def test_who_has_no_name_and_no_stage_is_reached_by_one_level() -> None:
    assert levels_of("", "") == [Level()]


def test_time_is_written_with_microseconds() -> None:
    assert written_time(1_700_000_000_000_042) == "2023-11-14T22:13:20.000042Z"


@given(TIMES, TIMES, st.integers(0, 10**9), st.integers(1, 10**6))
def test_updated_at_grows_as_text_with_each_revision(
    time: int, later: int, revision: int, more: int
) -> None:
    first, second = sorted((time, later))

    assert updated_at(revision, first) < updated_at(revision + more, second)


@given(TIMES, st.integers(0, 10**12 - 1))
def test_revision_of_an_updated_at_is_found_again(time: int, revision: int) -> None:
    assert revision_in(updated_at(revision, time)) == revision


@pytest.mark.parametrize("text", ["", "yesterday", "2023-11-14T22:13:20.123456Z", "-٠١٢٣٤٥٦٧٨٩٠١"])
def test_other_text_has_no_revision(text: str) -> None:
    assert revision_in(text) is None


@pytest.mark.parametrize(
    ("selection", "has"),
    [
        (Selection(), True),
        (Selection(name="A", service="chat", stage=""), True),
        (Selection(name="B"), False),
        (Selection(service=""), False),
        (Selection(stage="testing"), False),
    ],
)
def test_selection_has_what_it_does_not_narrow_down(selection: Selection, has: bool) -> None:
    assert selection.has(Target("A", Level("chat"))) is has
