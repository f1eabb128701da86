"""Texts of the code that its users read, too."""

import inspect


def description(documented: type) -> str:
    """Return the docstring of a class."""
    return inspect.getdoc(documented) or ""


def summary(documented: type) -> str:
    """Return the first paragraph of the docstring of a class, on one line."""
    return " ".join(description(documented).partition("\n\n")[0].split())


def explanation(documented: type) -> str:
    """Return what follows the first paragraph of the docstring of a class."""
    return description(documented).partition("\n\n")[2]
