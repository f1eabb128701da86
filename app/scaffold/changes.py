"""Changes of files that are made all together or not at all."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Change:
    """What a file shall hold.

    Args:
        path: The file, relative to the project.
        before: What it holds; None if there is none yet.
        after: What it shall hold.
    """

    path: Path
    before: str | None
    after: str


def make(root: Path, changes: Iterable[Change]) -> None:
    """Write the files, and the folders that they need, in a project.

    Raises:
        OSError: one could not be written; what was written before it has been undone.
    """
    with contextlib.ExitStack() as undo:
        for change in changes:
            path = root / change.path
            for folder in reversed([each for each in path.parents if not each.exists()]):
                folder.mkdir()
                undo.callback(folder.rmdir)
            undo.callback(_restore, path, change.before)
            _write(path, change.after)
        undo.pop_all()


def _restore(path: Path, before: str | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        _write(path, before)


def _write(path: Path, text: str) -> None:
    """Write the text as it is, whatever ends lines on this machine."""
    path.write_bytes(text.encode())
