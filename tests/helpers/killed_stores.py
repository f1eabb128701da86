"""Processes that write to the store of the config service, and are killed while they do.

`python -m tests.helpers.killed_stores FILE COUNT` starts COUNT of them, one after the other, kills
each with SIGKILL at a moment of chance, and checks that all that was acknowledged is there. A
process of its own, since it forks: a fork is fast, and this one has no threads.
"""

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

from app.config_service.changes import Draft, Level, Selection, Target
from app.config_service.sqlite_store import SqliteStore


def write_until_killed(path: Path, acknowledge: int) -> None:
    """Append changes, two at a time, and tell the revision of the second when both are kept."""
    store = SqliteStore(path)
    revision = len(store.read(Selection()))
    while True:
        # What is written is not small: the file grows, and its log is copied back now and then.
        drafts = [
            Draft(Target("A", Level()), f'"{revision + n}{"x" * 500}"', None, "who", "why")
            for n in (1, 2)
        ]
        revision = store.append(drafts, revision)[-1].revision
        os.write(acknowledge, b"%d\n" % revision)


def killed_writer(path: Path, chance: random.Random) -> int:
    """Return the last revision that a writer told to be kept, before it was killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        with contextlib.suppress(BaseException):
            write_until_killed(path, writing)
        os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as acknowledged:
        last = 0
        for _ in range(chance.randrange(4)):
            last = int(acknowledged.readline())
        time.sleep(chance.random() * 0.004)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise SystemExit("a writer ended by itself")
        for line in acknowledged:
            last = int(line)
    return last


def main() -> None:
    path, count = Path(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(0)
    kept = 0
    for number in range(count):
        acknowledged = killed_writer(path, chance)
        store = SqliteStore(path)
        changes = store.read(Selection())
        store.close()
        revisions = [each.revision for each in changes]
        if revisions != list(range(1, len(revisions) + 1)) or len(revisions) % 2:
            raise SystemExit(f"kill {number}: a revision is missing, or half of two: {revisions}")
        if len(revisions) < max(acknowledged, kept):
            raise SystemExit(f"kill {number}: {acknowledged} acknowledged, {len(revisions)} kept")
        if any(not (each.draft.value or "").startswith(f'"{each.revision}x') for each in changes):
            raise SystemExit(f"kill {number}: a value is not what was written")
        kept = len(revisions)
    print(kept)  # noqa: T201 (the test reads it)


if __name__ == "__main__":
    main()
