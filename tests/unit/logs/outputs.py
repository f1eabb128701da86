"""Outputs that do as a test says."""

import threading
from collections.abc import Sequence

from typing_extensions import override

from app.logs.targets import Target

TIMEOUT = 10.0


class RecordingTarget(Target):
    """Keeps the lines it is given; takes none while `is_stalled`, fails while there is `error`."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.threads: list[str] = []
        self.is_stalled = False
        self.error: Exception | None = None
        self.calls: list[str] = []
        self._changed = threading.Condition()

    def __str__(self) -> str:
        return "recorder"

    @override
    def write(self, lines: Sequence[bytes]) -> int:
        with self._changed:
            self.threads.append(threading.current_thread().name)
            self._changed.notify_all()
            if self.error is not None:
                raise self.error
            if self.is_stalled:
                return 0
            self.lines += lines
            return len(lines)

    @override
    def wait(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self.is_stalled, timeout)

    @override
    def abandon(self) -> None:
        self.calls.append("abandon")

    @override
    def reopen(self) -> None:
        self.calls.append("reopen")
        if self.error is not None:
            raise self.error

    @override
    def close(self) -> None:
        self.calls.append("close")

    def stall(self) -> None:
        with self._changed:
            self.is_stalled = True

    def recover(self) -> None:
        with self._changed:
            self.is_stalled = False
            self.error = None
            self._changed.notify_all()

    def has_lines(self, count: int) -> bool:
        """Wait until so many lines have come; False if they do not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.lines) >= count, TIMEOUT)

    def was_tried(self, times: int) -> bool:
        """Wait until so many attempts to write were made; False if they are not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.threads) >= times, TIMEOUT)
