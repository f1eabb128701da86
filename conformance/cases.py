"""The cases that the suite consists of, by their numbers."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from conformance.errors import UnknownCaseError

SECTIONS: Final = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "large messages",
    "10": "automatic fragmentation",
    "12": "compression: payloads",
    "13": "compression: parameters",
}

# How many cases each group has; they are numbered from 1 on, without a gap.
_GROUPS: Final = {
    **{"1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20},
    **{"6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2},
    **{"6.9": 4, "6.10": 3, "6.11": 5, "6.12": 8, "6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3},
    **{"6.17": 5, "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8, "6.22": 34, "6.23": 7},
    **{"7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2},
    **{"9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6},
    "10.1": 1,
    **{f"12.{group}": 18 for group in range(1, 6)},
    **{f"13.{group}": 18 for group in range(1, 8)},
}

CASES: Final = tuple(
    f"{group}.{number}" for group, count in _GROUPS.items() for number in range(1, count + 1)
)
"""All 517, in the order in which they run."""


def section_of(case: str) -> str:
    """Return the key in SECTIONS of the section that a case is in."""
    return case.partition(".")[0]


def select(patterns: Sequence[str]) -> list[str]:
    """Return the cases that patterns such as `7.1.6` and `9.*` name; without any, all.

    Raises:
        UnknownCaseError: a pattern names none.
    """
    for pattern in patterns:
        if not any(_matching(pattern)):
            raise UnknownCaseError(
                f"no case is called {pattern!r}; there are {CASES[0]} to {CASES[-1]}, and patterns"
                " such as 9.* for some of them"
            )
    chosen = {case for pattern in patterns for case in _matching(pattern)}
    return [case for case in CASES if case in chosen or not patterns]


def _matching(pattern: str) -> Iterable[str]:
    return (case for case in CASES if fnmatchcase(case, pattern))
