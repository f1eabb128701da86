"""Which places in the code are logged whatever the level of their logger, and which are not. Pure.

A record is logged if its level reaches that of its logger, and is above the one up to which its
place is disabled; or if it reaches the one from which on its place is enabled.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from app.logs.levels import LEVELS, NONE, TRACE
from app.logs.source_files import relative_path
from app.logs.variables import DynamicDebug, LevelName

MAX_REMEMBERED: Final = 10_000
"""Lines of code whose state is remembered; few processes have as many that log."""


@dataclass(frozen=True, slots=True)
class Place:
    """All source files whose path begins so, or one line of one file.

    Args:
        path: How the path begins; with a line, the whole path.
        line: The line, if it is one.
    """

    path: str
    line: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the place that a text in the config means."""
        found = _LINE.fullmatch(text)
        return cls(found[1], int(found[2])) if found else cls(text)

    def holds(self, path: str, line: int) -> bool:
        """Return whether that line of that file belongs to this place."""
        if self.line is None:
            return path.startswith(self.path)
        return line == self.line and path == self.path

    @property
    def precision(self) -> tuple[bool, int]:
        """Orders places by how precise they are."""
        return self.line is not None, len(self.path)


_LINE: Final = re.compile(r"(.*):([0-9]{1,9})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Forced:
    """What is forced at one place.

    Args:
        enabled: The level from which on all is logged.
        disabled: The level up to which nothing else is.
    """

    enabled: int = NONE
    disabled: int = 0


class PlaceLevels:
    """The levels of all places. Every line of the code has one state, which is that of one place.

    Places that are enabled come before those that are disabled; then a line before a path, and a
    longer path before a shorter one.

    Args:
        config: Which places there are.
        folders: Where modules are imported from, see `app.logs.source_files`.
    """

    def __init__(self, config: DynamicDebug, folders: Sequence[str]) -> None:
        enabled = _levels(config.force_enabled, TRACE, config.force_enabled_level)
        disabled = _levels(config.force_disabled, LEVELS["info"], config.force_disabled_level)
        self._folders = folders
        self._forced: list[tuple[Place, Forced]] = [
            *((place, Forced(enabled=level)) for place, level in enabled),
            *((place, Forced(disabled=level)) for place, level in disabled),
        ]
        self.lowest: Final = min((level for _, level in enabled), default=NONE)
        """The lowest level from which on a place is enabled."""
        self.at: Final[Callable[[str, int], Forced]] = functools.lru_cache(MAX_REMEMBERED)(self._at)
        """Returns what is forced at a line of the file with this absolute path; for any thread."""

    def __bool__(self) -> bool:
        return bool(self._forced)

    def _at(self, path: str, line: int) -> Forced:
        # Somebody may have made a record with a path that is no text.
        absolute = str(path)
        relative = relative_path(absolute, self._folders)
        for place, forced in self._forced:
            if place.holds(relative, line) or place.holds(absolute, line):
                return forced
        return _NOTHING


_NOTHING: Final = Forced()


def _levels(
    places: Sequence[str], level: int, own_levels: Mapping[str, LevelName]
) -> list[tuple[Place, int]]:
    """Return places and their levels, the most precise first: `level`, or what they have."""
    levels = dict.fromkeys(places, level)
    levels |= {place: NUMBERS[name] for place, name in own_levels.items()}
    parsed = [(Place.parse(text), number) for text, number in levels.items()]
    return sorted(parsed, key=lambda each: each[0].precision, reverse=True)


NUMBERS: Final[Mapping[str, int]] = {name.upper(): number for name, number in LEVELS.items()}
"""Levels by the names that they have in the dynamic config."""
