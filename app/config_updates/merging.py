"""From the answers of a config service, full and incremental ones, to a whole set of values. Pure.

Points in time are texts of the config service's own making, compared as texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.config_updates.protocol import ValuesAnswer

UpdateType = Literal["full", "incremental"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a config service has told.

    Args:
        values: By the names of their variables, as they stand in JSON.
        digests: Of the values, see `ValuesAnswer`.
        updated_at: As of when.
    """

    values: Mapping[str, Any]
    digests: Mapping[str, bytes]
    updated_at: str


def is_older(answer: ValuesAnswer, known: Known) -> bool:
    """Return whether an incremental answer is of a time before what is known."""
    return answer.updated_at < known.updated_at


def merged(known: Known | None, answer: ValuesAnswer) -> Known:
    """Return what is known after an answer.

    Args:
        known: What was known at the time that the answer goes on from; None: nothing, since it is
            a full answer.
        answer: Values that come in the place of those known. What is said to be removed is not
            there, whatever else is said of it.
    """
    values = {**(known.values if known else {}), **answer.configs}
    digests = {**(known.digests if known else {}), **answer.digests}
    for name in answer.removed:
        values.pop(name, None)
        digests.pop(name, None)
    return Known(values, digests, answer.updated_at)


def is_same(some: Known, other: Known) -> bool:
    """Return whether these are the same values as JSON."""
    return some.digests == other.digests


Deduplication = Literal["none", "only-full", "only-incremental", "full-and-incremental"]
"""Of which updates those are passed over that bring the values that are there already."""

DEDUPLICATED: Final[Mapping[Deduplication, frozenset[UpdateType]]] = {
    "none": frozenset(),
    "only-full": frozenset({"full"}),
    "only-incremental": frozenset({"incremental"}),
    "full-and-incremental": frozenset({"full", "incremental"}),
}
