"""What a process does when it is sent a signal."""

import signal
import threading
from collections.abc import Callable
from types import FrameType


def on_signal(sign: signal.Signals, action: Callable[[], None]) -> Callable[[], None]:
    """Let a signal call `action`, and then do what it did before; but no default action.

    Does nothing outside the main thread, where Python has no signals.

    Args:
        sign: The signal.
        action: Called in the main thread, between any two steps of what runs there: it must not
            take a lock, which may be held. An event loop takes `call_soon_threadsafe`.

    Returns:
        What undoes it, to be called in the same thread; the last that was done, first.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = signal.getsignal(sign)

    def act(number: int, frame: FrameType | None) -> None:
        action()
        if callable(before):
            before(number, frame)

    signal.signal(sign, act)
    # None stands for a handler that Python has not installed, and cannot.
    undone = signal.SIG_DFL if before is None else before

    def undo() -> None:
        signal.signal(sign, undone)

    return undo
