"""Lines on their way from whoever logs to the one thread that writes."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final

from app.logs.bell import Bell
from app.logs.losses import QUEUE_FULL, Losses

MAX_WAIT: Final = 5.0
"""Seconds that a line waits for room, where it waits; then this and all others are dropped until
there is room, so that an output that stalls costs a thread this much once."""


class LineQueue:
    """A bounded queue: any thread puts lines in, one at a time takes them out.

    To put a line in takes no lock while there is room. Threads that do so at the same moment may
    exceed the size, each by one line.

    Args:
        size: Lines it holds.
        urgent_level: The level from which a line wakes who takes lines out at once.
        blocks: Whether a line that finds the queue full waits for room instead of being dropped.
        losses: Where dropped lines are counted.
        max_wait: Seconds it waits at most.
    """

    def __init__(
        self,
        size: int,
        *,
        urgent_level: int,
        blocks: bool,
        losses: Losses,
        max_wait: float = MAX_WAIT,
    ) -> None:
        self.bell: Final = Bell()
        self._size = size
        self._urgent_level = urgent_level
        self._blocks = blocks
        self._losses = losses
        self._max_wait = max_wait
        self._lines: deque[bytes] = deque()
        # Whether the taker waits for a first line, urgent or not.
        self._taker_is_idle = False
        # Whether there is a line that should not wait for others.
        self._is_urgent = False
        # Whether anybody takes lines out; without that no line waits for room.
        self._is_served = False
        self._has_stalled = False
        self._room = threading.Condition()

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, line: bytes, level: int) -> None:
        """Put a line in, or drop and count it if there is no room; waits only where it may."""
        if len(self._lines) < self._size:
            self._lines.append(line)
        elif not self._put_when_there_is_room(line):
            self._losses.add(QUEUE_FULL)
            return
        # From half full on there is no time to collect more.
        if level >= self._urgent_level or 2 * len(self._lines) >= self._size:
            self._is_urgent = True
            self.bell.ring()
        elif self._taker_is_idle:
            self.bell.ring()

    def serve(self) -> None:
        """Somebody takes lines out from now on."""
        self._is_served = True

    def close(self) -> None:
        """Nobody takes lines out from now on: those that wait for room wait no more."""
        with self._room:
            self._is_served = False
            self._room.notify_all()

    def wait_for_first(self, timeout: float | None) -> None:
        """Wait until there is a line, the bell rings, or so many seconds have passed."""
        # In this order: a line that comes between the two rings the bell.
        self._taker_is_idle = True
        if not self._lines:
            self.bell.wait(timeout)
        self._taker_is_idle = False

    def wait_for_more(self, timeout: float) -> None:
        """Wait so many seconds for lines, or less if there is an urgent one or the bell rings."""
        if not self._is_urgent:
            self.bell.wait(timeout)

    def take(self, size: int) -> list[bytes]:
        """Return the next lines, at least one if there are any, until they have so many bytes."""
        # Before the first line is taken: one that comes meanwhile must not be overlooked.
        self._is_urgent = False
        taken: list[bytes] = []
        while self._lines and size > 0:
            taken.append(self._lines.popleft())
            size -= len(taken[-1])
        if taken and self._blocks:
            with self._room:
                self._has_stalled = False
                self._room.notify_all()
        return taken

    def _put_when_there_is_room(self, line: bytes) -> bool:
        if not self._blocks or not _may_wait():
            return False
        with self._room:
            # One after the other, so that each sees what those before it have put in.
            if not self._room.wait_for(self._need_not_wait, self._max_wait):
                self._has_stalled = True
            if len(self._lines) >= self._size:
                return False
            self._lines.append(line)
            return True

    def _need_not_wait(self) -> bool:
        return len(self._lines) < self._size or not self._is_served or self._has_stalled


@contextlib.contextmanager
def never_waiting() -> Iterator[None]:
    """Let no line of this thread wait for room in the block: it is the one that makes room."""
    before = getattr(_thread, "makes_room", False)
    _thread.makes_room = True
    try:
        yield
    finally:
        _thread.makes_room = before


_thread = threading.local()


def _may_wait() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return not getattr(_thread, "makes_room", False)
    return False
