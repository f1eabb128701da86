"""A file system that hangs, as a network file system without a server does."""

import threading

import pytest

from app.config_updates import values_file
from tests.helpers.clients import TIMEOUT


class HangingFiles:
    """From now on no file of values can be opened; until each of them is let go on.

    Args:
        monkeypatch: Ends it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._really_open = values_file.open_regular
        self._hanging: list[threading.Event] = []
        monkeypatch.setattr(values_file, "open_regular", self._open)

    @property
    def count(self) -> int:
        """How many threads have begun to open a file."""
        return len(self._hanging)

    def go_on(self) -> None:
        """Let those threads open their files that hang now."""
        for each in self._hanging:
            each.set()

    def work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hang no more; those that hang do so all the same."""
        monkeypatch.setattr(values_file, "open_regular", self._really_open)

    def _open(self, path: str, flags: int) -> int:
        may_go_on = threading.Event()
        self._hanging.append(may_go_on)
        may_go_on.wait(TIMEOUT)
        return self._really_open(path, flags)
