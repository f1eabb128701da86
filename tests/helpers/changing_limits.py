"""Limits of handlers that a test changes, as an update of the dynamic config would."""

from typing import Any

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.handlers.live_limits import LiveLimits
from app.websocket.limits import Limits
from app.websocket.variables import WEBSOCKET_LIMITS
from tests.helpers.documents import plain_document

Options = dict[str, Any]


def limits_source(**handlers: Options) -> Source:
    """Return a source whose fallback values have these limits, by the name of the handler."""
    value = WEBSOCKET_LIMITS.parse(handlers)
    return Source([WEBSOCKET_LIMITS], Snapshot({WEBSOCKET_LIMITS.name: value}))


def change_limits(source: Source, **handlers: Options) -> None:
    """Let these be the limits by the name of the handler, and of all others those in the file."""
    source.update(plain_document("update", {WEBSOCKET_LIMITS.name: handlers}), "test")


def live_limits(**options: Any) -> LiveLimits:
    """Return limits of a handler that nobody changes."""
    return LiveLimits("chat", Limits(**options), limits_source())
