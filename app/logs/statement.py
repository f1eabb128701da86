"""Lines that are logged for each connection: they are worth a way without a record.

To make a record of the standard library and to render it took 25 µs, a third of it the record.
"""

import logging
import sys
from collections.abc import Mapping
from pathlib import PurePath
from types import FrameType
from typing import Final

from app.logs.handler import WriterHandler
from app.logs.pieces import Place


class Statement:
    """One place in the code that logs one text: `logger.log(level, text, extra={"tags": tags})`.

    Whoever else looks at the records of the logger is shown one: another handler, a filter, a level
    of that place's own (USERVER_LOG_DYNAMIC_DEBUG).

    Args:
        logger: Whose line it is.
        level: Of the line.
        text: What it says.
    """

    __slots__ = ("_level", "_logger", "_place", "_text")

    def __init__(self, logger: logging.Logger, level: int, text: str) -> None:
        self._logger: Final = logger
        self._level: Final = level
        self._text: Final = text
        self._place: Place | None = None

    def log(self, tags: Mapping[str, object]) -> None:
        """Log it. To be called at one place in the code only."""
        logger = self._logger
        if not logger.isEnabledFor(self._level):
            return
        place = self._place
        if place is None:
            place = self._place = self._place_of(sys._getframe(1))
        handler = _only_handler(logger)
        if handler is None or not handler.write_at(place, self._level, self._text, tags):
            logger.log(self._level, self._text, extra={"tags": tags}, stacklevel=2)

    def _place_of(self, caller: FrameType) -> Place:
        code = caller.f_code
        file = PurePath(code.co_filename).name
        level = logging.getLevelName(self._level)
        return level, self._logger.name, code.co_name, file, caller.f_lineno


def _only_handler(logger: logging.Logger) -> WriterHandler | None:
    """Return the handler of all that the logger logs, if it is one of ours and the only one."""
    if logger.filters or logging.getLogRecordFactory() is not logging.LogRecord:
        return None
    found: logging.Handler | None = None
    each: logging.Logger | None = logger
    while each is not None:
        if each.handlers:
            if found is not None or len(each.handlers) > 1:
                return None
            found = each.handlers[0]
        each = each.parent if each.propagate else None
    return found if isinstance(found, WriterHandler) else None
