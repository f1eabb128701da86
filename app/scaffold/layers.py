"""pyproject.toml, which says which package may import which."""

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from app.scaffold.errors import ScaffoldError, UnexpectedFileError

PATH: Final = Path("pyproject.toml")

NEIGHBOUR: Final = "daemon"
"""What stays in the layer of the handlers when the sample is deleted."""


def with_package(text: str, package: str) -> str:
    """Return the text of `PATH` with a package more in the layer of the handlers.

    All else stays as it is.

    Raises:
        ScaffoldError: the layers have a package of this name already.
        UnexpectedFileError: there is no such layer, or it is not found in the text.
    """
    document = _loaded(text)
    layers = _layers(document)
    if any(package in _packages(layer) for layer in layers):
        raise ScaffoldError(f"{PATH}: the layers have {package} already; choose another name")
    for number, layer in enumerate(layers):
        if NEIGHBOUR in _packages(layer):
            expected = copy.deepcopy(document)
            _layers(expected)[number] = f"{layer} | {package}"
            for longer in _replaced(text, layer, f"{layer} | {package}"):
                if tomllib.loads(longer) == expected:
                    return longer
    raise _unexpected()


def _loaded(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnexpectedFileError(f"{PATH}: not valid TOML: {error}") from None


def _layers(document: dict[str, Any]) -> list[str]:
    """Return the layers of the first contract that has some."""
    contracts = document.get("tool", {}).get("importlinter", {}).get("contracts", [])
    for contract in contracts:
        if contract.get("type") == "layers":
            layers: list[str] = contract["layers"]
            return layers
    raise _unexpected()


def _packages(layer: str) -> list[str]:
    return [package.strip(" ()") for package in layer.split("|")]


def _replaced(text: str, layer: str, longer: str) -> Iterator[str]:
    """Yield the text with the layer replaced at one of its places, for each of them."""
    parts = text.split(json.dumps(layer))
    for number in range(1, len(parts)):
        head, tail = (json.dumps(layer).join(part) for part in (parts[:number], parts[number:]))
        yield f"{head}{json.dumps(longer)}{tail}"


def _unexpected() -> UnexpectedFileError:
    return UnexpectedFileError(
        f"{PATH}: expected a contract of import-linter with {NEIGHBOUR!r} in one of its layers"
    )
