import pickle
from pathlib import Path

import pytest
from pydantic import Field, ValidationError, field_validator, model_validator

from app.exceptions import ConfigError
from app.static_config.errors import StaticConfigError, describe
from app.static_config.model import ConfigModel


class Inner(ConfigModel):
    level: int = Field(ge=1)


class Outer(ConfigModel):
    inner: Inner
    by_name: dict[str, Inner] = Field(default={})
    items: list[str] = Field(default=[], alias="all-items")

    @field_validator("items")
    @classmethod
    def _few(cls, value: list[str]) -> list[str]:
        if len(value) > 1:
            raise ValueError("one is enough")
        return value

    @model_validator(mode="after")
    def _no_thirteen(self) -> "Outer":
        if self.inner.level == 13:
            raise ValueError("thirteen brings bad luck")
        return self


def problems(document: object, prefix: str = "") -> list[str]:
    """Return what is said of a document that is refused."""
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document, by_alias=True, by_name=False)
    return list(describe(caught.value, prefix))


def test_unknown_option_is_named_with_its_value() -> None:
    found = problems({"inner": {"level": 1, "speed": 7}})

    assert found == ["inner.speed: unknown option (got 7)"]


def test_missing_option_is_named() -> None:
    assert problems({"inner": {}}) == ["inner.level: required, but not there"]


def test_wrong_type_is_told_with_what_was_there() -> None:
    found = problems({"inner": {"level": "8"}})

    assert found == ["inner.level: Input should be a valid integer (got '8')"]


@pytest.mark.parametrize("value", [None, True, 1.5, "text"])
def test_plain_value_is_shown(value: object) -> None:
    (found,) = problems({"inner": {"level": value}})

    assert found.endswith(f"(got {value!r})")


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}])
def test_value_with_parts_is_not_shown(value: object) -> None:
    (found,) = problems({"inner": {"level": value}})

    assert "got" not in found


def test_text_of_a_validator_is_told_as_it_is() -> None:
    found = problems({"inner": {"level": 1}, "all-items": ["a", "b"]})

    assert found == ["all-items: one is enough"]


def test_problem_of_a_whole_document_has_no_place() -> None:
    assert problems({"inner": {"level": 13}}) == ["thirteen brings bad luck"]


def test_prefix_comes_before_the_place() -> None:
    assert problems({}, "server") == ["server.inner: required, but not there"]


def test_prefix_is_the_place_of_a_problem_of_a_whole_section() -> None:
    assert problems({"inner": {"level": 13}}, "server") == ["server: thirteen brings bad luck"]


def test_keys_and_positions_are_part_of_the_place() -> None:
    found = problems(
        {"inner": {"level": 1}, "by_name": {"main": {"level": 0}}, "all-items": [False]}
    )

    assert found == [
        "by_name.main.level: Input should be greater than or equal to 1 (got 0)",
        "all-items.0: Input should be a valid string (got False)",
    ]


def test_error_puts_the_file_before_each_problem() -> None:
    error = StaticConfigError(Path("/etc/config.yaml"), ["a: bad", "b: worse"])

    assert str(error) == "/etc/config.yaml: a: bad\n/etc/config.yaml: b: worse"


def test_error_keeps_its_facts() -> None:
    error = StaticConfigError(Path("config.yaml"), ["a: bad"])

    assert isinstance(error, ConfigError)
    assert error.path == Path("config.yaml")
    assert error.problems == ("a: bad",)


def test_error_survives_pickling() -> None:
    error = StaticConfigError(Path("config.yaml"), ["a: bad", "b: worse"])

    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == str(error)
    assert copy.problems == error.problems
