"""Levels of log lines: their names in a config, and the numbers of the standard library."""

import logging
import sys
from collections.abc import Mapping
from typing import Final, Literal

LevelName = Literal["trace", "debug", "info", "warning", "error", "critical", "none"]

TRACE: Final = 5
"""Below DEBUG; the number that Uvicorn has given it, too."""

NONE: Final = sys.maxsize
"""Above the level of any record: nothing is logged."""

LEVELS: Final[Mapping[LevelName, int]] = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": NONE,
}

# A record gets the name of its level when it is made: later would be too late for the first ones.
logging.addLevelName(TRACE, "TRACE")
