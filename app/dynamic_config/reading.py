"""From a JSON file to the values of the dynamic config."""

from pathlib import Path

from app.dynamic_config.json_document import parse_json
from app.static_config.document import Document, Problem
from app.static_config.errors import ConfigFileError


def read_json(path: Path) -> Document:
    """Return the object that the JSON file at `path` holds: variable names and their values.

    Raises:
        OSError, ValueError: the file cannot be read.
        ConfigFileError: it is no JSON, or holds no object.
    """
    document = parse_json(path.read_bytes(), str(path.absolute()))
    if not isinstance(document.value, dict):
        text = "expected an object: variable names and their values"
        raise ConfigFileError([Problem(document.places.document, (), text)])
    return document
