"""Looks whether the names in `WEBSOCKET_LIMITS` are those of handlers."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.server.contracts import Handler, WebSocketHandler
from app.static_config.errors import did_you_mean
from app.websocket.variables import WEBSOCKET_LIMITS

logger = logging.getLogger(__name__)


class LimitedNames:
    """Warns of names that no WebSocket handler has: somebody's mistake, or of another version.

    Args:
        source: Where the variable is.
        handlers: Those that there are when it is asked for the first time.
    """

    __slots__ = ("_at_first", "_handlers", "_known", "_source")

    def __init__(self, source: Source, handlers: Iterable[Handler]) -> None:
        self._source: Final = source
        self._handlers: Final = handlers
        self._at_first: Final = frozenset(source.snapshot[WEBSOCKET_LIMITS].keys())
        # Those that have been looked at: a warning is given once, until the name has gone.
        self._known = self._at_first

    def unknown_at_first(self) -> Iterator[str]:
        """Yield what to say of the names that were there when this was made."""
        return self._unknown(self._at_first)

    def follow(self) -> None:
        """Log a warning for each name that comes from now on."""
        self._source.subscribe(self._take, WEBSOCKET_LIMITS)

    def _take(self, snapshot: Snapshot) -> None:
        names = frozenset(snapshot[WEBSOCKET_LIMITS].keys())
        for text in self._unknown(names - self._known):
            logger.warning("%s", text)
        self._known = names

    def _unknown(self, names: Iterable[str]) -> Iterator[str]:
        handlers = {
            each.handler_name for each in self._handlers if isinstance(each, WebSocketHandler)
        }
        for name in sorted(set(names) - handlers):
            hint = did_you_mean(name, sorted(handlers))
            yield f"{WEBSOCKET_LIMITS.name}: there is no WebSocket handler {name!r}{hint}"
