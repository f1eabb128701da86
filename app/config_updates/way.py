"""The way from the root to a file: each folder and each link that leads there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_MOST_LINKS: Final = 40
"""Links that Linux follows on the way to one file, too."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A name that is looked up in a folder, which itself is no link.

    Args:
        folder: The path of the folder.
        identity: Its device and inode: of two folders with one path, which it is.
        name: The name.
    """

    folder: Path
    identity: tuple[int, int]
    name: str


@dataclass(frozen=True, slots=True)
class Way:
    """What is looked up on the way to a file.

    It is another way as soon as a link leads elsewhere, or a folder has come, has gone or has been
    replaced; not if only the file is another.
    """

    lookups: frozenset[Lookup]

    @classmethod
    def to(cls, path: Path) -> Self:
        """Return the way to `path`, as far as it goes now. Blocks."""
        return cls(frozenset(_lookups(path)))

    @property
    def folders(self) -> list[str]:
        """Where something can happen that matters."""
        return sorted({str(each.folder) for each in self.lookups})

    @property
    def names(self) -> set[str]:
        """The paths of what is looked up: what happens to others does not matter."""
        return {str(each.folder / each.name) for each in self.lookups}


def _lookups(path: Path) -> Iterator[Lookup]:
    path = path.absolute()
    folder, rest = _root(path), _names(path)
    links = 0
    while rest and links <= _MOST_LINKS:
        name = rest.pop()
        if name == "..":
            folder = folder.parent
            continue
        try:
            found = folder.stat()
        except (OSError, ValueError):
            return
        yield Lookup(folder, (found.st_dev, found.st_ino), name)
        here = folder / name
        try:
            target = here.readlink()
        except (OSError, ValueError):
            folder = here
        else:
            links += 1
            folder = _root(target) if target.is_absolute() else folder
            rest += _names(target)


def _root(path: Path) -> Path:
    return Path(path.anchor)


def _names(path: Path) -> list[str]:
    """Return the names in a path, the first one last."""
    return [part for part in reversed(path.parts) if part != path.anchor]
