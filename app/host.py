"""What the machine that the service runs on has to give."""

import contextlib
import os
import resource
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")

MAX_OPEN_FILES: Final = 1 << 20
"""More are not asked for, though a container may allow a thousand times as many: some programs that
a service starts try to close each file that there could be."""


def memory_limit(root: Path = _ROOT) -> int:
    """Return the bytes of memory that this process may have: the machine's, or its container's."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limits += _number_in(root / name)
    return min(limits)


def backlog_limit(root: Path = _ROOT) -> int | None:
    """Return how many connections the kernel lets wait to be accepted; None if it does not say."""
    return next(iter(_number_in(root / "proc/sys/net/core/somaxconn")), None)


def raise_open_files() -> int:
    """Let this process, and those that it starts, have as many files open as it may have.

    The limit that a shell gives, often 1024, is one that each process may raise: it is for those
    that cannot deal with more. A connection is a file. Returns the limit that holds then.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _number_in(path: Path) -> list[int]:
    """Return the number in a file of the kernel; nothing if there is none (`max`, no such file)."""
    try:
        return [int(path.read_text())]
    except (OSError, ValueError):
        return []
