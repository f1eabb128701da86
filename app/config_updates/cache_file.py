"""The file that keeps the last values for the next start."""

import contextlib
import glob
import json
import os
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.dynamic_config.reading import read_json
from app.static_config.document import Document

_NEW: Final = ".new"

_STALE_AFTER: Final = 60.0
"""Seconds after which a file that is not complete is one that nobody writes any more."""

_NEW_MODE: Final = 0o600
"""Of a file that was not there before: a value may have a password in it."""


class CacheFile:
    """A JSON file that is whole at any moment, whoever is killed while it is written.

    Any number of processes may write it; the last one wins. Who may read it stays as it is; at
    first nobody else may. Blocks: for a task processor.

    Args:
        path: Where it is; folders are made. A link stays one: what it leads to is replaced.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path.absolute()

    def read(self) -> Document:
        """Return the values by the names of their variables.

        Raises:
            OSError, ValueError: it cannot be read.
            ConfigFileError: it is no JSON, or holds no object.
        """
        return read_json(self.path)

    def write(self, values: Mapping[str, object]) -> None:
        """Put these values, as they stand in JSON, in the place of those that it has.

        Raises:
            OSError: it cannot be written; it is as it was.
        """
        target = Path(os.path.realpath(self.path))
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(target)
        mode = _mode_of(target)
        descriptor, name = tempfile.mkstemp(_NEW, f".{target.name}.", target.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor)
                json.dump(values, file, indent=4, sort_keys=True)
                file.write("\n")
                file.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            os.replace(name, target)  # noqa: PTH105 (a text)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(target.parent)


def _mode_of(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return _NEW_MODE


def _remove_stale(target: Path) -> None:
    """Remove what processes have left that were killed while they wrote."""
    # By the clock of the file system, which need not be ours.
    now = time.time()
    for left in target.parent.glob(f".{glob.escape(target.name)}.*{_NEW}"):
        with contextlib.suppress(OSError):
            if now - left.stat().st_mtime > _STALE_AFTER:
                left.unlink()


def _sync_folder(path: Path) -> None:
    # The new name survives a power cut, too, where the file system can do that.
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
