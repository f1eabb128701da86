"""The memory of a service's worker, as /proc shows it (Linux only)."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

MIB: Final = 1 << 20


@dataclass
class Growth:
    """Bytes of memory: what was held before, and how much more at most and in the end."""

    before: int
    peak: int = 0
    after: int = 0


class WorkerMemory:
    """Watches how the memory of a process grows."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    @classmethod
    def of_the_one_worker(cls, parent: int) -> Self:
        """Return that of the one worker of a service, or of the service if it has none."""
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        workers = [
            int(pid) for pid in children if "main-worker" in Path(f"/proc/{pid}/comm").read_text()
        ]
        (pid,) = workers or [parent]
        return cls(pid)

    @contextlib.contextmanager
    def growth(self) -> Iterator[Growth]:
        """Measure while the block runs; the figures are there when it is left."""
        (self._folder / "clear_refs").write_text("5")  # the peak begins with what is held now
        growth = Growth(self._bytes("VmRSS"))
        yield growth
        growth.peak = self._bytes("VmHWM") - growth.before
        growth.after = self._bytes("VmRSS") - growth.before

    def _bytes(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+) kB$", (self._folder / "status").read_text(), re.M)
        assert found, name
        return int(found[1]) * 1024
