"""Patterns of Rust's, in which the time for a text grows with its length only, and never explodes.

How fast it grows, and what a pattern takes in memory, depends on its counted repetitions: `weight`.
"""

import re
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

from app.config_service.steps import Steps

MAX_WEIGHT: Final = 20_000
"""Of one pattern."""

MAX_OF_CLASSES: Final = 2000
"""Of the classes of Unicode in one pattern: 40 times one of letters, or 2 MB of memory."""

_MAX_LENGTH: Final = 1000
_MAX_KEPT: Final = 2 * MAX_WEIGHT
"""Of all that are kept compiled, by whatever thread; the library itself keeps about 60."""

_CLASS: Final = re.compile(r"\\([bBdDpPsSwW])")
_CLASS_WEIGHTS: Final = {"d": 5, "s": 5, "D": 5, "S": 5}
_CLASS_WEIGHT: Final = 50
"""The other classes of Unicode are that many ranges, and more."""

_REPETITION: Final = re.compile(r"(.?)\{\s*(\d*)\s*,?\s*(\d*)\s*\}", re.DOTALL)
_Kept = tuple[int, SchemaValidator | None]
_kept: Final[dict[str, _Kept]] = {}


def wrong_pattern(pattern: str) -> str:
    """Return why a pattern is not taken; "" if it is."""
    if len(pattern) > _MAX_LENGTH:
        return f"a pattern has at most {_MAX_LENGTH} characters"
    if weight(pattern) > MAX_WEIGHT or _of_classes(pattern) * _times(pattern) > MAX_OF_CLASSES:
        return "this pattern repeats too much; use smaller numbers in {}, or maxLength"
    return ""


def weight(pattern: str) -> int:
    """Return about how many states a pattern has, more rather than less."""
    return (len(pattern) + _of_classes(pattern)) * _times(pattern)


def _of_classes(pattern: str) -> int:
    return sum(_CLASS_WEIGHTS.get(each, _CLASS_WEIGHT) for each in _CLASS.findall(pattern))


def _times(pattern: str) -> int:
    """Return how often a part of a pattern is repeated by numbers in it, at most."""
    of_one, of_groups = 1, 1
    for before, *bounds in _REPETITION.findall(pattern):
        times = max(int(each[:9] or 1) for each in bounds)
        if before.isspace() or before in ")}?*+":
            of_groups *= max(times, 1)
        else:
            of_one = max(of_one, times)
    return of_one * of_groups


def matches(pattern: str, text: str, steps: Steps) -> bool:
    """Return whether a text has what a pattern describes; false if that is no pattern of Rust's.

    Raises:
        TooManyStepsError: that would take too long.
    """
    heavy, validator = _kept.get(pattern) or _keep(pattern, steps)
    steps.take(1 + heavy * len(text) // 2000)
    return validator is not None and validator.isinstance_python(text)


def _keep(pattern: str, steps: Steps) -> _Kept:
    heavy = weight(pattern)
    steps.take(10 + 4 * heavy)
    if heavy + sum(each for each, _ in list(_kept.values())) > _MAX_KEPT:
        _kept.clear()
    _kept[pattern] = kept = heavy, _compiled(pattern)
    return kept


def _compiled(pattern: str) -> SchemaValidator | None:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return None
