"""Wakes a thread."""

import contextlib
import threading


class Bell:
    """Wakes the one thread that waits for it, or that will wait next.

    It can be rung anywhere, also in a signal handler or a destructor that runs in the middle of
    another `ring` or `wait`. Conditions, events and `Executor.submit` cannot: they hold a lock for
    a moment, in which garbage collection may call a destructor that logs, as that of a failed
    `asyncio.Task` does; it would wait for its own thread, for ever.
    """

    def __init__(self) -> None:
        # Held while the bell is silent.
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Let the thread go on; rings that it has not heard yet are one."""
        if self._silence.locked():
            # Another thread may have rung since.
            with contextlib.suppress(RuntimeError):
                self._silence.release()

    def wait(self, timeout: float | None) -> bool:
        """Wait for a ring, at most so many seconds; tell whether there was one."""
        return self._silence.acquire(timeout=-1 if timeout is None else timeout)
