"""Lets the loggers of the standard library make records that are below their own levels."""

import logging
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Lowered:
    """The level that a logger had, and the one that it was given instead."""

    own: int
    given: int


class LoweredLevels:
    """Lowers the levels of all loggers of this process that have one, and knows what they were.

    Those that get a level later are not lowered until the next time. A level that somebody else
    sets meanwhile stays.
    """

    def __init__(self) -> None:
        self._lowered: dict[logging.Logger, _Lowered] = {}

    def lower(self, level: int) -> None:
        """Let no logger's own level be above `level`; give back what is not needed any more."""
        for logger, lowered in list(self._lowered.items()):
            if logger.level == lowered.given:
                logger.setLevel(lowered.own)
            del self._lowered[logger]
        for logger in _loggers():
            if logger.level > level:
                self._lowered[logger] = _Lowered(logger.level, level)
                logger.setLevel(level)

    def level_of(self, name: str) -> int:
        """Return the level that counted for this logger if none was lowered; for any thread.

        NOTSET if there is no such logger.
        """
        logger = logging.root if name == "root" else logging.root.manager.loggerDict.get(name)
        while isinstance(logger, logging.Logger):
            if level := self._own_level(logger):
                return level
            logger = logger.parent
        return logging.NOTSET

    def _own_level(self, logger: logging.Logger) -> int:
        lowered = self._lowered.get(logger)
        if lowered is not None and logger.level == lowered.given:
            return lowered.own
        return logger.level


def _loggers() -> list[logging.Logger]:
    """Return all that there are, the root first. Without one, the name is only part of others'."""
    named = list(logging.root.manager.loggerDict.values())
    return [logging.root, *(each for each in named if isinstance(each, logging.Logger))]
