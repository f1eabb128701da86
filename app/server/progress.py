"""Whether a peer takes what it is sent."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

STALL_CHECKS: Final = 4
"""How often within the timeout it is looked for progress."""

# Of Linux's struct tcp_info: bytes that the peer's system has acknowledged (since Linux 4.1).
_TCP_INFO: Final = getattr(socket, "TCP_INFO", None)
_ACKNOWLEDGED: Final = struct.Struct("@120xQ")


class Progress:
    """How much of what it was sent a peer has taken.

    What counts is what the peer's operating system has acknowledged: whatever waits on our side, in
    the transport, in the one below it that TLS has, and in the kernel, has not been taken. On a
    Unix socket, and beside Linux, what the transport has handed to the kernel counts.

    Args:
        transport: What is written to.
        step: Bytes that are enough for `moves`.
    """

    __slots__ = ("_base", "_step", "_transport")

    def __init__(self, transport: asyncio.WriteTransport, step: int) -> None:
        self._transport = transport
        self._step = step
        self._base = self._taken()

    def moves(self) -> bool:
        """Return whether the peer has taken enough since this was made, or last returned True."""
        taken = self._taken()
        self._base = min(self._base, taken)  # what we look at may go back, if there is more to take
        if taken - self._base < self._step:
            return False
        self._base = taken
        return True

    def _taken(self) -> int:
        """Return a number that grows by the bytes that the peer takes."""
        try:
            connection = self._transport.get_extra_info("socket")
            info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _ACKNOWLEDGED.size)
            (acknowledged,) = _ACKNOWLEDGED.unpack(info)
        except (AttributeError, OSError, TypeError, struct.error):
            # Who sends waits, so that this hardly grows but by what is taken.
            return -self._transport.get_write_buffer_size()
        return int(acknowledged)


class StallTimer:
    """Tells when a peer that we wait for takes too little.

    Args:
        transport: What is written to.
        timeout: Seconds in which the peer must take `step` bytes, or enough for us to go on. What
            is too little is found then, or up to a quarter later.
        step: Bytes.
        on_stalled: Called once.
    """

    __slots__ = (
        "_interval",
        "_loop",
        "_on_stalled",
        "_progress",
        "_quiet",
        "_step",
        "_timer",
        "_transport",
        "_waits",
    )

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        timeout: float,
        step: int,
        on_stalled: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._interval = timeout / STALL_CHECKS
        self._step = step
        self._on_stalled = on_stalled
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._progress: Progress | None = None
        self._waits = False
        # How many checks in a row there was too little.
        self._quiet = 0

    def wait(self) -> None:
        """We wait for the peer."""
        self._waits = True
        if self._timer is None:
            self._quiet = 0
            self._progress = Progress(self._transport, self._step)
            self._check_later()

    def go_on(self) -> None:
        """The peer has taken enough for us to go on."""
        # The timer stays: to make one for each time that a fast peer is waited for would cost more.
        self._waits = False
        self._quiet = -1

    def stop(self) -> None:
        """Do nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _check_later(self) -> None:
        self._timer = self._loop.call_later(self._interval, self._check)

    def _check(self) -> None:
        self._timer = None
        if not self._waits:
            return
        assert self._progress is not None
        self._quiet = 0 if self._progress.moves() else self._quiet + 1
        if self._quiet < STALL_CHECKS:
            self._check_later()
        else:
            self._on_stalled()
