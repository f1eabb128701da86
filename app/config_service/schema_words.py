"""What a person is told of a value that does not fit a JSON Schema."""

import json
from collections.abc import Callable
from typing import Any, Final

from jsonschema import ValidationError

from app.static_config.duration import written_duration
from app.static_config.errors import did_you_mean
from app.static_config.json_schema import DURATION
from app.static_config.validation import got


def text_of(error: ValidationError) -> str:
    """Return what is wrong, without the place: "expected at least 1 (got 0)"."""
    if error.validator in _OWN_TEXTS and error.message:
        return error.message
    schema = error.schema if isinstance(error.schema, dict) else {}
    if schema.get("pattern") == DURATION["pattern"] and error.validator in ("type", "pattern"):
        return f"{_DURATION}{got(error.instance)}"
    words = _TEXTS.get(str(error.validator))
    if words is None:
        return f"{_shortened(error.message)}"
    limit: Any = error.validator_value
    if error.validator in _BOUNDS and isinstance(error.instance, str):
        limit = written_duration(limit)
    return f"{words(limit)}{got(error.instance)}{_hint(error)}"


def describe(schema: Any) -> str:
    """Return what a value by a schema is, in a few words."""
    if not isinstance(schema, dict):
        return "any value" if schema else "no value"
    if "const" in schema:
        return _json(schema["const"])
    if "enum" in schema:
        return _one_of(schema["enum"])
    if "$ref" in schema or "properties" in schema:
        return _TYPES["object"]
    if schema.get("pattern") == DURATION["pattern"]:
        return "a duration"
    return _type(schema.get("type", "object"))


def _type(types: Any) -> str:
    names = types if isinstance(types, list) else [types]
    return " or ".join(_TYPES.get(name, str(name)) for name in names)


def _one_of(values: list[Any]) -> str:
    return ", ".join(map(_json, values[:-1])) + " or " * (len(values) > 1) + _json(values[-1])


def _hint(error: ValidationError) -> str:
    if error.validator != "enum" or not isinstance(error.instance, str):
        return ""
    values: Any = error.validator_value
    return did_you_mean(error.instance, [each for each in values if isinstance(each, str)])


def _json(value: object) -> str:
    return _shortened(json.dumps(value, ensure_ascii=False))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_SHOWN: Final = 200

_OWN_TEXTS: Final = frozenset({"additionalProperties", "anyOf", "oneOf", "required"})
"""Keywords whose errors have their texts already."""

_DURATION: Final = (
    "expected a duration: a whole number of at most 9 digits and ms, s, m, h or d, as 10ms"
)

_TYPES: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}

_BOUNDS: Final = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"})

_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "const": lambda value: f"expected {_json(value)}",
    "enum": lambda values: f"expected {_one_of(values)}",
    "exclusiveMaximum": "expected less than {}".format,
    "exclusiveMinimum": "expected more than {}".format,
    "maxItems": "expected {} or fewer entries".format,
    "maxLength": "expected a text of {} or fewer characters".format,
    "maxProperties": "expected {} or fewer entries".format,
    "maximum": "expected at most {}".format,
    "minItems": "expected {} or more entries".format,
    "minLength": "expected a text of {} or more characters".format,
    "minProperties": "expected {} or more entries".format,
    "minimum": "expected at least {}".format,
    "multipleOf": "expected a multiple of {}".format,
    "pattern": "expected a text of the form {}".format,
    "type": lambda types: f"expected {_type(types)}",
    "uniqueItems": lambda _: "the same entry is there twice",
}
