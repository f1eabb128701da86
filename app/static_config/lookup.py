"""Finds a value that an option takes from elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.static_config.document import Document, OptionPath, Place, Problem
from app.static_config.errors import ConfigFileError
from app.static_config.validation import got, quoted
from app.static_config.yaml_document import parse_yaml

ENV: Final = "#env"
FILE: Final = "#file"
FALLBACK: Final = "#fallback"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where values may come from.

    Args:
        variables: The config vars: a mapping of names to values; None if none are named.
        environment: The environment variables.
        read_file: Returns the document in a YAML file, None if there is no such file; may raise
            ConfigFileError.
        variables_unreadable: True if the file of variables could not be read, which has been told.
        no_variables: Why no file of variables is named, if one might have been.
    """

    variables: Document | None
    environment: Mapping[str, str]
    read_file: Callable[[str], Document | None]
    variables_unreadable: bool = False
    no_variables: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A value: part of a document.

    Args:
        document: What it is a part of.
        path: Which part.
        origin: Says, of a place in the document, where that is; None if the document is the one
            that the value is for.
    """

    document: Document
    path: OptionPath
    origin: Callable[[Place], str] | None

    @property
    def value(self) -> object:
        """The value itself."""
        return self.document.value_at(self.path)


class Lookup:
    """One search for a value; remembers where it has looked in vain."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.in_vain: list[str] = []
        self._around: Final = surroundings

    def variable(self, name: str) -> Found | None:
        """Return what the config vars say of the variable `name`; None if that is nothing.

        Raises:
            ConfigFileError: what they name cannot be read.
        """
        variables = self._around.variables
        if variables is None or option_of(name) != name:
            return None
        given = variables.mapping()
        if name in given:
            return Found(variables, (name,), lambda place: f"variable {name!r} in {place}")
        found = self.beside(variables, (), name, falls_back=False)
        if found is None:
            return None
        key = next(key for key in given if option_of(key) == name)
        origin = f"variable {name!r} in {variables.places.of((key,))}"
        via = found.origin
        return Found(
            found.document,
            found.path,
            lambda place: f"{origin}, {via(place)}" if via else f"{origin}",
        )

    def beside(
        self, document: Document, path: OptionPath, name: str, *, falls_back: bool
    ) -> Found | None:
        """Return what `#env`, `#file` or `#fallback` of an option lead to; None if to nothing.

        Args:
            document: Where the option is given.
            path: The mapping in which it is given.
            name: The option.
            falls_back: True if there is something else for which a `#fallback` stands in.

        Raises:
            ConfigFileError: what they name cannot be read, or is no name, or the fallback can
                never be used.
        """
        mapping = document.mapping(path)
        for suffix, find in ((ENV, self._environment), (FILE, self._file)):
            key = f"{name}{suffix}"
            if key in mapping:
                falls_back = True
                found = _telling(document, (*path, key), find)
                if found is not None:
                    return found
        key = f"{name}{FALLBACK}"
        if key not in mapping:
            return None
        if not falls_back:
            text = f"has no effect without {name}{ENV} or {name}{FILE} beside it"
            raise ConfigFileError([Problem(document.places.of((*path, key)), (*path, key), text)])
        return Found(document, (*path, key), None)

    def _environment(self, name: str) -> Found | None:
        text = self._around.environment.get(name)
        if not text:
            self.in_vain.append(f"environment variable {name} is not set")
            return None
        origin = f"environment variable {name}"
        document = good(parse_yaml(text.encode(errors="replace"), origin))
        return Found(document, (), lambda _: origin)

    def _file(self, path: str) -> Found | None:
        document = self._around.read_file(path)
        if document is None:
            self.in_vain.append(f"there is no file {Path(path).absolute()}")
            return None
        return Found(good(document), (), str)


def option_of(key: str) -> str:
    """Return the option that a key is about."""
    for suffix in (ENV, FILE, FALLBACK):
        if key.endswith(suffix):
            return key.removesuffix(suffix)
    return key


def good(document: Document) -> Document:
    """Return the document.

    Raises:
        ConfigFileError: something is wrong with it.
    """
    if document.problems:
        raise ConfigFileError(document.problems)
    return document


def _telling(
    document: Document, option: OptionPath, find: Callable[[str], Found | None]
) -> Found | None:
    """Return what `find` finds under the name that the option has as its value.

    What is wrong is told at the option.
    """
    name = document.value_at(option)
    place = document.places.of(option)
    if document.is_undecided(option):
        raise ConfigFileError(())  # it has been told why
    if not isinstance(name, str) or not name.isprintable() or not name:
        text = f"expected a name, as text{got(name)}{quoted(document, option)}"
        raise ConfigFileError([Problem(place, option, text)])
    try:
        return find(name)
    except ConfigFileError as error:
        problems = [Problem(place, option, str(problem)) for problem in error.problems]
        raise ConfigFileError(problems) from None
