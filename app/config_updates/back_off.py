"""How long to wait before something that failed is tried again. Pure."""

import re
from typing import Final

Seconds = float

_FIRST: Final = 0.1
_LONGEST: Final = 2.0

MAX_RETRY_AFTER: Final = 5.0
"""Seconds of a `Retry-After` that are waited, at most."""


def pause(
    attempt: int, chance: float, retry_after: Seconds = 0.0, *, longest: Seconds = _LONGEST
) -> Seconds:
    """Return the pause after the attempt of this number, the first is 1.

    It doubles from 0.1 s to the longest; of each, one half is left to chance, so that those who
    failed together do not come back together. What the other side asks for comes on top.

    Args:
        attempt: The number.
        chance: From 0 up to 1.
        retry_after: See `parse_retry_after`.
        longest: Up to 100 s.
    """
    most = min(_FIRST * 2.0 ** min(attempt - 1, _DOUBLINGS), longest)
    return most * (0.5 + 0.5 * chance) + min(retry_after, MAX_RETRY_AFTER)


_DOUBLINGS: Final = 10  # more make no difference


def parse_retry_after(value: str) -> Seconds:
    """Return the seconds that a `Retry-After` asks for; 0 for a date, or what is no number."""
    return float(value[:_DIGITS]) if re.fullmatch("[0-9]+", value) else 0.0


_DIGITS: Final = 9
