import json
from typing import Any

import pytest

from app.config_service.changes import Level, Target
from app.config_service.editing import (
    Author,
    ChangedMeanwhileError,
    NotThereError,
    ValuesRefusedError,
    remove_value,
    roll_back,
    same,
    set_value,
)
from app.config_service.known_variables import HandIn, KnownVariables, Problem
from app.config_service.state import State
from app.config_updates.protocol import VariableSchema
from tests.unit.config_service.histories import add, draft, removal, state_of

A = Target("A", Level())


def knowing(**services: dict[str, dict[str, Any]]) -> KnownVariables:
    """Return what services know: by their names the schemas of their variables."""
    known = KnownVariables()
    known.take(
        {
            service: HandIn(
                "2026-01-02T03:04:05.678901Z",
                {name: VariableSchema(schema_=schema) for name, schema in schemas.items()},
            ).stored()
            for service, schemas in services.items()
        }
    )
    return known


KNOWN = knowing(
    chat={"A": {"type": "integer"}, "B": {}}, mail={"A": {"minimum": 0}, "MAIL_ONLY": {}}
)


def author(*seen: int, allow_unknown: bool = False) -> Author:
    return Author("bob", "because", seen, allow_unknown)


def test_value_is_set_by_one_change_that_says_who_and_why() -> None:
    (made,) = set_value(state_of(draft("A", 1)), KNOWN, A, 2, author(1))

    assert (made.target, made.value, made.previous) == (A, "2", "1")
    assert (made.who, made.why) == ("bob", "because")


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (State(), []),
        (State(), [1]),
        (state_of(draft("A", 1)), [0]),
        (state_of(draft("A", 1), draft("B", 1)), [2]),
        (state_of(draft("A", 1), removal("A")), [0, 1]),
        (state_of(draft("A", 1), removal("A"), draft("A", 1)), [1]),
    ],
)
def test_who_has_not_seen_the_last_change_may_change_nothing(state: State, seen: list[int]) -> None:
    with pytest.raises(ChangedMeanwhileError, match="A, all services: changed meanwhile"):
        set_value(state, KNOWN, A, 3, author(*seen))
    with pytest.raises(ChangedMeanwhileError):
        remove_value(state, A, author(*seen))


def test_what_changes_on_other_levels_is_not_in_the_way() -> None:
    state = state_of(draft("A", 1), draft("A", 2, "chat"), draft("B", 3))

    assert set_value(state, KNOWN, A, 2, author(1))


@pytest.mark.parametrize("value", [{"b": [1], "a": None}, [], "ü", 1, 0.5, None, True])
def test_value_that_is_there_already_makes_no_change(value: object) -> None:
    state = state_of(draft("B", value))

    assert set_value(state, KNOWN, Target("B", Level()), value, author(1)) == []


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ('{"a":1,"b":2}', '{ "b": 2, "a": 1 }', True),
        ("[1,2]", "[2,1]", False),
        ("1", "1.0", False),
        ("1", "true", False),
        ("null", None, False),
        (None, None, True),
        ('"\\u00fc"', '"ü"', True),
    ],
)
def test_values_are_the_same_if_they_are_in_json(
    one: str | None, other: str | None, are_same: bool
) -> None:
    assert same(one, other) is same(other, one) is are_same


def test_value_must_be_good_for_each_service_that_it_reaches() -> None:
    with pytest.raises(ValuesRefusedError) as refused:
        set_value(State(), KNOWN, A, -0.5, author(0))

    assert refused.value.problems == {
        A: [
            Problem((), "expected a whole number (got -0.5)", ("chat",)),
            Problem((), "expected at least 0 (got -0.5)", ("mail",)),
        ]
    }
    assert set_value(State(), KNOWN, Target("A", Level("mail")), 0.5, author(0))
    assert set_value(State(), KNOWN, Target("A", Level("chat", "testing")), -1, author(0))


def test_problem_of_several_services_is_told_once() -> None:
    known = knowing(one={"A": {"type": "null"}}, two={"A": {"type": "null"}}, three={"A": {}})

    assert known.problems("A", Level(), 1) == [Problem((), "expected null (got 1)", ("one", "two"))]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Target("MAIL_ONYL", Level()), "no service knows 'MAIL_ONYL' .*; did you mean 'MAIL_ONLY'"),
        (Target("MAIL_ONLY", Level("chat")), r"service 'chat' does not know 'MAIL_ONLY' \(allow"),
        (Target("A", Level("web")), "service 'web' has not handed in what it knows"),
    ],
)
def test_unknown_variable_is_set_only_by_who_allows_it(target: Target, text: str) -> None:
    with pytest.raises(ValuesRefusedError, match=text):
        set_value(State(), KNOWN, target, 1, author(0))

    assert set_value(State(), KNOWN, target, 1, author(0, allow_unknown=True))


def test_bad_value_of_a_known_variable_is_set_by_nobody() -> None:
    with pytest.raises(ValuesRefusedError):
        set_value(State(), KNOWN, A, "x", author(0, allow_unknown=True))


def test_where_nobody_has_handed_in_anything_that_is_told() -> None:
    with pytest.raises(ValuesRefusedError, match="no service has handed in what it knows"):
        set_value(State(), KnownVariables(), A, 1, author(0))


def test_removal_is_a_change_too() -> None:
    (made,) = remove_value(state_of(draft("A", 1)), A, author(1))

    assert (made.value, made.previous) == (None, "1")


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(NotThereError, match="A, all services: nothing is set"):
        remove_value(State(), A, author(0))
    with pytest.raises(NotThereError):
        remove_value(state_of(draft("A", 1), removal("A")), A, author(2))


def test_roll_back_makes_all_as_it_was_by_new_changes() -> None:
    state = State()
    add(state, draft("A", 1), draft("B", 1, "chat"))
    undone = add(
        state,
        draft("A", 2, previous="1"),
        draft("A", 3, previous="2"),
        removal("B", "chat", previous="1"),
        draft("A", 4, "mail"),
        draft("B", 5),
        removal("B", previous="5"),
    )

    drafts = roll_back(state, KNOWN, undone, author(8))

    assert [(each.target, each.value, each.previous) for each in drafts] == [
        (A, "1", "3"),
        (Target("B", Level("chat")), "1", None),
        (Target("A", Level("mail")), None, "4"),
    ]
    add(state, *drafts)
    assert state.revision == 11
    assert roll_back(state, KNOWN, [*undone, *add(State(), *drafts)], author(11)) == []


def test_roll_back_to_bad_values_is_refused_as_a_whole() -> None:
    state = State()
    add(state, draft("A", "x"), draft("B", 1))
    undone = add(state, draft("A", 1, previous='"x"'), draft("B", 2, previous="1"))

    with pytest.raises(ValuesRefusedError, match="expected a whole number") as refused:
        roll_back(state, KNOWN, undone, author(4))

    assert list(refused.value.problems) == [A]


def test_who_has_not_seen_the_last_change_may_roll_back_nothing() -> None:
    with pytest.raises(ChangedMeanwhileError, match="the config: changed meanwhile"):
        roll_back(state_of(draft("A", 1)), KNOWN, [], author(0))


def test_values_are_kept_as_they_are() -> None:
    value = {"z": "ü\u2028", "a": [1, 1.0, 1e100, None], "": {}}

    (made,) = set_value(State(), KNOWN, Target("B", Level()), value, author(0))

    assert json.loads(made.value or "") == value
    assert list(json.loads(made.value or "")) == ["z", "a", ""]
