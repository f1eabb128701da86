"""Turns of the event loop, shared out among connections that have much to be read."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

FRAMES_PER_SHARE: Final = 64
"""Frames of one connection that are read before others have their turn."""

SHARES_PER_TURN: Final = 4
"""Shares that are read before the event loop sees to everything else."""

SMALL: Final = 16 * 1024
"""Bytes that are read in the turn in which they come, whatever others have to say."""

BYTES_AT_ONCE: Final = 512 * 1024
"""Bytes in larger pieces that are read in the turn in which they come, of all connections."""


class Turns:
    """Gives those that wait a share each, in the order in which they came; for one event loop.

    However many connections flood us, one turn of the event loop stays short: who has little to
    say is answered in the turn in which it comes.
    """

    __slots__ = ("_bytes", "_scheduled", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._scheduled = False
        # In larger pieces, in this turn.
        self._bytes = 0

    def may_read(self, size: int) -> bool:
        """Return whether so many bytes that have just come may be read at once."""
        if size <= SMALL:
            return True
        self._bytes += size
        self._schedule()
        return self._bytes <= BYTES_AT_ONCE and not self._waiting

    def wait(self, read_share: Callable[[], None]) -> None:
        """Call `read_share` in a turn to come, once. It should wait again if there is more."""
        self._waiting.append(read_share)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._give)

    def _give(self) -> None:
        self._scheduled = False
        self._bytes = 0
        if self._waiting:
            self._schedule()  # before anything of theirs can go wrong
        for _ in range(min(SHARES_PER_TURN, len(self._waiting))):
            self._waiting.popleft()()
