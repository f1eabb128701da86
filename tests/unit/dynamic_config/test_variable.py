import pickle
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel


class Pace(ConfigModel):
    per_second: int = Field(alias="per-second")
    limit: int | None = None


def variable(type_: Any, default: object, **options: bool) -> Variable[Any]:
    return Variable("NAME", type_, default, description="For a test.", reader="A test.", **options)


def test_default_stands_as_in_json_and_is_parsed() -> None:
    assert variable(Pace, {"per-second": 3}).default == Pace(per_second=3)


@pytest.mark.parametrize("default", [{"per-second": "3"}, {"per_second": 3}, {}, None])
def test_default_of_another_type_is_refused(default: object) -> None:
    with pytest.raises(ValidationError):
        variable(Pace, default)


def test_value_of_the_type_is_parsed() -> None:
    paces = variable(dict[str, Pace], {})

    assert paces.parse({"a": {"per-second": 1}}) == {"a": Pace(per_second=1)}


@pytest.mark.parametrize("value", ["1", 1.0, True, None])
def test_value_is_not_coerced(value: object) -> None:
    count = variable(int, 0)

    with pytest.raises(ValidationError):
        count.parse(value)


def test_bounds_of_an_annotation_hold() -> None:
    count = variable(Annotated[int, Field(ge=1)], 1)

    assert count.parse(1) == 1
    with pytest.raises(ValidationError):
        count.parse(0)


def test_key_goes_by_its_alias_only() -> None:
    pace = variable(Pace, {"per-second": 3})

    with pytest.raises(ValidationError, match="per_second"):
        pace.parse({"per_second": 3})


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (bool, True),
        (int | None, None),
        (list[str], ["a", "b"]),
        (dict[str, Pace], {"a": {"per-second": 1}, "b": {"per-second": 2, "limit": 3}}),
    ],
)
def test_value_is_dumped_as_it_stood_in_json(type_: Any, value: object) -> None:
    described = variable(type_, value)

    assert described.dump(described.default) == value


def test_variable_has_an_effect_unless_it_says_otherwise() -> None:
    assert not variable(bool, False).no_effect_yet
    assert variable(bool, False, no_effect_yet=True).no_effect_yet


def test_variable_says_what_it_does_and_who_reads_it() -> None:
    described = variable(bool, False)

    assert (described.description, described.reader) == ("For a test.", "A test.")


def test_variable_shows_its_name() -> None:
    assert repr(variable(int, 0)) == "Variable('NAME')"


def test_pickled_variable_parses_as_before() -> None:
    copy = pickle.loads(pickle.dumps(variable(Pace, {"per-second": 3})))

    assert copy.parse({"per-second": 5}) == Pace(per_second=5)
    with pytest.raises(ValidationError):
        copy.parse({"per-second": "5"})
