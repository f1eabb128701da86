"""From the static config's files to one document, with all values put in."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from app.static_config.config_file import read_given, read_if_there
from app.static_config.config_vars import (
    CONFIG_VARS,
    is_of_variables,
    named_variables,
    read_variables,
)
from app.static_config.document import Document, Problem
from app.static_config.errors import ConfigFileError
from app.static_config.lookup import Surroundings
from app.static_config.substitution import Substituted, substitute

DEFAULT_CONFIGS: Final = (Path("config_dev.yaml"), Path("config/static_config.yaml"))
"""Where the static config is if nobody says so: the first that is there, else the last."""

_WAY_OUT: Final = "name another file with '-c FILE' or in $STATIC_CONFIG"


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """The files that the command line names.

    Args:
        static_config: The static config.
        config_vars: Variables, instead of those in the file that the static config names.
        config_vars_override: Variables that come before all others of the same name.
    """

    static_config: Path
    config_vars: Path | None = None
    config_vars_override: Path | None = None


def find_static_config(
    given: Path | None,
    environment: Mapping[str, str] = os.environ,
    defaults: Sequence[Path] = DEFAULT_CONFIGS,
) -> Path:
    """Return the absolute path of the static config, whether or not there is such a file.

    The first of: `given`, `$STATIC_CONFIG`, the first of `defaults` that is there, the last of
    them. Relative paths are relative to the current directory.
    """
    if given is None and environment.get("STATIC_CONFIG"):
        given = Path(environment["STATIC_CONFIG"])
    if given is None:
        given = next((path for path in defaults if path.exists()), defaults[-1])
    return given.absolute()


def read_static_config(
    files: ConfigFiles, environment: Mapping[str, str] = os.environ
) -> Substituted:
    """Return what the static config says, with all that it takes from elsewhere put in.

    Raises:
        ConfigFileError: the static config cannot be read, is no YAML, or holds no mapping. What
            else is wrong is among the problems of the document.
    """
    document = read_given(files.static_config, _WAY_OUT)
    named = named_variables(document, environment)
    variables: Document | None = None
    problems: tuple[Problem, ...] = document.problems
    try:
        variables = read_variables(named.document, files.config_vars, files.config_vars_override)
        unreadable = False
    except ConfigFileError as error:
        problems += error.problems
        unreadable = True
    surroundings = Surroundings(
        variables,
        environment,
        read_if_there,
        variables_unreadable=unreadable,
        no_variables=named.document.absent.get((CONFIG_VARS,), ""),
    )
    body = {key: value for key, value in document.mapping().items() if not is_of_variables(key)}
    result = substitute(replace(document, value=body, problems=problems), surroundings)
    return Substituted(result.document, named.warnings + result.warnings)
