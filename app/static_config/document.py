"""The values that a config file holds, and where each of them stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OptionPath = tuple[str | int, ...]
"""The keys, and the positions in lists, that lead to an option."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    Args:
        file: The file; or what else the values came from.
        line: Its line there, the first one is 1; None where there are no lines.
        origin: Where the value was taken from, if something at this place only refers to it.
    """

    file: str
    line: int | None = None
    origin: str = ""

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, with which option, and what."""

    place: Place
    path: OptionPath
    text: str

    def __str__(self) -> str:
        option = f"{dotted(self.path)}: " if self.path else ""
        origin = f" (from {self.place.origin})" if self.place.origin else ""
        line = f"{self.place}: {option}{self.text}{origin}"
        # Names of files and keys are anybody's; nothing in them makes a line of its own.
        return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


@dataclass(frozen=True, slots=True)
class Places:
    """The places of all options of a document.

    Args:
        document: The place of the document as a whole.
        options: Those that are known one by one.
    """

    document: Place
    options: Mapping[OptionPath, Place] = field(default_factory=dict)

    def of(self, path: OptionPath) -> Place:
        """Return the place of the option, or, if that is not known, of what it would stand in."""
        for length in range(len(path), 0, -1):
            if place := self.options.get(path[:length]):
                return place
        return self.document


@dataclass(frozen=True, slots=True)
class Document:
    """The plain values of a config file: mappings with text as keys, lists, scalars.

    Args:
        value: All of it.
        places: Where each option stands.
        written: How a scalar was written, where its value does not show that: `no` is false.
        undecided: Options whose values nobody knows, for a reason that is told among the problems.
        absent: Why an option that might have had a value has none.
        problems: What is wrong with the document itself.
    """

    value: object
    places: Places
    written: Mapping[OptionPath, str] = field(default_factory=dict)
    undecided: frozenset[OptionPath] = frozenset()
    absent: Mapping[OptionPath, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def has(self, path: OptionPath) -> bool:
        """Return whether there is a value at `path`, be it null."""
        return self._find(path) is not _NOTHING

    def value_at(self, path: OptionPath) -> object:
        """Return the value at `path`; None if there is none."""
        value = self._find(path)
        return None if value is _NOTHING else value

    def mapping(self, path: OptionPath = ()) -> Mapping[str, object]:
        """Return the mapping at `path`; an empty one if there is none."""
        value = self.value_at(path)
        return value if isinstance(value, Mapping) else {}

    def is_undecided(self, path: OptionPath) -> bool:
        """Return whether nobody knows what is at `path`."""
        return any(path[:length] in self.undecided for length in range(len(path) + 1))

    def hides(self, path: OptionPath) -> bool:
        """Return whether what is wrong at `path` may come of an undecided value only."""
        return self.is_undecided(path) or self.has_undecided_below(path)

    def has_undecided_below(self, path: OptionPath) -> bool:
        """Return whether nobody knows all that is at `path`."""
        return any(other[: len(path)] == path for other in self.undecided)

    def _find(self, path: OptionPath) -> object:
        value = self.value
        for key in path:
            if isinstance(value, Mapping):
                value = value.get(key, _NOTHING)
            elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
                value = value[key]
            else:
                return _NOTHING
        return value


_NOTHING = object()


def dotted(path: OptionPath) -> str:
    """Return the path as text; keys that would not be seen as one are in quotes."""
    return ".".join(
        repr(part) if isinstance(part, str) and not _is_clear(part) else str(part) for part in path
    )


def _is_clear(key: str) -> bool:
    return key.isprintable() and bool(key) and key.strip() == key and "." not in key
