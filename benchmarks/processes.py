"""Processes as /proc shows them (Linux only)."""

import re
import resource
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


def family(pid: int, proc: Path = PROC) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for each in found:
        for children in sorted((proc / str(each)).glob("task/*/children")):
            found += map(int, children.read_text().split())
    return found


def resident_bytes(pids: list[int], proc: Path = PROC) -> int:
    """Return the resident memory of processes; what they share counts for each of them."""
    return sum(_resident(proc / str(pid) / "status") for pid in pids)


def _resident(status: Path) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0  # a process that has just ended has none


def socket_count(pid: int, proc: Path = PROC) -> int:
    """Return how many sockets a process has open."""
    files = (proc / str(pid) / "fd").iterdir()
    return sum(_target(file).startswith("socket:") for file in files)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def raise_open_files() -> int:
    """Let this process and its children open as many files as they may; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
