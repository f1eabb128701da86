"""SIGUSR1: go on with the files that have the names now, after somebody has moved the old ones."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

from app.logs.loggers import Loggers


def reopen_on_signal(loggers: Loggers) -> Callable[[], None]:
    """Let SIGUSR1 reopen the files of `loggers`, and then do what it did before.

    Does nothing outside the main thread, where Python has no signals. Returns what undoes it, to be
    called in the same thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = signal.getsignal(signal.SIGUSR1)

    def reopen(sign: int, frame: FrameType | None) -> None:
        loggers.reopen()
        if callable(before):
            before(sign, frame)

    signal.signal(signal.SIGUSR1, reopen)
    # None stands for a handler that Python has not installed, and cannot.
    undone = signal.SIG_DFL if before is None else before

    def undo() -> None:
        signal.signal(signal.SIGUSR1, undone)

    return undo
