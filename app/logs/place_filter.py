"""Decides by the place in the code, and not only by the level, what a handler takes."""

import logging
from collections.abc import Callable

from app.logs.place_levels import PlaceLevels

LevelOf = Callable[[str], int]
"""Returns the level that counts for the logger of this name."""


class PlaceFilter:
    """Tells which records are to be logged at their place, for any thread.

    Args:
        places: What is forced where.
        level: That of the handler.
        level_of: That of each logger. Both the level which would count if nothing was forced.
    """

    def __init__(self, places: PlaceLevels, level: int, level_of: LevelOf) -> None:
        self._places = places
        self._level = level
        self._level_of = level_of

    def lets(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be logged."""
        level = record.levelno
        forced = self._places.at(record.pathname, record.lineno)
        if level >= forced.enabled:
            return True
        # Most of what is dropped is so by the first: who forces makes the whole process talk.
        if level < self._level or level <= forced.disabled:
            return False
        return level >= self._level_of(record.name)
