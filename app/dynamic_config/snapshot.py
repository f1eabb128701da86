"""The values of all variables at one moment."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from app.dynamic_config.variable import Variable
from app.static_config.document import Document, Problem
from app.static_config.errors import ConfigFileError, did_you_mean
from app.static_config.validation import problems_of

T = TypeVar("T")


class Snapshot:
    """An immutable set of values: take one per operation and all that you read fits together."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, variable: Variable[T]) -> T:
        return cast(T, self._values.get(variable.name, variable.default))


def parse_snapshot(document: Document, variables: Iterable[Variable[Any]]) -> Snapshot:
    """Return the snapshot in which each variable has its value from `document`, or its default.

    One bad value refuses them all.

    Raises:
        ConfigFileError: what is wrong with the document, each name that no variable has, and each
            value that is not of its type.
    """
    known = {variable.name: variable for variable in variables}
    values = document.mapping()
    parsed: dict[str, object] = {}
    problems = list(document.problems)
    problems += [
        Problem(
            document.places.of((name,)), (name,), f"unknown variable{did_you_mean(name, known)}"
        )
        for name in values
        if name not in known
    ]
    for name, variable in known.items():
        try:
            parsed[name] = variable.parse(values[name]) if name in values else variable.default
        except ValidationError as error:
            problems += problems_of(error, document, (name,), variable.type_)
    if problems:
        raise ConfigFileError(problems)
    return Snapshot(parsed)
