"""SIGUSR1: go on with the files that have the names now, after somebody has moved the old ones."""

import signal
from collections.abc import Callable

from app.logs.loggers import Loggers
from app.signals import on_signal


def reopen_on_signal(loggers: Loggers) -> Callable[[], None]:
    """Let SIGUSR1 reopen the files of `loggers`, and then do what it did before.

    Does nothing outside the main thread, where Python has no signals. Returns what undoes it, to be
    called in the same thread.
    """
    return on_signal(signal.SIGUSR1, loggers.reopen)
