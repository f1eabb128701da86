"""Writes the lines of one logger, from its start to the end of the process."""

import enum
import threading
import time
from concurrent.futures import CancelledError
from typing import Final

from app.logs.drain import SLICE, Drain
from app.logs.line_queue import LineQueue, never_waiting
from app.logs.losses import Losses
from app.logs.targets import RETRY_INTERVAL
from app.task_processors.pool import ThreadPool

FLUSH_INTERVAL: Final = 0.1
"""Seconds that lines which are not urgent are collected, to be written together."""


class _State(enum.Enum):
    QUEUEING = enum.auto()
    WRITING = enum.auto()
    STOPPED = enum.auto()


class LogWriter:
    """Puts lines into a queue, and sees to it that they are written.

    A thread of its own waits for lines and for a stalled output; what can be written is written on
    a task processor, if there is one. It needs the thread because a line may be logged where
    nothing can be handed to a pool (see `Bell`), and so that neither a stalled output occupies the
    pool nor an occupied pool holds up the lines. The thread is a daemon: an output that hangs keeps
    no interpreter from exiting.

    Args:
        name: Of the thread.
        queue: Where lines wait.
        drain: What empties it.
        losses: Where both count what is lost.
        flush_interval: Seconds that lines which are not urgent are collected.
    """

    def __init__(
        self,
        name: str,
        queue: LineQueue,
        drain: Drain,
        losses: Losses,
        flush_interval: float = FLUSH_INTERVAL,
    ) -> None:
        self._queue = queue
        self._drain = drain
        self._losses = losses
        self._flush_interval = flush_interval
        self._pool: ThreadPool | None = None
        self._state = _State.QUEUEING
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        # When the thread must be done, once it has to end.
        self._give_up: float | None = None

    def start(self) -> None:
        """Begin to write; what has been put before has waited in the queue."""
        self._state = _State.WRITING
        self._queue.serve()
        self._thread.start()

    def use_pool(self, pool: ThreadPool | None) -> None:
        """Write on this pool from now on; with None, in the thread of the writer."""
        self._pool = pool

    def put(self, line: bytes, level: int) -> None:
        """Hand over a line of this level; after `stop` it is written at once, or lost."""
        self._queue.put(line, level)
        if self._state is _State.STOPPED:
            self._drain.finish()

    def reopen(self) -> None:
        """Go on, soon, with the file that has the name of the target then."""
        self._drain.reopen()
        self._queue.bell.ring()

    def stop(self, timeout: float) -> None:
        """Write what is left, for so many seconds; the rest is lost, and counted."""
        if self._state is _State.WRITING:
            self._give_up = time.monotonic() + timeout
            self._queue.close()
            self._queue.bell.ring()
            self._thread.join(timeout)
        self._state = _State.STOPPED
        self._drain.finish()

    def close(self) -> None:
        """Close the target; after `stop`."""
        self._drain.close()

    def _run(self) -> None:
        with never_waiting():
            while self._give_up is None:
                if not self._drain.has_work:
                    # What has been lost is told of even if no other line comes.
                    self._queue.wait_for_first(RETRY_INTERVAL if self._losses.untold else None)
                    self._queue.wait_for_more(0 if self._give_up else self._flush_interval)
                if not self._drain_on_pool():
                    self._drain.wait_for_output(SLICE)
            while self._drain.has_work and (left := self._give_up - time.monotonic()) > 0:
                if not self._drain.run():
                    self._drain.wait_for_output(min(left, SLICE))

    def _drain_on_pool(self) -> bool:
        """Run the drain on the pool, if there is one and it has a thread within a SLICE."""
        pool = self._pool
        if pool is None:
            return self._drain.run()
        try:
            job = pool.submit(self._drain.run)
        except RuntimeError:  # It has been stopped.
            return self._drain.run()
        try:
            return job.result(SLICE)
        except (TimeoutError, CancelledError):
            return self._drain.run() if job.cancel() else job.result()
