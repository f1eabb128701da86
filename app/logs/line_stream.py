"""Whole lines on a descriptor, without waiting for whoever reads them."""

import contextlib
import itertools
import os
import select
import stat
import time
from collections.abc import Sequence
from typing import Final

FILE_CHUNK: Final = 64 * 1024
"""Bytes that go to a file with one system call."""

_PAUSE = 0.1
"""Seconds after which a terminal that has refused to take anything is tried again."""


class LineStream:
    """Writes to a file, a pipe, a terminal or a socket that other processes may write to as well.

    So that lines do not mingle, each system call writes whole lines: many to a file, to anything
    else at most PIPE_BUF bytes, which a pipe takes whole or not at all (POSIX, write). Only a line
    that is longer than that is written in pieces.

    Args:
        descriptor: Belongs to the stream from now on.
        after_break: Whether the output ends with a line that was broken off.
    """

    def __init__(self, descriptor: int, *, after_break: bool = False) -> None:
        self._descriptor = descriptor
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._chunk = FILE_CHUNK if is_file else select.PIPE_BUF
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        # Bytes of the first line that are out.
        self._sent = 0
        self._after_break = after_break
        # Whether the output has taken nothing although it had said that it would.
        self._refuses = False

    @property
    def is_broken(self) -> bool:
        """True if the last line that was begun has not come to its end."""
        return self._after_break or self._sent > 0

    def write(self, lines: Sequence[bytes]) -> int:
        """Write the first of `lines`, as far as they go at once, and return how many are out.

        If none are, the output takes no more: `wait`, and give the same lines again, or `abandon`
        the first one, part of which may be out.

        Raises:
            OSError: the output has failed; nothing is known to have been written.
        """
        # Where polling fails, writing fails, too, and says why.
        while lines and self._poll.poll(0):
            try:
                self._sent += self._write_chunk(lines)
            except BlockingIOError:
                self._refuses = True
                break
            out = self._count_sent(lines)
            if out:
                return out
        return 0

    def wait(self, timeout: float) -> None:
        """Wait until the output takes more, at most so many seconds."""
        if self._refuses:
            # A terminal that nobody reads says for ever that it would, and then does not.
            self._refuses = False
            time.sleep(min(timeout, _PAUSE))
        else:
            self._poll.poll(timeout * 1000)

    def abandon(self) -> None:
        """Forget the line that was written last, if it has not come to its end.

        The next one begins on a line of its own.
        """
        self._after_break = self.is_broken
        self._sent = 0

    def has_vanished(self) -> bool:
        """Tell whether what is written goes to a file that has been deleted."""
        return os.fstat(self._descriptor).st_nlink == 0

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _write_chunk(self, lines: Sequence[bytes]) -> int:
        if self._after_break:
            os.write(self._descriptor, b"\n")
            self._after_break = False
        parts = [lines[0][self._sent :][: self._chunk]]
        room = self._chunk - len(parts[0])
        for line in itertools.islice(lines, 1, None):
            room -= len(line)
            if room < 0:
                break
            parts.append(line)
        return os.write(self._descriptor, b"".join(parts))

    def _count_sent(self, lines: Sequence[bytes]) -> int:
        """Return how many lines are out, and keep in mind how much of the next one is."""
        for count, line in enumerate(lines):
            if self._sent < len(line):
                return count
            self._sent -= len(line)
        return len(lines)


def own_descriptor(descriptor: int) -> int:
    """Return a descriptor for the same output that is nobody else's.

    That of a pipe or a terminal never blocks: it is opened anew where the operating system allows
    that, since setting O_NONBLOCK on a duplicate would set it for all processes that share it.
    All others are duplicated: they are written to only when they say that they take more, which is
    enough for files and sockets. So is a pipe or terminal that may not be opened, as after a change
    of user; there a write may block if another process has just taken the room.

    Raises:
        OSError: there is no such descriptor.
    """
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode) or os.isatty(descriptor):
        with contextlib.suppress(OSError):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    return os.dup(descriptor)
