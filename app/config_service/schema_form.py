"""Which JSON Schemas are taken: of the keywords those that pydantic makes, and no others.

So all that a check can be asked for is known, and none of it can lead out of the schema.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from app.config_service.patterns import wrong_pattern
from app.static_config.document import OptionPath
from app.static_config.errors import did_you_mean

TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

Schema = Mapping[str, Any]
Wrong = Iterator[tuple[OptionPath, str]]


def wrong_schema(schema: Schema) -> str:
    """Return the first thing that is wrong with a schema; "" if nothing is."""
    try:
        for path, text in _wrong(schema, (), schema):
            place = ".".join(map(str, path))
            return f"no JSON Schema that is taken: {place}{': ' if place else ''}{text}"
    except RecursionError:
        return "no JSON Schema that is taken: nested too deeply"
    return ""


def referred(root: Schema, reference: str) -> Any:
    """Return what a reference leads to: the schema itself, or one of its `$defs`.

    Raises:
        LookupError: nothing.
    """
    if reference == "#":
        return root
    prefix, _, name = reference.rpartition("/")
    if prefix != "#/$defs":
        raise LookupError(reference)
    return root["$defs"][name]


def _wrong(schema: Any, path: OptionPath, root: Schema) -> Wrong:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield path, "expected an object, true or false"
        return
    for keyword, given in schema.items():
        here = (*path, keyword)
        if keyword in _AT_TOP and path:
            yield here, "this keyword is known at the top only"
        elif keyword in _INNER:
            yield from _INNER[keyword](given, here, root)
        elif text := _wrong_keyword(keyword, given):
            yield here, text


def _wrong_keyword(keyword: str, given: Any) -> str:
    if keyword in _FORMS:
        return _FORMS[keyword](given)
    if keyword in _SAYING or keyword.startswith("x-"):
        return ""
    return f"this keyword is not known here{did_you_mean(keyword[:50], KEYWORDS)}"


def _wrong_reference(given: Any, path: OptionPath, root: Schema) -> Wrong:
    try:
        referred(root, given)
    except (AttributeError, LookupError, TypeError):
        yield path, f"there is no {str(given)[:200]!r}; it may be '#' or '#/$defs/...'"


def _wrong_by_name(given: Any, path: OptionPath, root: Schema) -> Wrong:
    if not isinstance(given, dict):
        yield path, "expected an object"
        return
    for name, inner in given.items():
        if path[-1] == "patternProperties" and (text := wrong_pattern(name)):
            yield path, text
        yield from _wrong(inner, (*path, name), root)


def _wrong_list(given: Any, path: OptionPath, root: Schema) -> Wrong:
    if not isinstance(given, list) or not given:
        yield path, "expected a list with at least one schema"
        return
    for number, inner in enumerate(given):
        yield from _wrong(inner, (*path, number), root)


def _wrong_type(given: Any) -> str:
    names = given if isinstance(given, list) else [given]
    is_good = names and all(isinstance(each, str) and each in TYPES for each in names)
    return "" if is_good and len(names) <= len(TYPES) else f"expected {', '.join(sorted(TYPES))}"


def _wrong_number(given: Any) -> str:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return "" if is_number else "expected a number"


def _wrong_divisor(given: Any) -> str:
    return _wrong_number(given) or ("" if given > 0 else "expected a number above 0")


def _wrong_size(given: Any) -> str:
    is_size = isinstance(given, int) and not isinstance(given, bool) and given >= 0
    return "" if is_size else "expected a whole number, 0 or more"


def _wrong_scalar(given: Any) -> str:
    is_scalar = given is None or isinstance(given, str | int | float)
    return "" if is_scalar else "expected texts, numbers, true, false or null"


def _wrong_enum(given: Any) -> str:
    if not isinstance(given, list) or not given:
        return "expected a list with at least one value"
    return next(filter(None, map(_wrong_scalar, given)), "")


def _wrong_names(given: Any) -> str:
    is_good = isinstance(given, list) and all(isinstance(each, str) for each in given)
    return "" if is_good else "expected a list of texts"


def _wrong_pattern(given: Any) -> str:
    return wrong_pattern(given) if isinstance(given, str) else "expected a text"


def _wrong_switch(given: Any) -> str:
    return "" if isinstance(given, bool) else "expected true or false"


_SAYING: Final = frozenset(
    {
        "$comment",
        "$schema",
        "contentEncoding",
        "contentMediaType",
        "default",
        "deprecated",
        "description",
        "discriminator",
        "examples",
        "format",
        "readOnly",
        "title",
        "writeOnly",
    }
)
"""Keywords that check nothing."""

_AT_TOP: Final = frozenset({"$defs", "$schema"})

_INNER: Final[dict[str, Callable[[Any, OptionPath, Schema], Wrong]]] = {
    "$defs": _wrong_by_name,
    "$ref": _wrong_reference,
    "additionalProperties": _wrong,
    "allOf": _wrong_list,
    "anyOf": _wrong_list,
    "items": _wrong,
    "not": _wrong,
    "oneOf": _wrong_list,
    "patternProperties": _wrong_by_name,
    "prefixItems": _wrong_list,
    "properties": _wrong_by_name,
    "propertyNames": _wrong,
}
"""Keywords with schemas in them, or that lead to one."""

_FORMS: Final[dict[str, Callable[[Any], str]]] = {
    "const": _wrong_scalar,
    "enum": _wrong_enum,
    "exclusiveMaximum": _wrong_number,
    "exclusiveMinimum": _wrong_number,
    "maxItems": _wrong_size,
    "maxLength": _wrong_size,
    "maxProperties": _wrong_size,
    "maximum": _wrong_number,
    "minItems": _wrong_size,
    "minLength": _wrong_size,
    "minProperties": _wrong_size,
    "minimum": _wrong_number,
    "multipleOf": _wrong_divisor,
    "pattern": _wrong_pattern,
    "required": _wrong_names,
    "type": _wrong_type,
    "uniqueItems": _wrong_switch,
}

KEYWORDS: Final = frozenset({*_SAYING, *_INNER, *_FORMS})
"""All that a schema may have, and what begins with `x-`."""
