"""What a benchmark ran on, and when."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def describe(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """Return what a reader of figures wants to know of the machine."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(cpuinfo),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def processor(cpuinfo: Path) -> str:
    """Return the name of the processor, or its kind if the file has no name."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()
