"""From a JSON file to the values of the dynamic config."""

import json
from pathlib import Path

from app.dynamic_config.errors import DynamicConfigError


def read_json(path: Path) -> dict[str, object]:
    """Return the object that the JSON file at `path` holds: variable names and their values.

    Raises:
        DynamicConfigError: the file cannot be read, is no JSON, or holds no object.
    """
    origin = str(path.absolute())
    try:
        document = json.loads(path.read_bytes(), parse_constant=_refuse)
    except OSError as error:
        reason = error.strerror or str(error)
        way_out = "a fallback-path is relative to the current directory"
        raise DynamicConfigError(origin, [f"{reason}; {way_out}"]) from None
    except ValueError as error:
        raise DynamicConfigError(origin, [f"not valid JSON: {error}"]) from None
    if not isinstance(document, dict):
        raise DynamicConfigError(origin, ["expected an object: variable names and their values"])
    return document


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
