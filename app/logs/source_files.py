"""Paths of source files, relative to the folder that their module was imported from."""

import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


def import_folders() -> list[str]:
    """Return the folders that modules are imported from, absolute, with a slash at the end.

    A folder comes before those that it is in.
    """
    absolute = {str(Path(each).absolute()) for each in sys.path if isinstance(each, str)}
    return sorted((f"{folder.rstrip('/')}/" for folder in absolute), key=len, reverse=True)


def relative_path(path: str, folders: Iterable[str]) -> str:
    """Return `path` from the first of `folders` on that it is in; else as it is."""
    for folder in folders:
        if path.startswith(folder):
            return path.removeprefix(folder)
    return path


def loaded_files() -> list[str]:
    """Return the absolute paths of the source files of all modules that are loaded."""
    # An attribute of what is no module may be anything, and make anything happen.
    modules = [each for each in list(sys.modules.values()) if isinstance(each, ModuleType)]
    paths = {vars(module).get("__file__") for module in modules}
    return sorted(path for path in paths if isinstance(path, str) and path.endswith(".py"))
