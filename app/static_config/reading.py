"""From the static config's file to plain values."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from app.static_config.errors import StaticConfigError

DEVELOPMENT_CONFIG: Final = Path("config_dev.yaml")
DEFAULT_CONFIG: Final = Path("config/static_config.yaml")


def find_static_config(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the absolute path of the static config, whether or not there is such a file.

    The first of: `given`, `$STATIC_CONFIG`, `config_dev.yaml` in the current directory if it is
    there, `config/static_config.yaml`.
    """
    if given is None and environment.get("STATIC_CONFIG"):
        given = Path(environment["STATIC_CONFIG"])
    if given is None:
        given = DEVELOPMENT_CONFIG if DEVELOPMENT_CONFIG.exists() else DEFAULT_CONFIG
    return given.absolute()


def read_yaml(path: Path) -> dict[str, object]:
    """Return the mapping that the YAML file at `path` holds.

    Raises:
        StaticConfigError: the file cannot be read, is no YAML, or holds no mapping.
    """
    try:
        document = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise StaticConfigError(path, [f"{_reason(error)}; {_WAY_OUT}"]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StaticConfigError(path, [f"not valid YAML: {error}"]) from None
    if not isinstance(document, dict):
        raise StaticConfigError(path, ["expected a mapping with the key 'components_manager'"])
    return document


_WAY_OUT = "name another file with '-c FILE' or in $STATIC_CONFIG"


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
