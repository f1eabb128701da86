"""From YAML text to a document.

The YAML of PyYAML (1.1) without what surprises: numbers to the base 60 (`1:30`), octal numbers
without an `o` (`010`), dates, and tags are no values; a key is the text that is written (`on` and
`8080` are text), and twice the same key is a mistake.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from yaml import MarkedYAMLError
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from app.static_config.document import Document, OptionPath, Place, Places, Problem
from app.static_config.errors import ConfigFileError

MAX_VALUES: Final = 100_000
"""Values of one document, each alias counted as what it stands for."""


def parse_yaml(data: bytes, file: str) -> Document:
    """Return the document that `data` holds; one without anything in it has the value None.

    Of a key that is there twice it has the first value; what is no value, it has as undecided.

    Args:
        data: YAML in UTF-8.
        file: What it was read from, for places.

    Raises:
        ConfigFileError: it is no YAML at all.
    """
    text = decode(data, file)
    try:
        node = _compose(text, file)
        builder = _Builder(file)
        value = None if node is None else builder.build(node, ())
    except RecursionError:
        raise _invalid(Place(file), "nested too deeply") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"the character {chr(error.character)!r} is not allowed"
        raise _invalid(Place(file, line), reason) from None
    except MarkedYAMLError as error:
        raise _invalid(_place(file, error), _reason(error)) from None
    first_line = 1 if node is None else node.start_mark.line + 1
    return Document(
        value,
        Places(Place(file, first_line), builder.places),
        builder.written,
        undecided=frozenset(builder.undecided),
        problems=tuple(builder.problems),
    )


def _compose(text: str, file: str) -> Node | None:
    loader = _Loader(text)
    try:
        node: Node | None = loader.get_single_node()
    except (ValueError, OverflowError):
        # PyYAML looks at the digits of an escape only.
        place = Place(file, loader.get_mark().line + 1)
        raise _invalid(place, "an escape that stands for no character") from None
    finally:
        loader.dispose()
    return node


def decode(data: bytes, file: str) -> str:
    """Return the text of a config file.

    Raises:
        ConfigFileError: it is not in UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(file, data.count(b"\n", 0, error.start) + 1)
        text = f"not UTF-8 (byte {data[error.start]:#x}); save the file as UTF-8"
        raise ConfigFileError([Problem(place, (), text)]) from None


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's way from text to nodes, with our own idea of which scalar is what."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)


_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"

_LARGEST = 2**63

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _integer(text: str) -> int:
    value = int(text, 0)
    if abs(value) > _LARGEST:
        raise ValueError(text)
    return value


def _number(text: str) -> float:
    plain = text.lower().replace("_", "")
    return float(plain.replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: Final[dict[str, Callable[[str], object]]] = {
    f"{_TAG}str": str,
    f"{_TAG}null": {"": None, "~": None, "null": None, "Null": None, "NULL": None}.__getitem__,
    f"{_TAG}bool": lambda text: _BOOLEANS[text.lower()],
    f"{_TAG}int": _integer,
    f"{_TAG}float": _number,
}

_NUMBERS: Final = frozenset({f"{_TAG}int", f"{_TAG}float"})

# Kind, how it is written, and the characters with which that can begin.
_PLAIN_SCALARS = [
    (
        "bool",
        r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        "yYnNtTfFoO",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9](_?[0-9])*|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+)", "-+0123456789"),
    (
        "float",
        r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
]
for _kind, _pattern, _first in _PLAIN_SCALARS:
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


_Member = tuple[str, Node, Node]
"""A member of a mapping: the text of its key, the key, the value."""


_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Builder:
    """Makes plain values of nodes, notes where they stand, and collects what is wrong."""

    def __init__(self, file: str) -> None:
        self.places: dict[OptionPath, Place] = {}
        self.written: dict[OptionPath, str] = {}
        self.undecided: set[OptionPath] = set()
        self.problems: list[Problem] = []
        self._file = file
        self._count = 0
        self._members: dict[int, list[_Member]] = {}
        # The collections that are being built: one that contains itself is among them.
        self._open: set[int] = set()

    def build(self, node: Node, path: OptionPath) -> object:
        """Return what a node stands for; what is wrong with it is among the problems."""
        self._count_value()
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._leave_undecided(node, path, "an alias for something that contains it")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, path)
            if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
                return self._list(node, path)
            self._leave_undecided(node, path, f"unknown tag {_short(node.tag)!r}")
            return None
        finally:
            self._open.remove(id(node))

    def _scalar(self, node: ScalarNode, path: OptionPath) -> object:
        text: str = node.value
        if _LONE_SURROGATE.search(text):
            self._leave_undecided(node, path, "an escape that stands for no character")
            return None
        # A lone `<<` or `=` is text where it is no key.
        tag = f"{_TAG}str" if node.tag == _MERGE else node.tag
        if tag not in _SCALARS:
            self._leave_undecided(node, path, f"unknown tag {_short(tag)!r}")
            return None
        if tag != f"{_TAG}str":
            self.written[path] = text
        try:
            return _SCALARS[tag](text)
        except (KeyError, ValueError):
            kind = "number of at most 64 bits" if tag in _NUMBERS else _short(tag)
            self._leave_undecided(node, path, f"{text[:40]!r} is no {kind}")
            return None

    def _list(self, node: SequenceNode, path: OptionPath) -> list[object]:
        values = []
        for index, item in enumerate(node.value):
            self.places[(*path, index)] = self._place(item)
            values.append(self.build(item, (*path, index)))
        return values

    def _mapping(self, node: MappingNode, path: OptionPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, key, value in (*self._own(node, path), *self._merged(node, path)):
            # What is merged in comes behind what is there, whatever stands first.
            if name not in values:
                self.places[(*path, name)] = self._place(key)
                values[name] = self.build(value, (*path, name))
        return values

    def _own(self, node: MappingNode, path: OptionPath) -> list[_Member]:
        """Return the members that stand in a mapping, each key once; tells what is wrong once."""
        if id(node) not in self._members:
            members: dict[str, _Member] = {}
            for key, value in node.value:
                if not isinstance(key, ScalarNode):
                    self._refuse(key, path, "a key must be plain text")
                elif _LONE_SURROGATE.search(key.value):
                    self._refuse(key, path, "a key with an escape that stands for no character")
                elif key.value in members:
                    line = self._place(members[key.value][1]).line
                    text = f"the same key is in line {line} already"
                    self._refuse(key, (*path, key.value), text)
                elif key.tag != _MERGE:
                    members[key.value] = (key.value, key, value)
            self._members[id(node)] = list(members.values())
        return self._members[id(node)]

    def _merged(self, node: MappingNode, path: OptionPath) -> Iterator[_Member]:
        """Yield what `<<` brings into a mapping: the first of several that have a key wins."""
        for key, value in node.value:
            if key.tag == _MERGE:
                for source in value.value if isinstance(value, SequenceNode) else [value]:
                    yield from self._members_of(source, path)

    def _members_of(self, source: Node, path: OptionPath) -> Iterator[_Member]:
        if not isinstance(source, MappingNode) or source.tag != f"{_TAG}map":
            self._refuse(source, path, "'<<' takes a mapping, or a list of mappings")
        elif id(source) in self._open:
            self._refuse(source, path, "'<<' brings something that contains it")
        else:
            self._open.add(id(source))
            for member in (*self._own(source, path), *self._merged(source, path)):
                self._count_value()
                yield member
            self._open.remove(id(source))

    def _count_value(self) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            reason = f"more than {MAX_VALUES} values, with aliases counted as what they stand for"
            raise _invalid(Place(self._file), reason)

    def _leave_undecided(self, node: Node, path: OptionPath, text: str) -> None:
        self.undecided.add(path)
        self._refuse(node, path, text)

    def _refuse(self, node: Node, path: OptionPath, text: str) -> None:
        self.problems.append(Problem(self._place(node), path, text))

    def _place(self, node: Node) -> Place:
        return Place(self._file, node.start_mark.line + 1)


def _invalid(place: Place, reason: str) -> ConfigFileError:
    return ConfigFileError([Problem(place, (), f"not valid YAML: {reason}")])


def _place(file: str, error: MarkedYAMLError) -> Place:
    mark: Any = error.problem_mark or error.context_mark
    return Place(file, mark.line + 1) if mark else Place(file)


def _reason(error: MarkedYAMLError) -> str:
    context = error.context
    if context and error.context_mark and error.problem_mark:
        line = error.context_mark.line
        context += f" that begins in line {line + 1}" if line != error.problem_mark.line else ""
    reason = ", ".join(filter(None, (context, error.problem)))
    if "'\\t'" in reason:
        return f"{reason}; indent with blanks"
    return f"{reason}; put the text in quotes" if "cannot start any token" in reason else reason


def _short(tag: str) -> str:
    return tag.replace(_TAG, "!!")
