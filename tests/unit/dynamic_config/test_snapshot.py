import pickle
from typing import Any

import pytest

from app.dynamic_config.errors import DynamicConfigError
from app.dynamic_config.snapshot import Snapshot, parse_snapshot
from app.dynamic_config.source import Source
from app.dynamic_config.variable import Variable
from app.exceptions import ConfigError

ENABLED = Variable("ENABLED", bool, False)
COUNT = Variable("COUNT", int, 7)
NAMES = Variable("NAMES", list[str], [])
VARIABLES: list[Variable[Any]] = [ENABLED, COUNT, NAMES]


def test_given_value_is_taken_and_the_others_have_their_defaults() -> None:
    snapshot = parse_snapshot("file", {"ENABLED": True}, VARIABLES)

    assert snapshot[ENABLED] is True
    assert snapshot[COUNT] == 7
    assert snapshot[NAMES] == []


def test_variable_that_a_snapshot_does_not_know_has_its_default() -> None:
    assert Snapshot({})[COUNT] == 7


def test_snapshot_does_not_follow_the_mapping_it_was_made_of() -> None:
    values: dict[str, object] = {"COUNT": 1}
    snapshot = Snapshot(values)

    values["COUNT"] = 2

    assert snapshot[COUNT] == 1


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(DynamicConfigError) as caught:
        parse_snapshot(
            "/etc/values.json",
            {"COUNT": "7", "CUONT": 8, "ENABLED": True, "NAMES": ["a", 1, 2]},
            VARIABLES,
        )

    assert str(caught.value).splitlines() == [
        "/etc/values.json: CUONT: unknown variable",
        "/etc/values.json: COUNT: Input should be a valid integer (got '7')",
        "/etc/values.json: NAMES.1: Input should be a valid string (got 1)",
        "/etc/values.json: NAMES.2: Input should be a valid string (got 2)",
    ]


def test_error_keeps_its_facts() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_snapshot("here", {"OTHER": 1}, VARIABLES)

    assert isinstance(caught.value, DynamicConfigError)
    assert caught.value.origin == "here"
    assert caught.value.problems == ("OTHER: unknown variable",)


def test_error_survives_pickling() -> None:
    error = DynamicConfigError("here", ["A: bad", "B: worse"])

    assert str(pickle.loads(pickle.dumps(error))) == "here: A: bad\nhere: B: worse"


def test_snapshot_survives_pickling() -> None:
    snapshot = pickle.loads(pickle.dumps(parse_snapshot("file", {"COUNT": 9}, VARIABLES)))

    assert snapshot[COUNT] == 9
    assert snapshot[ENABLED] is False


def test_source_gives_the_snapshot_that_it_was_made_with() -> None:
    snapshot = Snapshot({})

    assert Source(snapshot).snapshot is snapshot
