"""How many connections a listener has at a time."""

import asyncio
import logging
from typing import Final

logger = logging.getLogger(__name__)

LOG_INTERVAL: Final = 10.0
"""Seconds between two lines that say that connections were refused."""

MAX_LINGERING: Final = 100
"""Refused connections that may have their time to read why; those beyond are ended at once."""


class ConnectionLimit:
    """Knows whether there is room for one more, and says how many there was none for.

    It goes to worker processes by pickle, before it has counted any.
    """

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        # Those that were refused and have not gone yet: they do not keep others out.
        self._refused = 0
        # While a timer runs, refusals are counted instead of being logged.
        self._timer: asyncio.TimerHandle | None = None
        self._unsaid = 0

    def has_room(self, count: int) -> bool:
        """Return whether there may be `count` connections, among them all that were refused."""
        return count - self._refused <= self._limit

    def refuse(self) -> bool:
        """Count a connection that there is no room for; return whether it may linger."""
        self._refused += 1
        if self._timer is None:
            logger.warning("a connection was refused with 503: max_connections is %d", self._limit)
            self._say_more_later()
        else:
            self._unsaid += 1
        return self._refused <= MAX_LINGERING

    def refused_has_gone(self) -> None:
        """Forget a connection that was refused."""
        self._refused -= 1

    def _say_more_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOG_INTERVAL, self._say_more)

    def _say_more(self) -> None:
        self._timer = None
        if self._unsaid:
            text = "%d connections more were refused with 503 in %.0f s: max_connections is %d"
            logger.warning(text, self._unsaid, LOG_INTERVAL, self._limit)
            self._unsaid = 0
            self._say_more_later()
