"""The limits of a handler's connections, which change while the connections are open."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.host import memory_limit
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from app.static_config.model import ConfigModel
from app.websocket.channel import Channel
from app.websocket.limits import Limits
from app.websocket.variables import WEBSOCKET_LIMITS, limits_with

logger = logging.getLogger(__name__)

CHANNELS_PER_TURN: Final = 100
"""Connections that are told of new limits before the event loop sees to everything else."""


class LiveLimits:
    """Those of the static config with what `WEBSOCKET_LIMITS` has instead, for one handler.

    Whatever changes is carried to all connections that are open, some in each turn of the event
    loop; what has changed again by then is what they get. Belongs to one event loop.

    Args:
        handler_name: What the handler is called in `WEBSOCKET_LIMITS`.
        static: Its limits where that says nothing.
        source: Where that is.

    Raises:
        OptionError: they do not go together.
    """

    __slots__ = ("_behind", "_handler_name", "_open", "_static", "current")

    def __init__(self, handler_name: str, static: Limits, source: Source) -> None:
        self._handler_name = handler_name
        self._static = limits_with(static, None)
        self._open: set[Channel] = set()
        # Those that are to be told of `current`.
        self._behind: list[Channel] = []
        source.add_check(self._check)
        # What a new connection gets.
        self.current = self._limits_in(source.snapshot)
        source.subscribe(self._take, WEBSOCKET_LIMITS)

    def opened(self, channel: Channel, limits: Limits) -> None:
        """Tell a connection that was accepted with `limits` of all that change from now on."""
        self._open.add(channel)
        if limits is not self.current:
            # They have changed while the handshake was answered.
            channel.set_limits(self.current)

    def closed(self, channel: Channel) -> None:
        """Tell it no more."""
        self._open.discard(channel)

    def memory_risk(self) -> str:
        """Return a warning if a message could take more memory than there is; "" if not."""
        memory = memory_limit()
        if self.current.max_remote_payload <= memory:
            return ""
        return f"one message could take more than the memory that there is ({memory // 2**20} MiB)"

    def _check(self, snapshot: Snapshot) -> Iterator[tuple[OptionPath, str]]:
        try:
            self._limits_in(snapshot)
        except OptionError as error:
            given = _written(snapshot[WEBSOCKET_LIMITS][self._handler_name])
            for option, text in error.refusals.items():
                told = text if option[0] in given else f"{text}, as the static config says"
                yield (WEBSOCKET_LIMITS.name, self._handler_name, *option), told

    def _take(self, snapshot: Snapshot) -> None:
        before, self.current = self.current, self._limits_in(snapshot)
        if self.current == before:
            return
        self._log(before)
        is_carrying = bool(self._behind)
        self._behind = list(self._open)
        if not is_carrying:
            self._carry_on()

    def _limits_in(self, snapshot: Snapshot) -> Limits:
        return limits_with(self._static, snapshot[WEBSOCKET_LIMITS].get(self._handler_name))

    def _carry_on(self) -> None:
        if self._behind:
            asyncio.get_running_loop().call_soon(self._carry)

    def _carry(self) -> None:
        try:
            for _ in range(min(CHANNELS_PER_TURN, len(self._behind))):
                channel = self._behind.pop()
                if channel in self._open:
                    self._tell(channel)
        finally:
            self._carry_on()

    def _tell(self, channel: Channel) -> None:
        try:
            channel.set_limits(self.current)
        except Exception:
            # The next change is another chance.
            logger.exception("%s: a connection could not take new limits", self._handler_name)

    def _log(self, before: Limits) -> None:
        old, new = _written(before), _written(self.current)
        changed = [f"{option}: {value}" for option, value in new.items() if value != old[option]]
        tags = {"changed": ", ".join(changed), "connections": len(self._open)}
        logger.info("limits of %s changed", self._handler_name, extra={"tags": tags})
        if risk := self.memory_risk():
            logger.warning("%s: %s", self._handler_name, risk)


def _written(limits: ConfigModel) -> dict[str, object]:
    """Return limits as a file would have them; of an override those that it has."""
    return limits.model_dump(mode="json", by_alias=True, exclude_unset=True)
