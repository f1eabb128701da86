import pickle
from typing import Annotated, Any

import pytest
from pydantic import Field

from app.dynamic_config.json_document import parse_json
from app.dynamic_config.snapshot import Snapshot, parse_snapshot, parse_values
from app.dynamic_config.variable import Variable
from app.exceptions import ConfigError
from app.static_config.errors import ConfigFileError
from app.static_config.model import ConfigModel
from tests.helpers.documents import plain_document


class Pace(ConfigModel):
    per_second: Annotated[int, Field(ge=1)] = Field(alias="per-second")
    burst: int = 0


def variable(name: str, type_: Any, default: object) -> Variable[Any]:
    return Variable(name, type_, default, description="For a test.", reader="A test.")


ENABLED = variable("ENABLED", bool, False)
COUNT = variable("COUNT", int, 7)
NAMES = variable("NAMES", list[str], [])
PACES = variable("PACES", dict[str, Pace], {})
VARIABLES = [ENABLED, COUNT, NAMES, PACES]


def parse(text: str) -> Snapshot:
    return parse_snapshot(parse_json(text.encode(), "v.json"), VARIABLES)


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        parse(text)
    return str(caught.value).splitlines()


def test_given_value_is_taken_and_the_others_have_their_defaults() -> None:
    snapshot = parse('{"ENABLED": true}')

    assert snapshot[ENABLED] is True
    assert snapshot[COUNT] == 7
    assert snapshot[NAMES] == []


def test_values_may_have_no_file() -> None:
    assert parse_snapshot(plain_document("defaults", {"COUNT": 8}), VARIABLES)[COUNT] == 8


def test_variable_that_a_snapshot_does_not_know_has_its_default() -> None:
    assert Snapshot({})[COUNT] == 7


def test_snapshot_does_not_follow_the_mapping_it_was_made_of() -> None:
    values: dict[str, object] = {"COUNT": 1}
    snapshot = Snapshot(values)

    values["COUNT"] = 2

    assert snapshot[COUNT] == 1


def test_all_problems_are_told_at_once_line_by_line() -> None:
    text = """{
        "COUNT": "7",
        "CUONT": 8,
        "ENABLED": true,
        "NAMES": ["a",
                  1,
                  2],
        "PACES": {
            "slow": {"per-second": 0},
            "fast": {"per_second": 1}
        },
        "ENABLED": 1
    }"""

    assert refused(text) == [
        "v.json:2: COUNT: expected a whole number (got '7')",
        "v.json:3: CUONT: unknown variable; did you mean 'COUNT'?",
        "v.json:6: NAMES.1: expected a text (got 1)",
        "v.json:7: NAMES.2: expected a text (got 2)",
        "v.json:9: PACES.slow.per-second: expected at least 1 (got 0)",
        "v.json:10: PACES.fast.per-second: required, but not there",
        "v.json:10: PACES.fast.per_second: unknown option; did you mean 'per-second'?",
        "v.json:12: ENABLED: the same key is in line 4 already",
        "v.json:12: ENABLED: expected true or false (got 1)",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"OTHER": 1}', "v.json:1: OTHER: unknown variable"),
        ('{"count": 1}', "v.json:1: count: unknown variable; did you mean 'COUNT'?"),
        ('{"COUNT":\n null}', "v.json:1: COUNT: expected a whole number (got nothing)"),
        ('{"NAMES": {}}', "v.json:1: NAMES: expected a list (got an empty mapping)"),
        ('{"PACES": []}', "v.json:1: PACES: expected a mapping (got an empty list)"),
        ('{"PACES": {"x": 1}}', "v.json:1: PACES.x: expected a mapping (got 1)"),
        ('{"COUNT": 1, "COUNT": 2}', "v.json:1: COUNT: the same key is in line 1 already"),
    ],
)
def test_bad_value_is_told_with_its_place(text: str, said: str) -> None:
    assert refused(text) == [said]


def test_bad_values_are_a_mistake_in_a_config() -> None:
    with pytest.raises(ConfigError):
        parse('{"OTHER": 1}')


def test_snapshot_survives_pickling() -> None:
    snapshot = pickle.loads(pickle.dumps(parse('{"COUNT": 9, "PACES": {"a": {"per-second": 1}}}')))

    assert snapshot[COUNT] == 9
    assert snapshot[PACES] == {"a": Pace(per_second=1)}
    assert snapshot[ENABLED] is False


def test_values_put_over_a_snapshot_leave_it_as_it_was() -> None:
    before = parse('{"COUNT": 1, "NAMES": ["a"]}')

    after = before | {"COUNT": 2}

    assert (before[COUNT], after[COUNT], after[NAMES]) == (1, 2, ["a"])


def test_changed_names_only_those_asked_for_that_have_another_value() -> None:
    before = parse('{"COUNT": 1, "PACES": {"a": {"per-second": 1}}, "ENABLED": false}')
    after = parse('{"COUNT": 2, "PACES": {"a": {"per-second": 1}}, "ENABLED": true}')

    assert after.changed(before, [COUNT, PACES]) == ["COUNT"]


def test_names_that_no_variable_has_may_be_passed_over() -> None:
    document = plain_document("answer", {"OTHER": 1, "COUNT": 2})

    assert parse_values(document, VARIABLES, known_only=True) == {"COUNT": 2}


def test_values_may_stand_below_the_root_of_a_document() -> None:
    document = plain_document("v.yaml", {"defaults": {"COUNT": "x"}, "COUNT": 3})

    with pytest.raises(ConfigFileError) as caught:
        parse_values(document, VARIABLES, root=("defaults",))

    assert str(caught.value) == "v.yaml: defaults.COUNT: expected a whole number (got 'x')"
