"""Files of a config: read, and what to say of one that cannot be."""

from dataclasses import replace
from pathlib import Path

from app.static_config.document import Document, Place, Problem
from app.static_config.errors import ConfigFileError
from app.static_config.validation import may_be_secret
from app.static_config.yaml_document import parse_yaml


def read_given(path: Path, way_out: str) -> Document:
    """Return the document in a YAML file that no option names, and that must be there.

    Args:
        path: The file.
        way_out: What to say where it cannot be read.

    Raises:
        ConfigFileError: it cannot be read, is no YAML, or holds no mapping.
    """
    try:
        return read_mapping(path)
    except (OSError, ValueError) as error:
        text = f"{_reason(error)}; {way_out}"
        raise ConfigFileError([Problem(Place(str(path.absolute())), (), text)]) from None


def read_mapping(path: Path) -> Document:
    """Return the document in a YAML file that must be there; an empty one is an empty mapping.

    Raises:
        OSError, ValueError: the file cannot be read.
        ConfigFileError: it is no YAML, or holds something else.
    """
    document = parse_yaml(path.read_bytes(), str(path.absolute()))
    if document.value is None:
        return replace(document, value={})
    if not isinstance(document.value, dict):
        text = "expected a mapping: 'name: value' in each line"
        raise ConfigFileError([Problem(document.places.document, (), text)])
    return document


def read_if_there(path: str) -> Document | None:
    """Return the document in a YAML file; None if there is no such file.

    Raises:
        ConfigFileError: it cannot be read, or is no YAML.
    """
    file = str(Path(path).absolute())
    try:
        return parse_yaml(Path(path).read_bytes(), file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigFileError([Problem(Place(file), (), _reason(error))]) from None


def unreadable(path: Path, error: OSError | ValueError) -> str:
    """Return what to say of a file that an option names and that cannot be read."""
    if "\n" in str(path) or may_be_secret(str(path)):
        return "expected the path of a file, got what may be its contents"
    hint = "" if path.is_absolute() else "; relative to the current directory"
    return f"{path.absolute()}: {_reason(error)}{hint}"


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
