import pickle
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel


class Pace(ConfigModel):
    per_second: int = Field(alias="per-second")


def test_default_stands_as_in_json_and_is_parsed() -> None:
    variable = Variable("PACE", Pace, {"per-second": 3})

    assert variable.default == Pace(per_second=3)


def test_default_of_another_type_is_refused() -> None:
    with pytest.raises(ValidationError):
        Variable("PACE", Pace, {"per-second": "3"})


def test_value_of_the_type_is_parsed() -> None:
    variable = Variable("PACES", dict[str, Pace], {})

    assert variable.parse({"a": {"per-second": 1}}) == {"a": Pace(per_second=1)}


@pytest.mark.parametrize("value", ["1", 1.0, True, None])
def test_value_is_not_coerced(value: object) -> None:
    variable = Variable("COUNT", int, 0)

    with pytest.raises(ValidationError):
        variable.parse(value)


def test_bounds_of_an_annotation_hold() -> None:
    variable = Variable("COUNT", Annotated[int, Field(ge=1)], 1)

    assert variable.parse(1) == 1
    with pytest.raises(ValidationError):
        variable.parse(0)


def test_key_goes_by_its_alias_only() -> None:
    variable = Variable("PACE", Pace, {"per-second": 3})

    with pytest.raises(ValidationError, match="per_second"):
        variable.parse({"per_second": 3})


def test_variable_has_an_effect_unless_it_says_otherwise() -> None:
    assert not Variable("A", bool, False).no_effect_yet
    assert Variable("A", bool, False, no_effect_yet=True).no_effect_yet


def test_variable_shows_its_name() -> None:
    assert repr(Variable("PACE", int, 0)) == "Variable('PACE')"


def test_pickled_variable_parses_as_before() -> None:
    copy = pickle.loads(pickle.dumps(Variable("PACE", Pace, {"per-second": 3})))

    assert copy.parse({"per-second": 5}) == Pace(per_second=5)
    with pytest.raises(ValidationError):
        copy.parse({"per-second": "5"})
