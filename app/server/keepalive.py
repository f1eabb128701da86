"""Pings that find out whether a silent peer is still there."""

import asyncio
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeepaliveOptions:
    """When to ping and when to give up.

    Args:
        interval: Seconds between two pings; None never pings.
        timeout: Seconds in which something must come after a ping; None waits for ever.
    """

    interval: float | None
    timeout: float | None


class Peer(Protocol):
    """Who is pinged."""

    def send_keepalive(self) -> bool:
        """Send a ping; False if the peer does not even take what it has been sent before."""

    def hears(self) -> bool:
        """Tell whether an answer would be seen; while it would not, none is missed."""

    def keepalive_failed(self) -> None:
        """Nothing has come in time. Called once."""


class Keepalive:
    """Pings at intervals, and tells when nothing has come after a ping; anything counts."""

    __slots__ = ("_loop", "_options", "_peer", "_timer", "heard")

    def __init__(self, options: KeepaliveOptions, peer: Peer) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._peer = peer
        self._timer: asyncio.TimerHandle | None = None
        # Set whenever something comes: for each read that costs less than a call.
        self.heard = False
        self._ping_later()

    def stop(self) -> None:
        """Ping no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ping_later(self) -> None:
        if self._options.interval:
            self._timer = self._loop.call_later(self._options.interval, self._ping)

    def _ping(self) -> None:
        self.heard = False
        if self._peer.send_keepalive() and self._options.timeout:
            self._timer = self._loop.call_later(self._options.timeout, self._check)
        else:
            self._ping_later()

    def _check(self) -> None:
        if self.heard or not self._peer.hears():
            self._ping_later()
        else:
            self._peer.keepalive_failed()
