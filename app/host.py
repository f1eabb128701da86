"""What the machine that the service runs on has to give."""

import os
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")


def memory_limit(root: Path = _ROOT) -> int:
    """Return the bytes of memory that this process may have: the machine's, or its container's."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limits += _number_in(root / name)
    return min(limits)


def backlog_limit(root: Path = _ROOT) -> int | None:
    """Return how many connections the kernel lets wait to be accepted; None if it does not say."""
    return next(iter(_number_in(root / "proc/sys/net/core/somaxconn")), None)


def _number_in(path: Path) -> list[int]:
    """Return the number in a file of the kernel; nothing if there is none (`max`, no such file)."""
    try:
        return [int(path.read_text())]
    except (OSError, ValueError):
        return []
