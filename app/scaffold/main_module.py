"""app/main.py, which imports each component and has it in a list."""

import ast
import itertools
from pathlib import Path
from typing import Final

from app.scaffold.errors import ScaffoldError, UnexpectedFileError

PATH: Final = Path("app/main.py")

LIST: Final = "ComponentList"


def import_line(module: str, class_name: str) -> str:
    """Return the line that imports a component."""
    return f"from {module} import {class_name}"


def with_component(source: str, module: str, class_name: str) -> str:
    """Return the source of `PATH` with one component more, at the end of the list.

    Its import stands where ruff wants it; all other lines stay as they are.

    Raises:
        ScaffoldError: there is something of that class's name already.
        UnexpectedFileError: the list or the imports are not where they are looked for.
    """
    tree = _parsed(source)
    if class_name in _names(tree):
        raise ScaffoldError(f"{PATH}: {class_name} is already there; choose another name")
    lines = source.split("\n")
    end, indentation = _end_of_list(tree, lines)
    # From the bottom upwards: the second place is not moved by the first insertion.
    lines.insert(end, f"{indentation}{class_name},")
    lines.insert(_line_of_import(tree, module), import_line(module, class_name))
    return "\n".join(lines)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise UnexpectedFileError(f"{PATH}: not valid Python: {error}") from None


def _names(tree: ast.Module) -> set[str]:
    """Return all that is imported, defined or used."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name):
            names.add(node.id)
    return names


def _end_of_list(tree: ast.Module, lines: list[str]) -> tuple[int, str]:
    """Return the index of the line behind the last component, and how that is indented."""
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == LIST
    ]
    if len(calls) == 1 and calls[0].args:
        last = calls[0].args[-1]
        assert last.end_lineno is not None
        # Offsets in a syntax tree are in bytes.
        before = lines[last.lineno - 1].encode()[: last.col_offset].decode()
        behind = lines[last.end_lineno - 1].encode()[last.end_col_offset :].decode()
        if not before.strip() and behind.split("#")[0].strip() == ",":
            return last.end_lineno, before
    raise UnexpectedFileError(
        f"{PATH}: expected one list {LIST}(...) with each component in a line of its own"
    )


def _line_of_import(tree: ast.Module, module: str) -> int:
    """Return the index of the line before which `module` is to be imported."""
    imports = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        and not node.level
        and (node.module or "").split(".")[0] == "app"
    ]
    if not imports:
        raise UnexpectedFileError(f"{PATH}: expected imports of the form 'from app... import ...'")
    key = _key(module)
    earlier = list(itertools.takewhile(lambda node: _key(node.module or "") <= key, imports))
    if not earlier:
        return imports[0].lineno - 1
    # Behind the one before, since a comment may stand above the one that comes next.
    assert earlier[-1].end_lineno is not None
    return earlier[-1].end_lineno


def _key(module: str) -> list[tuple[str, int, str]]:
    """Return what ruff sorts modules by: first `room`, then `room01`, `room2`, `room10`."""
    key: list[tuple[str, int, str]] = []
    for is_number, characters in itertools.groupby(module.lower(), str.isdecimal):
        text = "".join(characters)
        if not is_number:
            key += [(character, 0, "") for character in text]
        else:
            key.append(("0", 0, text) if text[0] == "0" else ("0", int(text), ""))
    return key
