"""A named, typed value of the dynamic config."""

from typing import Generic, TypeVar

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
        no_effect_yet: True while nothing reads it; its values are validated all the same.

    Raises:
        pydantic.ValidationError: the default is not of the type.
    """

    __slots__ = ("_adapter", "default", "name", "no_effect_yet")

    def __init__(
        self, name: str, type_: TypeForm[T], default: object, *, no_effect_yet: bool = False
    ) -> None:
        self.name = name
        self.no_effect_yet = no_effect_yet
        self._adapter: TypeAdapter[T] = TypeAdapter(type_)
        self.default = self.parse(default)

    def parse(self, value: object) -> T:
        """Return `value`, as it stands in JSON, as a checked value of this variable.

        Raises:
            pydantic.ValidationError: it is not of the variable's type.
        """
        return self._adapter.validate_python(value, strict=True, by_alias=True, by_name=False)

    def __repr__(self) -> str:
        return f"Variable({self.name!r})"
