"""config/static_config.yaml, which has a section for each component."""

import copy
from pathlib import Path
from typing import Any, Final

import yaml

from app.scaffold.errors import UnexpectedFileError
from app.scaffold.names import HandlerNames

PATH: Final = Path("config/static_config.yaml")

PARENTS: Final = ("components_manager", "components")
"""The keys that lead to the sections."""

WHERE: Final = ".".join(PARENTS)

INDENTATION: Final = 4

Section = dict[str, Any]


def sections(text: str) -> Section:
    """Return the sections of the components.

    Raises:
        UnexpectedFileError: it is no YAML, or there are none where they belong.
    """
    return _sections(_load(text))


def url_paths(text: str) -> set[str]:
    """Return the URL paths of the handlers, without a slash at the end.

    Raises:
        UnexpectedFileError: see `sections`.
    """
    options = (section for section in sections(text).values() if isinstance(section, dict))
    return {str(section["path"]).rstrip("/") for section in options if "path" in section}


def section_text(names: HandlerNames, column: int = 0, step: int = INDENTATION) -> str:
    """Return the section of a handler, its comments one below the other.

    Args:
        names: The handler.
        column: By how many spaces it is indented.
        step: By how many more its options are.
    """
    option = " " * step
    table = [
        (f"{names.section}:", f"app/{names.package}/handler.py"),
        (f"{option}path: {names.url_path}", ""),
        (
            f"{option}# url_trailing_slash: both",
            "with and without a slash at the end; or strict-match",
        ),
        (f"{option}method: GET", ""),
        (f"{option}max-remote-payload: 65536", "bytes of a message; a longer one closes with 1009"),
        (f"{option}fragment-size: 65536", "bytes of a frame that is sent; 0: never fragments"),
    ]
    width = max(len(text) for text, comment in table if comment)
    lines = [f"{text:{width}}  # {comment}" if comment else text for text, comment in table]
    return "".join(f"{' ' * column}{line}\n" for line in lines)


def with_section(text: str, names: HandlerNames) -> str:
    """Return the text of `PATH` with a section more, behind the other ones.

    It is indented as they are; all other lines, comments among them, stay as they are. There must
    be none of its name yet.

    Raises:
        UnexpectedFileError: see `sections`; or they are not one below the other.
    """
    expected = copy.deepcopy(_load(text))
    _sections(expected)[names.section] = yaml.safe_load(section_text(names))[names.section]
    longer = _longer(text, names)
    if longer is None or yaml.safe_load(longer) != expected:
        raise UnexpectedFileError(f"{PATH}: expected the sections of {WHERE} one below the other")
    return longer


def _longer(text: str, names: HandlerNames) -> str | None:
    """Return the text with the section, or None if there is no place for it."""
    place = _place(text)
    if place is None or place[1].flow_style:
        return None
    parent, node = place
    column = node.start_mark.column
    kept = _until_end(text[: node.end_mark.index], column)
    rest = text[len(kept) :].removeprefix("\n")
    return f"{kept}\n{section_text(names, column, column - parent.start_mark.column)}{rest}"


def _until_end(text: str, column: int) -> str:
    """Return the text without the empty lines, and the comments further left, at its end.

    They belong to what comes next.
    """
    lines = text.split("\n")
    while not _belongs(lines[-1], column):
        lines.pop()
    return "\n".join(lines)


def _belongs(line: str, column: int) -> bool:
    content = line.lstrip()
    return bool(content) and (content[0] != "#" or len(line) - len(content) >= column)


def _place(text: str) -> tuple[yaml.Node, yaml.MappingNode] | None:
    """Return the key of the sections and the mapping that holds them, which know their places.

    None if that is not written out, but merged in from another part of the file.
    """
    key: yaml.Node | None = None
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in PARENTS:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        key, node = next((pair for pair in pairs if pair[0].value == name), (None, None))
    return (key, node) if key and isinstance(node, yaml.MappingNode) else None


def _sections(document: object) -> Section:
    for name in PARENTS:
        document = document.get(name) if isinstance(document, dict) else None
    if not isinstance(document, dict) or not document:
        raise UnexpectedFileError(f"{PATH}: expected sections in {WHERE}")
    return document


def _load(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnexpectedFileError(f"{PATH}: not valid YAML: {_line(error)}") from None


def _line(error: Exception) -> str:
    """Return the error's text in one line."""
    return " ".join(str(error).split())
