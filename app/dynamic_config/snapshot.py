"""The values of all variables at one moment."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from app.dynamic_config.variable import Variable
from app.static_config.document import Document, OptionPath, Problem
from app.static_config.errors import ConfigFileError, did_you_mean
from app.static_config.validation import problems_of

T = TypeVar("T")


class Snapshot:
    """An immutable set of values: take one per operation and all that you read fits together."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values: dict[str, Any] = dict(values)

    def __getitem__(self, variable: Variable[T]) -> T:
        # The straight line, without a call: this is what reading a variable costs.
        try:
            value: T = self._values[variable.name]
        except KeyError:
            return variable.default
        return value

    def __or__(self, values: Mapping[str, object]) -> "Snapshot":
        """Return a snapshot in which these values, by name, take the place of those here."""
        return Snapshot({**self._values, **values})

    def changed(self, other: "Snapshot", variables: Iterable[Variable[Any]]) -> list[str]:
        """Return the names of those of `variables` whose values are not the same in both."""
        return [each.name for each in variables if self[each] != other[each]]


def parse_values(
    document: Document,
    variables: Iterable[Variable[Any]],
    *,
    root: OptionPath = (),
    known_only: bool = False,
) -> dict[str, object]:
    """Return the checked value of each variable that `document` has one of, by name.

    One bad value refuses them all.

    Args:
        document: What holds them.
        variables: Those that there are.
        root: Where in the document the mapping of names to values stands.
        known_only: Pass over names that no variable has, instead of refusing them.

    Raises:
        ConfigFileError: what is wrong with the document, each name that no variable has, and each
            value that is not of its type.
    """
    known = {variable.name: variable for variable in variables}
    values = document.mapping(root)
    problems = [problem for problem in document.problems if problem.path[: len(root)] == root]
    # Of these there is nothing else to be told, whatever the type.
    no_json = {each.path for each in problems if _is_infinite(document.value_at(each.path))}
    parsed: dict[str, object] = {}
    for name, value in values.items():
        path = (*root, name)
        variable = known.get(name)
        if variable is None:
            if not known_only:
                text = f"unknown variable{did_you_mean(name, known)}"
                problems.append(Problem(document.places.of(path), path, text))
            continue
        try:
            parsed[name] = variable.parse(value)
        except ValidationError as error:
            found = problems_of(error, document, path, variable.type_)
            problems += (each for each in found if each.path not in no_json)
    if problems:
        raise ConfigFileError(problems)
    return parsed


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def parse_snapshot(document: Document, variables: Iterable[Variable[Any]]) -> Snapshot:
    """Return the snapshot in which each variable has its value from `document`, or its default.

    Raises:
        ConfigFileError: see `parse_values`.
    """
    known = tuple(variables)
    defaults = {variable.name: variable.default for variable in known}
    return Snapshot({**defaults, **parse_values(document, known)})
