"""A file with the values of the dynamic config."""

import asyncio
import contextlib
import errno
import functools
import hashlib
import math
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from app.config_updates.detached import run_detached
from app.config_updates.errors import UpdateError
from app.config_updates.updates import Unchanged, Values
from app.dynamic_config.json_document import parse_json
from app.static_config.config_file import unreadable
from app.static_config.document import Document, OptionPath, Place, Places, Problem
from app.static_config.errors import ConfigFileError
from app.static_config.yaml_document import parse_yaml

MAX_SIZE: Final = 16 * 1024 * 1024
"""Bytes of the largest file that is read."""

READ_TIMEOUT: Final = 5.0
"""Seconds after which a file that is still being read counts as one that cannot be."""

PATIENCE: Final = (0.0, 10.0, 100.0, 1000.0)
"""Seconds for which the last read must have hung before there is another one, by how many hang.

A file system that is there again may never end a read that began before. No more hang than these.
"""

_SETTLE_TIME: Final = 0.05
"""Seconds for which new contents must stay the same: who writes a file may not be done."""

_MOST_READS: Final = 10
"""How often a file is read until they do; one that is written all the time is taken as it is."""

_YAML: Final = frozenset({".yaml", ".yml"})

_REVISION_DIGITS: Final = 12


class ValuesFile:
    """An origin: a JSON file, or a YAML file if its name says so.

    What its values are called is the beginning of its SHA-256. One `fetch` at a time.

    Args:
        path: Where it is; links are followed anew each time.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        # What was read last, and what of that was taken.
        self._last: _Contents | None = None
        self._taken: _Contents | None = None
        # When those reads began that have not ended: they hang, but for the one that is waited for.
        self._hanging: list[float] = []

    async def fetch(self, *, briefly: bool = False) -> Values | Unchanged:
        """Return the values in the file, if they are not those that were taken last.

        Raises:
            UpdateError: it cannot be read, or not in time.
        """
        self._last = await self._read_in_time()
        if self._last == self._taken:
            return Unchanged(self._last.values.revision)
        return self._last.values

    def taken(self) -> None:
        """What `fetch` has returned last are the present values now."""
        self._taken = self._last

    async def _read_in_time(self) -> "_Contents":
        now = asyncio.get_running_loop().time()
        hanging = len(self._hanging)
        if hanging == len(PATIENCE):
            text = f"{hanging} reads hang; when the file can be read again, restart the service"
            raise UpdateError(f"{self._path.absolute()}: {text}")
        if not hanging or now - self._hanging[-1] >= PATIENCE[hanging]:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_TIMEOUT):
                    read = functools.partial(self._read_noted, now)
                    return await run_detached(read, "values-file")
        text = f"not read within {READ_TIMEOUT:.0f} s"
        raise UpdateError(f"{self._path.absolute()}: {text}")

    def _read_noted(self, now: float) -> "_Contents":
        self._hanging.append(now)
        try:
            return self._read()
        finally:
            self._hanging.remove(now)

    def _read(self) -> "_Contents":
        """Return what the file holds now; in a thread, since it may take any time.

        Raises:
            UpdateError: it cannot be read.
        """
        data = read_file(self._path)
        for _ in range(_MOST_READS - 1):
            digest = hashlib.sha256(data).hexdigest()
            if self._last is not None and digest == self._last.digest:
                return self._last
            time.sleep(_SETTLE_TIME)
            before, data = data, read_file(self._path)
            if data == before:
                break
        return _contents(data, self._path)


def read_file(path: Path) -> bytes:
    """Return what a file with values holds. May take any time.

    Raises:
        UpdateError: it cannot be read.
    """
    try:
        with open(path, "rb", opener=open_regular) as file:
            data = file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        raise UpdateError(unreadable(path, error)) from None
    if len(data) > MAX_SIZE:
        text = f"larger than {MAX_SIZE // 1024**2} MiB, which is no file with values"
        raise UpdateError(f"{path.absolute()}: {text}")
    return data


def open_regular(path: str, flags: int) -> int:
    """Open a regular file: nobody knows when something comes out of another one, as of a pipe.

    Raises:
        OSError: it is none, or cannot be opened.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "a pipe or a device, expected a regular file")


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a file holds; two are the same if their bytes are."""

    digest: str
    values: Values = field(compare=False)


def _contents(data: bytes, path: Path) -> _Contents:
    digest = hashlib.sha256(data).hexdigest()
    file = str(path.absolute())
    try:
        document = parse_values_file(data, path)
    except ConfigFileError as error:
        # Nobody can take this one; and it is told why as often as somebody tries.
        document = Document({}, Places(Place(file)), problems=error.problems)
    return _Contents(digest, Values(document, file, digest[:_REVISION_DIGITS]))


def parse_values_file(data: bytes, path: Path) -> Document:
    """Return the object that a file holds: variable names and their values.

    Args:
        data: The contents of the file.
        path: Its path, the end of which tells YAML from JSON.

    Raises:
        ConfigFileError: it is neither, or holds no object. What else is wrong, be it only that JSON
            has no such value, is among the problems of the document.
    """
    parse = parse_yaml if path.suffix.lower() in _YAML else parse_json
    document = parse(data, str(path.absolute()))
    if not isinstance(document.value, dict):
        # An empty YAML file is no empty object: more probably its contents are still to come.
        is_empty = document.value is None and parse is parse_yaml
        empty, other = "the file is empty; write {} at least", "expected an object"
        text = empty if is_empty else f"{other}: variable names and their values"
        raise ConfigFileError([Problem(document.places.document, (), text)])
    told = {problem.path for problem in document.problems}
    not_finite = [
        Problem(document.places.of(path), path, "expected a finite number, as JSON has them")
        for path in _not_finite(document.value, ())
        if path not in told
    ]
    return replace(document, problems=(*document.problems, *not_finite))


def _not_finite(value: object, path: OptionPath) -> Iterator[OptionPath]:
    """Yield where a value has a number that the cache could not keep."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _not_finite(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _not_finite(item, (*path, index))
    elif isinstance(value, float) and not math.isfinite(value):
        yield path
