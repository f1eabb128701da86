from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from app.static_config.model import NO_EFFECT_YET, ConfigModel, options_without_effect


class Part(ConfigModel):
    used: int = 0
    idle: Annotated[int, NO_EFFECT_YET] = 0


class Whole(ConfigModel):
    idle_first: Annotated[str, NO_EFFECT_YET] = Field(default="", alias="idle-first")
    part: Part = Part()
    parts: dict[str, Part] = Field(default={})
    idle_part: Annotated[Part, NO_EFFECT_YET] = Part()
    used: int = 0


def without_effect(document: dict[str, Any]) -> list[str]:
    return list(options_without_effect(Whole.model_validate(document), "whole"))


def test_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Part.model_validate({"usde": 1})


@pytest.mark.parametrize("value", ["1", 1.0, True, None, b"1"])
def test_type_is_not_coerced(value: object) -> None:
    with pytest.raises(ValidationError, match="used"):
        Part.model_validate({"used": value})


def test_instance_never_changes() -> None:
    part = Part()

    with pytest.raises(ValidationError, match="frozen"):
        part.used = 1  # type: ignore[misc]  # shows what mypy, too, refuses


def test_field_goes_by_its_alias_and_by_its_name() -> None:
    by_alias = Whole.model_validate({"idle-first": "x"})
    by_name = Whole(idle_first="x")

    assert by_alias == by_name


def test_set_options_without_effect_are_found_in_the_order_of_the_fields() -> None:
    found = without_effect({"used": 1, "idle_part": {}, "part": {"idle": 1}, "idle-first": "x"})

    assert found == ["whole.idle-first", "whole.part.idle", "whole.idle_part"]


def test_option_set_to_its_default_is_found() -> None:
    assert without_effect({"idle-first": ""}) == ["whole.idle-first"]


def test_option_that_is_not_set_is_not_found() -> None:
    assert without_effect({"used": 1, "part": {"used": 1}}) == []


def test_parts_of_an_option_without_effect_are_not_named_again() -> None:
    assert without_effect({"idle_part": {"idle": 1}}) == ["whole.idle_part"]


def test_values_of_a_mapping_are_searched_by_key() -> None:
    found = without_effect({"parts": {"b": {"idle": 1}, "a": {"used": 1, "idle": 2}}})

    assert found == ["whole.parts.b.idle", "whole.parts.a.idle"]
