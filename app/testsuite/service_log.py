"""What the service writes, and how a failing test comes to show its part of it."""

import threading
import time
from collections.abc import Generator
from typing import IO, Final

import pytest

KEPT: Final = 8 * 1024 * 1024
"""Bytes of the output that are kept: the last ones."""

SHOWN: Final = 20_000
"""Bytes of the output that one report shows: the last ones."""

QUIET: Final = 0.1
"""Seconds without a new line after which a log counts as complete..."""

SETTLE: Final = 1.0
"""... and how many to wait for that, at most."""


class ServiceLog:
    """The output of a process, read by a thread all the time: the process never waits for us.

    Args:
        stream: The reading end of the pipe that the process writes to.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        # Bytes that have come so far, kept or not.
        self._position = 0
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="service-log", daemon=True)
        self._reader.start()

    @property
    def position(self) -> int:
        """How many bytes have come so far: a place in the log, for `since`."""
        return self._position

    def since(self, position: int = 0) -> str:
        """Return what has come after a position; of much, only the end."""
        with self._more:
            size = self._position - position
            shown = bytes(self._kept[-min(size, SHOWN) :]) if size else b""
        left_out = size - len(shown)
        return f"[{left_out} bytes before]\n" * bool(left_out) + shown.decode(errors="replace")

    def wait_until_quiet(self) -> None:
        """Wait for what is on its way: until nothing has come for QUIET, at most SETTLE seconds."""
        deadline = time.monotonic() + SETTLE
        with self._more:
            while self._more.wait(QUIET) and time.monotonic() < deadline:
                pass

    def close(self) -> None:
        """Read the rest and let go of the pipe; the process must have ended."""
        self._reader.join(SETTLE)
        self._stream.close()

    def _read(self) -> None:
        while data := self._stream.read1(65536):  # type: ignore[attr-defined]
            with self._more:
                self._kept += data
                self._position += len(data)
                del self._kept[:-KEPT]
                self._more.notify_all()


RUNNING: Final = pytest.StashKey[ServiceLog]()
"""In the stash of pytest's config: the log of the service that this session has started."""

_START: Final = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take note of how far the log was when the test began."""
    log = item.config.stash.get(RUNNING, None)
    item.stash[_START] = log.position if log else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failing test what the service wrote during it."""
    report = yield
    log = item.config.stash.get(RUNNING, None)
    if log and report.failed and "service_process" in getattr(item, "fixturenames", ()):
        log.wait_until_quiet()
        text = log.since(item.stash[_START])
        item.stash[_START] = log.position
        if text:
            report.sections.append((f"Log of the service during {report.when}", text))
    return report
