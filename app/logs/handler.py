"""Hands the records of the standard library's loggers to a writer."""

import logging
import threading
from collections.abc import Mapping

from typing_extensions import override

from app.logs.formats import LineFormat
from app.logs.losses import NOT_FORMATTED, Losses
from app.logs.pieces import Place
from app.logs.place_filter import LevelOf, PlaceFilter
from app.logs.place_levels import PlaceLevels
from app.logs.writer import LogWriter

_MAX_DEPTH = 3
"""Lines that may be logged from within the formatting of another."""


class WriterHandler(logging.Handler):
    """Formats a record where it is logged, and never waits for the line to be written.

    In the thread that logs, so that the line tells what was true then: objects change, and context
    variables are another thread's own.
    """

    def __init__(
        self, level: int, line_format: LineFormat, writer: LogWriter, losses: Losses
    ) -> None:
        super().__init__(level)
        self._own_level = level
        self._place_filter: PlaceFilter | None = None
        self._format = line_format
        self._writer = writer
        self._losses = losses
        self._depths = threading.local()

    def use_places(self, places: PlaceLevels | None, level_of: LevelOf) -> None:
        """Take what is to be logged at these places; None: what reaches the handler's level.

        For one thread at a time, while any others log.

        Args:
            places: What is forced where.
            level_of: Returns the level that would count for a logger if nothing was forced.
        """
        if places is None:
            self._place_filter = None
            self.setLevel(self._own_level)
        else:
            self._place_filter = PlaceFilter(places, self._own_level, level_of)
            self.setLevel(min(self._own_level, places.lowest))

    @override
    def createLock(self) -> None:
        # There is nothing to guard: formats are pure and a writer takes lines from any thread. With
        # a lock an event loop would wait for each thread that formats a traceback.
        self.lock = None

    @override
    def handle(self, record: logging.LogRecord) -> bool:
        # The level that the caller has compared may have been that of another moment.
        places = self._place_filter
        if not (record.levelno >= self._own_level if places is None else places.lets(record)):
            return False
        # The base class's may insist on a lock, from Python 3.13 on; there a filter may also return
        # another record.
        kept: object = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def write_at(self, place: Place, level: int, text: str, tags: Mapping[str, object]) -> bool:
        """Write the line of a record that is made there, now; False if it takes the record.

        Args:
            place: Where.
            level: Of the record: one that its logger lets in.
            text: The message.
            tags: Those of the record.
        """
        if self.filters or self._place_filter is not None:
            return False
        if level < self._own_level or level < self.level:
            return True
        try:
            line = self._format.line_at(place, text, tags)
        except Exception:
            return False
        if line is not None:
            self._writer.put(line, level)
        return line is not None

    @override
    def emit(self, record: logging.LogRecord) -> None:
        depth = getattr(self._depths, "value", 0)
        # An argument may log when it is turned into text, and do so with itself.
        if depth >= _MAX_DEPTH:
            self._losses.add(NOT_FORMATTED)
            return
        self._depths.value = depth + 1
        try:
            line = self._format(record)
        except Exception:
            self._losses.add(NOT_FORMATTED)
            return
        finally:
            self._depths.value = depth
        self._writer.put(line, record.levelno)
