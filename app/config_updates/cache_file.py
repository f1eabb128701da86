"""The file that keeps the last values for the next start."""

import contextlib
import glob
import json
import os
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

_MODE: Final = 0o644


class CacheFile:
    """A JSON file that is whole at any moment, whoever is killed while it is written.

    Any number of processes may write it; the last one wins. Blocks: for a task processor.

    Args:
        path: Where it is; folders are made.
    """

    def __init__(self, path: Path) -> None:
        # A link stays one: what it leads to is replaced.
        self.path: Final = Path(os.path.realpath(path))

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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._remove_stale()
        descriptor, name = tempfile.mkstemp(_NEW, f".{self.path.name}.", self.path.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor)
                json.dump(values, file, indent=4, sort_keys=True)
                file.write("\n")
                file.flush()
                os.fchmod(descriptor, _MODE)
                os.fsync(descriptor)
            os.replace(name, self.path)  # noqa: PTH105 (a text)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        self._sync_folder()

    def _remove_stale(self) -> None:
        """Remove what processes have left that were killed while they wrote."""
        # By the clock of the file system, which need not be ours.
        now = time.time()
        for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*{_NEW}"):
            with contextlib.suppress(OSError):
                if now - left.stat().st_mtime > _STALE_AFTER:
                    left.unlink()

    def _sync_folder(self) -> None:
        # The new name survives a power cut, too, where the file system can do that.
        with contextlib.suppress(OSError):
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
