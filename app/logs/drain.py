"""The way of lines from a queue to a target: batches, failures, reports of what was lost."""

import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from app.logs.line_queue import LineQueue, never_waiting
from app.logs.losses import STOPPED, Losses, describe
from app.logs.targets import Target

SLICE: Final = 0.5
"""Seconds after which `run` returns, whatever there is left to write."""

_BATCH_BYTES = 64 * 1024


class Drain:
    """Writes what is in a queue, in one thread at a time; no error of the output leaves it.

    While the output fails its lines are lost. While it is stalled they stay in the queue.

    Args:
        queue: Where the lines come from.
        target: Where they go.
        losses: Where lines that do not get there are counted.
        report: Makes a line that says what was lost.
    """

    def __init__(
        self,
        queue: LineQueue,
        target: Target,
        losses: Losses,
        report: Callable[[str], bytes],
    ) -> None:
        self._queue = queue
        self._target = target
        self._losses = losses
        self._report = report
        self._reopen_is_due = False
        # Held by the thread that writes; it alone uses the target and what follows.
        self._writing = threading.Lock()
        self._batch: list[bytes] = []
        # What the batch tells of, if it is a report.
        self._told: Counter[str] = Counter()
        self._works = True

    @property
    def has_work(self) -> bool:
        """True if there is something to write; losses wait until the output works again."""
        return bool(self._batch or self._queue or (self._losses.untold and self._works))

    def run(self) -> bool:
        """Write, until nothing is left or the SLICE is over; False if the output takes no more.

        Even if there is no work: then it tries again to tell of losses.
        """
        give_up = time.monotonic() + SLICE
        with never_waiting(), self._writing:
            while self._write_batch():
                if not self.has_work or time.monotonic() > give_up:
                    return True
        return False

    def finish(self) -> None:
        """Write all that is left, without waiting for anything; what does not go at once is lost.

        For any thread. If one is writing, the lines are left to that one.
        """
        # A line that came while the lock was held is seen by who held it, afterwards.
        while self.has_work and self._writing.acquire(blocking=False):
            try:
                if not self._write_batch():
                    self._works = False
                    self._lose_batch(STOPPED)
                    self._losses.add(STOPPED, len(self._queue.take(sys.maxsize)))
            finally:
                self._writing.release()

    def wait_for_output(self, timeout: float) -> None:
        """Wait until the output takes more, at most so many seconds."""
        self._target.wait(timeout)

    def reopen(self) -> None:
        """Let the next `run` go on with the file that has the name of the target then.

        All lines that are put into the queue from now on go there.
        """
        self._reopen_is_due = True

    def close(self) -> None:
        """Close the target, unless a thread still hangs in a write."""
        if self._writing.acquire(blocking=False):
            self._target.close()
            self._writing.release()

    def _write_batch(self) -> bool:
        """Write some lines, if there are any; False if the output takes no more."""
        try:
            self._batch = self._batch or self._next_batch()
            # In this order: a line that was logged after `reopen` goes to the new file.
            self._reopen_if_due()
            written = self._target.write(self._batch) if self._batch else 0
        except Exception as error:
            # Whatever it is: the next lines may do better.
            self._works = False
            reason = error.strerror if isinstance(error, OSError) else repr(error)
            self._lose_batch(f"{self._target}: {reason}")
            return True
        if not written:
            return not self._batch
        self._works = True
        self._told.clear()
        del self._batch[:written]
        return True

    def _reopen_if_due(self) -> None:
        if self._reopen_is_due:
            self._reopen_is_due = False
            # The next write will see what is wrong.
            with contextlib.suppress(OSError):
                self._target.reopen()

    def _next_batch(self) -> list[bytes]:
        """Return the next lines, or a report if there is something to tell of and it may go out."""
        untold = self._losses.untold
        lines = [] if untold and self._works else self._queue.take(_BATCH_BYTES)
        if untold and not lines:
            self._told = self._losses.take_untold()
            lines = [self._report(describe(self._told))]
        return lines

    def _lose_batch(self, reason: str) -> None:
        if self._told:
            self._losses.put_back(self._told)
            self._told = Counter()
        else:
            self._losses.add(reason, len(self._batch))
        self._batch = []
        self._target.abandon()
