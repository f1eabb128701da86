"""What an option may be, in words for a reader of YAML or JSON."""

import json
from collections.abc import Callable
from typing import Any, Final

from pydantic.json_schema import JsonSchemaValue

from app.static_config.duration import written_duration
from app.static_config.json_schema import DURATION


def in_words(schema: JsonSchemaValue) -> str:
    """Return the type of an option, and its bounds, as Markdown."""
    if "anyOf" in schema:
        shared = {key: value for key, value in schema.items() if key != "anyOf"}
        types = (in_words({**shared, **each}) for each in schema["anyOf"])
        return " or ".join(type_ for type_ in types if type_ != _NOTHING)
    if "enum" in schema:
        return f"one of {', '.join(f'`{each}`' for each in schema['enum'])}"
    if "const" in schema:
        return value_in_words(schema["const"])
    if schema.get("type") == DURATION["type"]:
        return f"duration{_bounds(schema, written_duration)}"
    return _WORDS[schema.get("type", "object")](schema)


def value_in_words(value: object) -> str:
    """Return a value of an option as a file may have it, as Markdown."""
    return f"`{value if value and isinstance(value, str) else json.dumps(value)}`"


def _mapping(schema: JsonSchemaValue) -> str:
    """Return what to say of a section, or of a mapping of names to what is all of one type."""
    values = schema.get("additionalProperties")
    if values is True:
        return "mapping from name to any value"
    words = f"mapping from name to {in_words(values)}" if values else "section"
    return f"{words}{_at_least('minProperties', schema)}"


def _list(schema: JsonSchemaValue) -> str:
    return f"list of {in_words(schema['items'])}{_at_least('minItems', schema)}"


def _text(schema: JsonSchemaValue) -> str:
    words = "path" if schema.get("format") == "path" else "text"
    return f"{words}, not empty" if schema.get("minLength") else words


def _at_least(keyword: str, schema: JsonSchemaValue) -> str:
    return f", {schema[keyword]} or more" if keyword in schema else ""


def _bounds(schema: JsonSchemaValue, write: Callable[[Any], str] = str) -> str:
    lower = [word for word in ("exclusiveMinimum", "minimum") if word in schema][:1]
    upper = [word for word in ("exclusiveMaximum", "maximum") if word in schema][:1]
    return "".join(f" {_BOUNDS[word]} {write(schema[word])}" for word in (*lower, *upper))


_BOUNDS: Final = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "up to",
    "exclusiveMaximum": "below",
}

_NOTHING: Final = "nothing"

_WORDS: Final[dict[str, Callable[[JsonSchemaValue], str]]] = {
    "array": _list,
    "boolean": lambda _: "true or false",
    "integer": lambda schema: f"whole number{_bounds(schema)}",
    "null": lambda _: _NOTHING,
    "number": lambda schema: f"number{_bounds(schema)}",
    "object": _mapping,
    "string": _text,
}
"""What to say of each type of JSON Schema; a reference is to a section."""
