import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from app.logs.loggers import Loggers
from app.logs.reopening import reopen_on_signal


class CountingLoggers(Loggers):
    """Counts how often it was told to reopen its files."""

    def __init__(self) -> None:
        super().__init__({})
        self.reopened = 0

    def reopen(self) -> None:
        self.reopened += 1


@pytest.fixture(autouse=True)
def signal_as_it_was() -> Iterator[None]:
    """Whatever a test does, SIGUSR1 ends no process of tests."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGUSR1, before)


def send_signal() -> None:
    """Send SIGUSR1 to ourselves; its handler has run when this returns."""
    signal.raise_signal(signal.SIGUSR1)


def test_signal_reopens_each_time() -> None:
    loggers = CountingLoggers()
    reopen_on_signal(loggers)

    send_signal()
    send_signal()

    assert loggers.reopened == 2


def test_what_the_signal_did_before_is_done_after_it() -> None:
    loggers = CountingLoggers()
    seen: list[tuple[int, int]] = []

    def handler(sign: int, frame: FrameType | None) -> None:
        seen.append((sign, loggers.reopened))

    signal.signal(signal.SIGUSR1, handler)
    reopen_on_signal(loggers)
    send_signal()

    assert seen == [(signal.SIGUSR1, 1)]


@pytest.mark.parametrize("before", [signal.SIG_IGN, signal.SIG_DFL])
def test_undone_the_signal_does_what_it_did_before(before: signal.Handlers) -> None:
    signal.signal(signal.SIGUSR1, before)
    undo = reopen_on_signal(CountingLoggers())
    send_signal()

    undo()

    assert signal.getsignal(signal.SIGUSR1) is before


def test_two_are_undone_in_reverse() -> None:
    first, second = CountingLoggers(), CountingLoggers()
    undo_first, undo_second = reopen_on_signal(first), reopen_on_signal(second)
    send_signal()
    undo_second()
    send_signal()
    undo_first()
    send_signal()

    assert (first.reopened, second.reopened) == (2, 1)


def test_handler_that_python_has_not_installed_is_replaced_by_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python can neither call nor put back what an embedding program has installed."""
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    loggers = CountingLoggers()
    undo = reopen_on_signal(loggers)
    send_signal()
    monkeypatch.undo()

    undo()

    assert loggers.reopened == 1
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    """As where the lifespan of an application runs in a thread of tests."""
    before = signal.getsignal(signal.SIGUSR1)

    def reopen_and_undo() -> None:
        reopen_on_signal(CountingLoggers())()

    thread = threading.Thread(target=reopen_and_undo)
    thread.start()
    thread.join()

    assert signal.getsignal(signal.SIGUSR1) is before
