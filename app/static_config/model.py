"""The base of every config model, and the mark of an option that has no reader yet."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict


class ConfigModel(BaseModel):
    """A section of a config file.

    Unknown keys are refused, types are not coerced (`"8080"` is no port), and an instance never
    changes. In code a field goes by its own name, in a file by its alias, if it has one.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


class NoEffectYet:
    """Marks a field that is validated, but not read yet: `Annotated[int, NO_EFFECT_YET]`."""


NO_EFFECT_YET: Final = NoEffectYet()


def options_without_effect(model: BaseModel, path: str) -> Iterator[str]:
    """Yield the path of each option in `model` that the user has set and that has no effect yet."""
    fields = type(model).model_fields
    for name in sorted(model.model_fields_set, key=list(fields).index):
        option = f"{path}.{fields[name].alias or name}"
        if NO_EFFECT_YET in fields[name].metadata:
            yield option
        else:
            yield from _nested_without_effect(getattr(model, name), option)


def _nested_without_effect(value: object, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from options_without_effect(value, path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _nested_without_effect(item, f"{path}.{key}")
