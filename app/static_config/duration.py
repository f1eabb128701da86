"""Lengths of time, as a config writes them."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer

Seconds = float

_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3600_000, "d": 86400_000}

DURATION: Final = r"([0-9]{1,9})(ms|s|m|h|d)?"
"""How a duration is written, as a regular expression."""


def parse_duration(value: object) -> Seconds:
    """Return the seconds of `10ms`, `5s`, `1m`, `2h` or `1d`; a number alone is seconds.

    Raises:
        ValueError: it is not a whole number, from 0, of one of these units.
    """
    written = re.fullmatch(DURATION, str(value)) if isinstance(value, int | str) else None
    if written is None:
        raise ValueError(
            "expected a duration: a whole number of at most 9 digits and ms, s, m, h or d, as 10ms"
        )
    number, unit = written.groups()
    return int(number) * _MILLISECONDS[unit or "s"] / 1000


def written_duration(seconds: Seconds) -> str:
    """Return a length of time as a config writes it, in the largest unit that leaves no rest."""
    milliseconds = round(seconds * 1000)
    units = [unit for unit, size in _MILLISECONDS.items() if milliseconds % size == 0]
    return f"{milliseconds // _MILLISECONDS[units[-1]]}{units[-1]}" if milliseconds else "0s"


Duration = Annotated[
    Seconds,
    BeforeValidator(parse_duration, json_schema_input_type=int | str),
    PlainSerializer(written_duration, when_used="json"),
]
"""An option that is a length of time; in code it has seconds."""
