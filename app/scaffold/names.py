"""What a new handler is called, in each place that names it."""

import keyword
import re
import sys
from dataclasses import dataclass
from typing import Final

import yaml

from app.scaffold.errors import ScaffoldError

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

URL_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")

MAX_LENGTH: Final = 30
"""Characters of a name: with more, lines of the code that is written could get too long."""


@dataclass(frozen=True, slots=True)
class HandlerNames:
    """The names of one handler; make it with `handler_names`.

    Args:
        section: The component's name, and that of its section in the static config.
        url_path: Where clients reach it.
    """

    section: str
    url_path: str

    @property
    def package(self) -> str:
        """The package in `app`."""
        return self.section.replace("-", "_")

    @property
    def module(self) -> str:
        """The module of the class, as it is imported."""
        return f"app.{self.package}.handler"

    @property
    def class_name(self) -> str:
        """The class: the name in CamelCase, and `Handler` at the end."""
        words = self.section.removesuffix("-handler").split("-")
        return f"{''.join(word.capitalize() for word in words)}Handler"


def handler_names(name: str, url_path: str | None = None) -> HandlerNames:
    """Return the names of the handler `name`.

    Args:
        name: Lower-case letters, digits and single dashes, beginning with a letter.
        url_path: Where clients reach it; by default a slash and the name.

    Raises:
        ScaffoldError: either cannot be used.
    """
    names = HandlerNames(name, f"/{name}" if url_path is None else url_path)
    if not NAME.fullmatch(name) or len(name) > MAX_LENGTH:
        raise ScaffoldError(
            f"name {name!r}: expected lower-case letters, digits and single dashes, first a letter,"
            f" at most {MAX_LENGTH}: NAME=weather-feed"
        )
    if why_not := _why_not(names):
        raise ScaffoldError(f"name {name!r}: {why_not}; choose another one")
    if not URL_PATH.fullmatch(names.url_path):
        raise ScaffoldError(
            f"path {names.url_path!r}: expected names of letters, digits and '-._~' with a '/'"
            " before each: /weather; any other is to be written into the static config afterwards"
        )
    return names


def _why_not(names: HandlerNames) -> str | None:
    """Return why a name that is well-formed cannot be used, or None."""
    if keyword.iskeyword(names.package):
        return "it is a keyword of Python"
    if names.package in sys.stdlib_module_names:
        return "a module of the standard library is called so"
    if yaml.safe_load(names.section) != names.section:
        return f"in YAML it stands for {yaml.safe_load(names.section)!r}"
    return None
