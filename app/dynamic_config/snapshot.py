"""The values of all variables at one moment."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from app.dynamic_config.errors import DynamicConfigError
from app.dynamic_config.variable import Variable
from app.static_config.errors import describe

T = TypeVar("T")


class Snapshot:
    """An immutable set of values: take one per operation and all that you read fits together."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, variable: Variable[T]) -> T:
        return cast(T, self._values.get(variable.name, variable.default))


def parse_snapshot(
    origin: str, values: Mapping[str, object], variables: Iterable[Variable[Any]]
) -> Snapshot:
    """Return the snapshot in which each variable has its value from `values`, or its default.

    One bad value refuses them all.

    Args:
        origin: Where the values come from, for the text of an error.

    Raises:
        DynamicConfigError: each name that no variable has, and each value that is not of its type.
    """
    known = {variable.name: variable for variable in variables}
    parsed: dict[str, object] = {}
    problems = [f"{name}: unknown variable" for name in values if name not in known]
    for name, variable in known.items():
        try:
            parsed[name] = variable.parse(values[name]) if name in values else variable.default
        except ValidationError as error:
            problems.extend(describe(error, name))
    if problems:
        raise DynamicConfigError(origin, problems)
    return Snapshot(parsed)
