"""The config vars: variables that a config takes values from."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.static_config.config_file import read_given, read_if_there, read_mapping, unreadable
from app.static_config.document import Document, Place, Places, Problem
from app.static_config.errors import ConfigFileError
from app.static_config.lookup import Surroundings, good, option_of
from app.static_config.substitution import Substituted, substitute
from app.static_config.validation import got

CONFIG_VARS: Final = "config_vars"


def named_variables(document: Document, environment: Mapping[str, str]) -> Substituted:
    """Return what the static config says of where its variables are."""
    given = {key: value for key, value in document.mapping().items() if is_of_variables(key)}
    surroundings = Surroundings(None, environment, read_if_there)
    return substitute(replace(document, value=given, problems=()), surroundings)


def read_variables(named: Document, given: Path | None, override: Path | None) -> Document | None:
    """Return the config vars; None if no file of them is named.

    Args:
        named: What the static config says of where they are.
        given: The file to take instead.
        override: The file whose variables come before those of the same name.

    Raises:
        ConfigFileError: what is wrong with them; nothing, if that has been told.
    """
    sources: list[Callable[[], Document | None]] = [functools.partial(_read_named, named)]
    if given is not None:
        sources = [functools.partial(read_given, given, "--config_vars names it")]
    if override is not None:
        way_out = "--config_vars_override names it"
        sources.append(functools.partial(read_given, override, way_out))
    variables: Document | None = None
    errors: list[ConfigFileError] = []
    for read in sources:
        try:
            document = read()
            document = document and good(document)
        except ConfigFileError as error:
            errors.append(error)
        else:
            variables = _merge(variables, document) if variables and document else document
    if errors:
        raise ConfigFileError(problem for error in errors for problem in error.problems)
    return variables


def _read_named(named: Document) -> Document | None:
    """Return what is in the file that the static config names; None if it names none."""
    if named.problems or named.is_undecided((CONFIG_VARS,)):
        raise ConfigFileError(named.problems)
    path = named.mapping().get(CONFIG_VARS)
    if path is None:
        return None
    place = named.places.of((CONFIG_VARS,))
    if not isinstance(path, str) or not path:
        text = f"expected the path of a YAML file, as text{got(path)}"
        raise ConfigFileError([Problem(place, (CONFIG_VARS,), text)])
    try:
        return read_mapping(Path(path))
    except (OSError, ValueError) as error:
        problem = Problem(place, (CONFIG_VARS,), unreadable(Path(path), error))
        raise ConfigFileError([problem]) from None


def _merge(base: Document, override: Document) -> Document:
    """Return all variables of two files; what one says of a variable `override` may say instead."""
    overridden = {option_of(key) for key in override.mapping()}
    kept = {key: each for key, each in base.mapping().items() if option_of(key) not in overridden}
    files = f"{base.places.document.file} or {override.places.document.file}"
    places = {path: place for path, place in base.places.options.items() if path[0] in kept}
    written = {path: text for path, text in base.written.items() if path[0] in kept}
    return Document(
        {**kept, **override.mapping()},
        Places(Place(files), {**places, **override.places.options}),
        {**written, **override.written},
    )


def is_of_variables(key: str) -> bool:
    """Return whether a key at the top of the static config says where the variables are."""
    return option_of(key) == CONFIG_VARS
