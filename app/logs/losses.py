"""Lines that were not written, and why: counted, and told of when that is possible again."""

import threading
from collections import Counter
from typing import Final

QUEUE_FULL: Final = "the queue was full (message_queue_size)"
NOT_FORMATTED: Final = "they could not be formatted"
STOPPED: Final = "the service ended before they were written"


class Losses:
    """The losses of one logger, counted from any thread."""

    def __init__(self) -> None:
        # Reentrant: a destructor or a signal handler may log in the middle of a method.
        self._lock = threading.RLock()
        self._untold: Counter[str] = Counter()
        self._total = 0

    @property
    def total(self) -> int:
        """How many lines have been lost since the start."""
        return self._total

    @property
    def untold(self) -> bool:
        """True if there are losses that nobody has been told of."""
        return bool(self._untold)

    def add(self, reason: str, lines: int = 1) -> None:
        """Count lines that were lost."""
        if lines:
            with self._lock:
                self._total += lines
                self._untold[reason] += lines

    def take_untold(self) -> Counter[str]:
        """Return the losses that nobody has been told of, by reason; now somebody is."""
        with self._lock:
            untold, self._untold = self._untold, Counter()
        return untold

    def put_back(self, untold: Counter[str]) -> None:
        """Take back what `take_untold` has returned: telling of it has failed."""
        with self._lock:
            self._untold.update(untold)


def describe(losses: Counter[str]) -> str:
    """Return what to say of the losses."""
    reasons = "; ".join(f"{lines}: {reason}" for reason, lines in losses.items())
    return f"log lines lost: {losses.total()} ({reasons})"
