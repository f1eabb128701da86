"""Kills processes with SIGKILL while they write a cache file, and looks at the file each time.

A program: `python -m tests.helpers.killed_writers PATH KILLS`. It has one thread, and so may fork.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from app.config_updates.cache_file import CacheFile

VALUES = 500
"""In a file; all of them are the same number."""


def number_in(path: Path) -> int:
    """Return the number that all values of a whole file are.

    Raises:
        AssertionError, ValueError: it is not whole, or has values of more than one writing.
    """
    values = json.loads(path.read_bytes())
    numbers = set(values.values())
    assert len(values) == VALUES
    assert len(numbers) == 1, numbers
    return int(numbers.pop())


def write_for_ever(path: Path, number: int, told: int, step: int = 1) -> None:
    """Write one number after the other, and a byte into `told` for each."""
    cache = CacheFile(path)
    while True:
        number += step
        cache.write({f"VALUE_{each}": number for each in range(VALUES)})
        os.write(told, b".")


def kill_a_writer(path: Path, number: int, seconds: float) -> None:
    """Let a process write at least once, go on for some time, and die."""
    has_told, told = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            write_for_ever(path, number, told)
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(has_told, 1) == b"."
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(has_told)


def main() -> None:
    path, kills = Path(sys.argv[1]), int(sys.argv[2])
    moments = random.Random(8)
    last = 0
    for _ in range(kills):
        kill_a_writer(path, last, moments.uniform(0.0, 0.005))
        number = number_in(path)
        assert number > last
        last = number
    sys.stdout.write(f"{kills} killed, the last number is {last}\n")


if __name__ == "__main__":
    main()
