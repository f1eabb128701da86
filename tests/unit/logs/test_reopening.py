import signal
from collections.abc import Iterator

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


def test_undone_the_signal_reopens_nothing() -> None:
    loggers = CountingLoggers()
    undo = reopen_on_signal(loggers)
    send_signal()

    undo()
    send_signal()

    assert loggers.reopened == 1
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
