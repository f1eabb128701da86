import json

import pytest

from app.config_service.changes import Change, Level, Selection, Target, updated_at
from app.config_service.state import State
from tests.unit.config_service.histories import add, draft, removal, state_of


def effective(state: State, service: str = "", stage: str = "") -> dict[str, object]:
    found = state.effective(service, stage)
    return {name: json.loads(each.draft.value or "") for name, each in found.items()}


def test_state_without_changes_has_revision_0_and_a_time_before_all_others() -> None:
    state = State()

    assert state.revision == 0
    assert state.updated_at == updated_at(0, 0)
    assert effective(state) == {}


def test_most_specific_level_wins_and_a_service_comes_before_a_stage() -> None:
    state = state_of(
        draft("A", "service-stage", "chat", "testing"),
        draft("A", "service", "chat"),
        draft("A", "stage", "", "testing"),
        draft("A", "common"),
        draft("B", "stage", "", "testing"),
        draft("B", "common"),
        draft("C", "common"),
    )

    assert effective(state, "chat", "testing") == {
        "A": "service-stage",
        "B": "stage",
        "C": "common",
    }
    assert effective(state, "chat") == {"A": "service", "B": "common", "C": "common"}
    assert effective(state, "mail", "testing") == {"A": "stage", "B": "stage", "C": "common"}
    assert effective(state) == {"A": "common", "B": "common", "C": "common"}


def test_value_of_the_next_level_shows_when_one_is_removed() -> None:
    state = state_of(draft("A", 1), draft("A", 2, "chat"), removal("A", "chat"))

    assert effective(state, "chat") == {"A": 1}


def test_change_that_was_applied_is_passed_over() -> None:
    state = State()
    changes = add(state, draft("A", 1), draft("A", 2))

    state.apply(changes)

    assert state.revision == 2
    assert effective(state) == {"A": 2}


def test_change_that_leaves_one_out_is_refused() -> None:
    state = state_of(draft("A", 1))

    with pytest.raises(ValueError, match="revision 3 follows 1"):
        state.apply([Change(3, 0, draft("A", 2))])


def test_touched_are_those_that_changed_on_a_level_that_reaches_one() -> None:
    state = state_of(
        draft("A", 1), draft("B", 1), draft("C", 1, "mail"), draft("D", 1, "", "testing")
    )

    assert state.touched("chat", "testing", 1) == {"B", "D"}
    assert state.touched("mail", "", 0) == {"A", "B", "C"}
    assert state.touched("mail", "", 4) == set()


def test_revision_of_an_updated_at_is_known_only_if_it_was_ours() -> None:
    state = state_of(draft("A", 1), draft("A", 2), clock=lambda: 7)

    assert state.revision_of(updated_at(2, 7)) == 2
    assert state.revision_of(updated_at(0, 0)) == 0
    assert state.revision_of(updated_at(2, 8)) is None
    assert state.revision_of(updated_at(3, 7)) is None
    assert state.revision_of("yesterday") is None


def test_present_are_the_targets_that_have_a_value() -> None:
    state = state_of(draft("A", 1), draft("B", 1), draft("B", 2, "chat"), removal("A"))

    def found(selection: Selection) -> set[Target]:
        return {each.draft.target for each in state.present(selection)}

    assert found(Selection()) == {Target("B", Level()), Target("B", Level("chat"))}
    assert found(Selection(service="")) == {Target("B", Level())}


def test_removed_value_is_remembered_as_the_last_change() -> None:
    state = state_of(draft("A", 1), removal("A"))
    last = state.last(Target("A", Level()))

    assert last is not None
    assert last.revision == 2
    assert state.value(Target("A", Level())) is None
    assert state.last(Target("B", Level())) is None
    assert list(state.names_on(Level())) == ["A"]
    assert list(state.levels()) == [Level()]
