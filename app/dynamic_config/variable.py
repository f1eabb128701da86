"""A named, typed value of the dynamic config."""

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from typing_extensions import TypeForm

T = TypeVar("T")


class Variable(Generic[T]):
    """One variable of the dynamic config, declared beside the code that reads it.

    Args:
        name: Its name in the file and at the config service, in capitals.
        type_: What its value must be, as an annotation: `bool`, `Annotated[int, Field(ge=1)]`,
            a model.
        default: Its value where nobody gives one, as it would stand in JSON.
        description: What it does, with its unit; the documentation is made from it.
        reader: What reads it, and when.
        no_effect_yet: True while nothing reads it; its values are validated all the same.

    Raises:
        pydantic.ValidationError: the default is not of the type.
    """

    __slots__ = ("adapter", "default", "description", "name", "no_effect_yet", "reader", "type_")

    def __init__(
        self,
        name: str,
        type_: TypeForm[T],
        default: object,
        *,
        description: str,
        reader: str,
        no_effect_yet: bool = False,
    ) -> None:
        self.name = name
        self.type_: Any = type_
        self.description = description
        self.reader = reader
        self.no_effect_yet = no_effect_yet
        self.adapter: TypeAdapter[T] = TypeAdapter(type_)
        self.default = self.parse(default)

    def parse(self, value: object) -> T:
        """Return `value`, as it stands in JSON, as a checked value of this variable.

        Raises:
            pydantic.ValidationError: it is not of the variable's type.
        """
        return self.adapter.validate_python(value, strict=True, by_alias=True, by_name=False)

    def dump(self, value: T) -> object:
        """Return a value of this variable as it would stand in JSON."""
        return self.adapter.dump_python(value, mode="json", by_alias=True, exclude_unset=True)

    def __repr__(self) -> str:
        return f"Variable({self.name!r})"
