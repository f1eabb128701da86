"""Where lines go: a file, stderr, stdout, or nowhere."""

import contextlib
import errno
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from typing_extensions import override

from app.logs.line_stream import LineStream, own_descriptor

RETRY_INTERVAL: Final = 1.0
"""Seconds after which an output that has failed is tried again."""

_STREAMS: Final = {"@stdout": 1, "@stderr": 2}


class Target:
    """What a writer writes to, from one thread at a time: the base of all, and takes everything."""

    is_terminal = False

    def open(self) -> None:
        """Open the output, as the first `write` does.

        Raises:
            OSError: that does not go.
        """

    def write(self, lines: Sequence[bytes]) -> int:
        """Write the first of `lines` and return how many, as `LineStream.write` does.

        Raises:
            OSError: the output has failed, now or less than RETRY_INTERVAL seconds ago.
        """
        return len(lines)

    def wait(self, timeout: float) -> None:
        """Wait until the output takes more, at most so many seconds."""

    def abandon(self) -> None:
        """The first of the lines that were given last will not be given again."""

    def reopen(self) -> None:
        """Go on with the file that has the name now; no effect on what is no file.

        Raises:
            OSError: there is none that could be written; `write` tries again.
        """

    def close(self) -> None:
        """Write no more."""


def make_target(file_path: str) -> Target:
    """Return the target that a config names: `@stderr`, `@stdout`, `@null`, or a file.

    A file is opened when the first line is written; the streams, right now.
    """
    if file_path == "@null":
        return NullTarget()
    if file_path in _STREAMS:
        return StreamTarget(file_path)
    return FileTarget(Path(file_path))


class NullTarget(Target):
    """Takes all lines and keeps none."""

    def __str__(self) -> str:
        return "@null"


class _StreamedTarget(Target, ABC):
    """A target that may fail, and is not tried too often then."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream: LineStream | None = None
        # Number and text of the last error, until a write succeeds.
        self._failure: tuple[int | None, str | None] | None = None
        self._retry_at = 0.0

    def __str__(self) -> str:
        return self._name

    @override
    def open(self) -> None:
        self._open_stream()

    @override
    def write(self, lines: Sequence[bytes]) -> int:
        if self._failure is not None and time.monotonic() < self._retry_at:
            raise OSError(*self._failure)
        try:
            written = self._open_stream().write(lines)
        except OSError as error:
            self._failure = error.errno, error.strerror
            self._retry_at = time.monotonic() + RETRY_INTERVAL
            self._has_failed()
            raise
        self._failure = None
        return written

    @override
    def wait(self, timeout: float) -> None:
        if self._stream is not None:
            self._stream.wait(timeout)

    @override
    def abandon(self) -> None:
        if self._stream is not None:
            self._stream.abandon()

    @override
    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    @abstractmethod
    def _open_stream(self) -> LineStream:
        """Return the stream to write to, opened if need be. May raise OSError."""

    def _has_failed(self) -> None:
        """Prepare for the next attempt."""


class StreamTarget(_StreamedTarget):
    """The process's own stderr or stdout, as it is now: later it may be closed or redirected."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        descriptor = _STREAMS[name]
        standard = {1: sys.__stdout__, 2: sys.__stderr__}[descriptor]
        # Python has none if it was closed at start; the number may be any file's since. If it was
        # closed later there is an error. Either way each line is lost and counted.
        with contextlib.suppress(OSError):
            if standard is not None:
                self._stream = LineStream(own_descriptor(descriptor))
                self.is_terminal = os.isatty(descriptor)

    @override
    def _open_stream(self) -> LineStream:
        if self._stream is None:
            raise OSError(errno.EBADF, f"{self._name} is closed")
        return self._stream


class FileTarget(_StreamedTarget):
    """A file that is made, with its folders, if it is not there or has been deleted."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        # Of the folder that is the current one now.
        self._path = path.absolute()
        self._after_break = False

    @override
    def reopen(self) -> None:
        self._release()
        self._failure = None
        self.write([])

    @override
    def _open_stream(self) -> LineStream:
        if self._stream is not None and self._stream.has_vanished():
            self._release()
            self._after_break = False
        if self._stream is None:
            # Of what is there, but no folder, opening says so in better words.
            with contextlib.suppress(FileExistsError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
            # A named pipe that nobody reads fails instead of waiting.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
            descriptor = os.open(self._path, flags, 0o644)
            self._stream = LineStream(descriptor, after_break=self._after_break)
        return self._stream

    @override
    def _has_failed(self) -> None:
        # What is wrong with the descriptor may not be wrong with the path: a file system may have
        # been mounted anew.
        self._release()

    def _release(self) -> None:
        if self._stream is not None:
            self._after_break = self._stream.is_broken
            self.close()
