"""Tells when a file may have changed."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchfiles import Change
from watchfiles._rust_notify import RustNotify

from app.config_updates.detached import run_detached
from app.config_updates.way import Way

logger = logging.getLogger(__name__)

_STEP: Final = 0.05
"""Seconds without another event after which those that have come are told; and the longest time
that a stop waits for a thread that is well."""

_DEBOUNCE: Final = 0.3
"""Seconds after which events are told, though more are coming."""

_POLL: Final = 1.0
"""Seconds between two looks of the library, on a system that has no inotify at all."""

RETRY_INTERVAL: Final = 60.0
"""Seconds after which what the kernel has refused is tried again: its limits can be raised."""

_STOP_TIMEOUT: Final = 0.5
"""Seconds that a stop waits for a thread, which may hang with its file system."""


class FileWatch:
    """Calls a function soon after a file may have changed, as far as the kernel tells.

    It tells at once what happens to the file, and to the folders and links that lead there, be they
    there yet or not. It does not tell what other machines do on a network file system, and nothing
    where the limits of inotify are reached: that is in the log.

    Args:
        path: The file.
        interval: Seconds after which the folders and links are looked at in any case.
        tell: Called on the event loop's thread; for the first time soon after the start.
    """

    def __init__(self, path: Path, interval: float, tell: Callable[[], None]) -> None:
        self._path: Final = path
        self._interval: Final = interval
        self._tell: Final = tell
        self._should_stop: Final = threading.Event()
        self._thread: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin; on the event loop that is to be told."""
        loop = asyncio.get_running_loop()
        watching = _Watching(self._path, self._interval, self._should_stop)

        def tell() -> None:
            loop.call_soon_threadsafe(self._tell)

        self._thread = run_detached(lambda: watching.run(tell), "file-watch")

    async def stop(self) -> None:
        """End it; then its thread has ended, too, unless that hangs."""
        self._should_stop.set()
        if self._thread is not None:
            await asyncio.wait([self._thread], timeout=_STOP_TIMEOUT)


class _Watching:
    """The part of a watch that runs in its thread."""

    def __init__(self, path: Path, interval: float, should_stop: threading.Event) -> None:
        self._path = path
        self._interval = interval
        self._should_stop = should_stop
        # What is watched, and by what; None where that cannot be had.
        self._way: Way | None = None
        self._notify: RustNotify | None = None
        self._tried_at = 0.0
        self._has_told_why = False

    def run(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever the file may have changed, until it should stop; for a thread."""
        try:
            while not self._should_stop.is_set():
                if self._has_happened():
                    tell()
        except Exception:
            logger.exception("%s: nothing tells any more when it changes", self._path)
        finally:
            self._close()

    def _has_happened(self) -> bool:
        """Wait, at most for the interval; return whether something has happened that matters."""
        # At first: a file system that hangs does so here, where it keeps no other thread from work.
        way = Way.to(self._path)
        if way == self._way and not self._is_another_try_due():
            longest = RETRY_INTERVAL if self._notify is None else self._interval
            return self._wait(way, min(self._interval, longest))
        self._watch(way)
        # Where things change all the time, not more often than that.
        self._should_stop.wait(_STEP)
        return True

    def _is_another_try_due(self) -> bool:
        return self._notify is None and time.monotonic() - self._tried_at >= RETRY_INTERVAL

    def _watch(self, way: Way) -> None:
        self._close()
        self._way = way
        self._tried_at = time.monotonic()
        try:
            self._notify = RustNotify(
                way.folders,
                debug=False,
                force_polling=False,
                poll_delay_ms=_milliseconds(_POLL),
                recursive=False,
                ignore_permission_denied=True,
            )
        except (OSError, RuntimeError, ValueError) as error:
            self._do_without(error)
        else:
            if self._has_told_why:
                self._has_told_why = False
                logger.info("%s: the kernel tells again when it changes", self._path.absolute())

    def _wait(self, way: Way, seconds: float) -> bool:
        """Return True as soon as something happens that matters; False when the time is over."""
        names = way.names
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._should_stop.is_set():
            kinds = {kind for kind, path in self._next_events(left) if path in names}
            if kinds - {Change.modified}:
                # Another folder may have the place of one that is gone, and even its inode.
                self._way = None
            if kinds:
                return True
        return False

    def _next_events(self, timeout: float) -> set[tuple[int, str]]:
        """Wait for events; return what happened to which paths."""
        if self._notify is None:
            self._should_stop.wait(timeout)
            return set()
        try:
            events = self._notify.watch(
                _milliseconds(_DEBOUNCE),
                _milliseconds(_STEP),
                _milliseconds(timeout),
                self._should_stop,
            )
        except (OSError, RuntimeError) as error:
            self._close()
            self._do_without(error)
            return set()
        # Else it tells why there are none.
        return events if isinstance(events, set) else set()

    def _do_without(self, error: Exception) -> None:
        if not self._has_told_why:
            self._has_told_why = True
            logger.warning(
                "%s: nothing tells when it changes (%s); it is looked at now and then",
                self._path.absolute(),
                error,
            )

    def _close(self) -> None:
        if self._notify is not None:
            self._notify.close()
            self._notify = None


def _milliseconds(seconds: float) -> int:
    # Never 0, which the library takes for no end.
    return max(1, round(seconds * 1000))
