"""From JSON text to a document."""

import json
import re
from dataclasses import dataclass, field
from typing import Final

from app.static_config.document import Document, OptionPath, Place, Places, Problem
from app.static_config.errors import ConfigFileError
from app.static_config.yaml_document import decode


def parse_json(data: bytes, file: str) -> Document:
    """Return the document that `data` holds.

    Args:
        data: JSON in UTF-8.
        file: What it was read from, for places.

    Raises:
        ConfigFileError: it is no JSON (RFC 8259) at all. The same key twice in one object, and
            numbers that JSON has not, are among the problems of the document.
    """
    text = decode(data, file)
    if not text.strip():
        raise _invalid(Place(file, 1), "the file is empty; write {} at least")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise _invalid(Place(file, error.lineno), _reason(error)) from None
    except RecursionError:
        raise _invalid(Place(file), "nested too deeply") from None
    except ValueError:
        # Python reads no integer of more than 4300 digits.
        raise _invalid(Place(file), "a number is too long") from None
    scanner = _Scanner(file)
    scanner.scan(text)
    places = Places(scanner.places[()], scanner.places)
    return Document(value, places, problems=tuple(scanner.problems))


@dataclass(slots=True)
class _Open:
    """A collection that has begun and not ended yet."""

    path: OptionPath
    is_object: bool
    key: str | None = None
    position: int = 0
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def member(self) -> OptionPath:
        """The path of the member that is being read."""
        return (*self.path, self.position if self.key is None else self.key)


class _Scanner:
    """Goes through a text that the json module has read, for what that does not tell.

    That is: where each value stands, keys that an object has twice, and numbers that JSON has not.
    """

    def __init__(self, file: str) -> None:
        self.places: dict[OptionPath, Place] = {}
        self.problems: list[Problem] = []
        self._file = file
        self._open: list[_Open] = []

    def scan(self, text: str) -> None:
        line, end = 1, 0
        for token in _TOKEN.finditer(text):
            line += text.count("\n", end, token.start())
            end = token.start()
            self._take(token.group(), line)

    def _take(self, token: str, line: int) -> None:
        inner = self._open[-1] if self._open else None
        if token in ("}", "]"):
            self._open.pop()
        elif token == "," and inner is not None:
            inner.key = None
            inner.position += 1
        elif inner is not None and inner.is_object and inner.key is None:
            self._take_key(inner, json.loads(token), line)
        elif token != ":":
            self._take_value(inner.member if inner else (), token, line)

    def _take_key(self, inner: _Open, key: str, line: int) -> None:
        inner.key = key
        place = Place(self._file, line)
        if key in inner.lines:
            text = f"the same key is in line {inner.lines[key]} already"
            self.problems.append(Problem(place, inner.member, text))
        inner.lines.setdefault(key, line)
        self.places[inner.member] = place

    def _take_value(self, path: OptionPath, token: str, line: int) -> None:
        place = self.places.setdefault(path, Place(self._file, line))
        if token in ("{", "["):
            self._open.append(_Open(path, is_object=token == "{"))
        elif token in _NO_JSON:
            self.problems.append(Problem(place, path, f"not valid JSON: {token} is no value"))


_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')

_NO_JSON: Final = frozenset({"NaN", "Infinity", "-Infinity"})
"""What Python's json module reads all the same."""


def _reason(error: json.JSONDecodeError) -> str:
    message = error.msg.removesuffix(" at").removesuffix(" starting")
    return f"{message}{_HINTS.get(message, '')}"


_HINTS: Final = {
    "Expecting property name enclosed in double quotes": ", or a comma is too many, or a comment",
    "Invalid control character": r"; within a text write \t and \n",
}


def _invalid(place: Place, reason: str) -> ConfigFileError:
    return ConfigFileError([Problem(place, (), f"not valid JSON: {reason}")])
