"""The files that a new handler consists of, and those that name it."""

import ast
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from app.scaffold import layers, main_module, static_config
from app.scaffold.changes import Change
from app.scaffold.errors import ScaffoldError, UnexpectedFileError
from app.scaffold.names import HandlerNames

SOURCES: Final = ("app", "tests")
"""Folders whose classes may have taken a component's name."""


def new_files(names: HandlerNames) -> list[Change]:
    """Return the files of a handler: its package and its test."""
    package = Path("app") / names.package
    targets = {
        package / "__init__.py": "package.py.txt",
        package / "handler.py": "handler.py.txt",
        Path(f"tests/functional/test_{names.package}.py"): "test.py.txt",
    }
    return [Change(path, None, _filled(name, names)) for path, name in targets.items()]


def changed_files(root: Path, names: HandlerNames) -> list[Change]:
    """Return the files of the project that have to name a handler, with its name in them.

    Raises:
        ScaffoldError: one of them has such a name already, or cannot be read.
        UnexpectedFileError: one does not look as expected.
    """
    main = _read(root, main_module.PATH)
    config = _read(root, static_config.PATH)
    project = _read(root, layers.PATH)
    with_component = main_module.with_component(main, names.module, names.class_name)
    return [
        Change(main_module.PATH, main, with_component),
        Change(static_config.PATH, config, static_config.with_section(config, names)),
        Change(layers.PATH, project, layers.with_package(project, names.package)),
    ]


def check_free(root: Path, names: HandlerNames) -> None:
    """Do nothing if the names of a handler are free in the project.

    Raises:
        ScaffoldError: one of them is taken.
        UnexpectedFileError: see `changed_files`.
    """
    package = Path("app") / names.package
    for path in (package, package.with_suffix(".py"), *(file.path for file in new_files(names))):
        if (root / path).exists():
            raise ScaffoldError(f"{path} is already there; choose another name")
    config = _read(root, static_config.PATH)
    if names.section in static_config.sections(config):
        raise ScaffoldError(
            f"{static_config.PATH}: the section {names.section!r} is already there;"
            " choose another name"
        )
    if names.url_path.rstrip("/") in static_config.url_paths(config):
        raise ScaffoldError(
            f"{static_config.PATH}: a handler has the path {names.url_path!r} already;"
            " choose another one: URL_PATH=/another"
        )
    for source in _sources_with_component(root, names.section):
        raise ScaffoldError(
            f"{source}: a component is called {names.section!r} already; choose another name"
        )


def by_hand(names: HandlerNames) -> str:
    """Return all that has to be written for a handler, for someone who does it by hand."""
    parts = {
        main_module.PATH: f"{main_module.import_line(names.module, names.class_name)}\n"
        f"and {names.class_name} in the list of components\n",
        static_config.PATH: static_config.section_text(names),
        layers.PATH: f"{names.package} in the layer of {layers.NEIGHBOUR}\n",
        **{file.path: file.after for file in new_files(names)},
    }
    return "\n".join(f"--- {path}\n{text}" for path, text in parts.items())


def _filled(template: str, names: HandlerNames) -> str:
    text = files("app.scaffold").joinpath("templates", template).read_text(encoding="utf-8")
    return Template(text).substitute(
        section=names.section,
        class_name=names.class_name,
        client_path=names.url_path.removeprefix("/"),
    )


def _read(root: Path, path: Path) -> str:
    try:
        return (root / path).read_bytes().decode()
    except OSError as error:
        raise ScaffoldError(
            f"{path}: {error.strerror}; run this in the folder of the project"
        ) from None
    except UnicodeDecodeError as error:
        raise UnexpectedFileError(f"{path}: not UTF-8: {error}") from None


def _sources_with_component(root: Path, name: str) -> list[Path]:
    """Return the modules with a class that has the attribute `name` with this value."""
    paths = [path for folder in SOURCES for path in sorted((root / folder).rglob("*.py"))]
    relative = [path.relative_to(root) for path in paths]
    return [path for path in relative if _has_component(_read(root, path), path, name)]


def _has_component(source: str, path: Path, name: str) -> bool:
    if name not in source:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise UnexpectedFileError(f"{path}: not valid Python: {error}") from None
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return any(_is_name(statement, name) for each in classes for statement in each.body)


def _is_name(statement: ast.stmt, name: str) -> bool:
    """Return whether it says `name = "..."`."""
    return isinstance(statement, ast.Assign) and (
        ast.dump(statement.targets[0]) == ast.dump(ast.Name("name", ast.Store()))
        and isinstance(statement.value, ast.Constant)
        and statement.value.value == name
    )
