"""JSON Schema, as strict as the models are that it was made from, and with texts for people.

Where draft 2020-12 and a service of this kit differ, it is as in the service: `1.0` is no whole
number; a pattern is one of Rust's, in which no text takes long; the bounds of a duration are those
of `30s`, too. A schema cannot lead to another document.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from referencing import Registry
from referencing.exceptions import Unresolvable

from app.config_service.schema_words import describe, text_of
from app.static_config.document import OptionPath
from app.static_config.duration import parse_duration
from app.static_config.errors import did_you_mean
from app.static_config.json_schema import DURATION
from app.static_config.validation import got

MAX_ERRORS: Final = 100
"""How much of what is wrong with a value is told, at most."""

_NO_FORMATS: Final = FormatChecker(formats=())
"""A pattern of Rust's is none of Python's."""

Schema = Mapping[str, Any]
Errors = Iterator[ValidationError]


def wrong_schema(schema: Schema) -> str:
    """Return what is wrong with a schema; "" if it is one."""
    try:
        Draft202012Validator.check_schema(schema, _NO_FORMATS)
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        return f"no JSON Schema: {f'{place}: ' if place else ''}{error.message[:200]}"
    except RecursionError:
        return "no JSON Schema: nested too deeply"
    return ""


class SchemaCheck:
    """Says what is wrong with values, by one schema, which must be good (`wrong_schema`)."""

    def __init__(self, schema: Schema) -> None:
        # Within itself it would be taken for one of the draft again.
        own = {key: value for key, value in schema.items() if key != "$schema"}
        self._validator: Final = _StrictValidator(own, registry=Registry())

    def errors(self, value: object) -> list[tuple[OptionPath, str]]:
        """Return all that is wrong with a value: what leads to it within the value, and a text."""
        try:
            errors = list(islice(self._validator.iter_errors(value), MAX_ERRORS))
        except Unresolvable as error:
            return [((), f"cannot be checked: its schema has no {error.ref!r}")]
        except RecursionError:
            return [((), "cannot be checked: its schema leads in a circle")]
        told = ((tuple(error.absolute_path), text_of(error)) for error in errors)
        return list(dict.fromkeys(told))


# The keywords that are not as in the draft, or whose errors need a place or a text of their own.


def _pattern(validator: Any, pattern: str, instance: object, schema: Schema) -> Errors:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError("")


def _bound(is_within: Callable[[Any, Any], bool]) -> Any:
    def check(validator: Any, bound: float, instance: object, schema: Schema) -> Errors:
        number = _seconds(instance) if schema.get("pattern") == DURATION["pattern"] else instance
        if validator.is_type(number, "number") and not is_within(number, bound):
            yield ValidationError("")

    return check


def _seconds(instance: object) -> object:
    try:
        return parse_duration(instance)
    except ValueError:
        return None


def _required(validator: Any, required: list[str], instance: object, schema: Schema) -> Errors:
    if isinstance(instance, dict):
        for key in required:
            if key not in instance:
                yield ValidationError("required, but not there", path=(key,))


def _additional(validator: Any, allowed: Any, instance: object, schema: Schema) -> Errors:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in known or any(_matches(pattern, key) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError(f"unknown option{did_you_mean(key, known)}", path=(key,))
        else:
            yield from validator.descend(value, allowed, path=key)


def _pattern_properties(
    validator: Any, properties: Mapping[str, Any], instance: object, schema: Schema
) -> Errors:
    if isinstance(instance, dict):
        for pattern, inner in properties.items():
            for key, value in instance.items():
                if _matches(pattern, key):
                    yield from validator.descend(value, inner, path=key)


def _alternatives(validator: Any, schemas: list[Any], instance: object, schema: Schema) -> Errors:
    """Tell what is wrong by the alternative that was probably meant; else, which there are."""
    tried = [list(validator.descend(instance, each)) for each in schemas]
    if not all(tried):
        return
    of_its_type = [errors for errors in tried if not any(map(_is_of_another_kind, errors))]
    if of_its_type:
        yield from min(of_its_type, key=len)
    else:
        words = " or ".join(dict.fromkeys(map(describe, schemas)))
        yield ValidationError(f"expected {words}{got(instance)}")


def _is_of_another_kind(error: ValidationError) -> bool:
    return error.validator in (None, "const", "enum", "type") and not error.relative_path


@functools.lru_cache(1024)
def _pattern_of(pattern: str) -> SchemaValidator | None:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except PatternError:
        return None


def _matches(pattern: str, text: str) -> bool:
    """Return whether a text has what a pattern describes; false if that is no pattern."""
    validator = _pattern_of(pattern)
    return validator is not None and validator.isinstance_python(text)


def _is_integer(_: object, instance: object) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool)


_StrictValidator: Final[Any] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "additionalProperties": _additional,
        "anyOf": _alternatives,
        "exclusiveMaximum": _bound(lambda number, bound: number < bound),
        "exclusiveMinimum": _bound(lambda number, bound: number > bound),
        "maximum": _bound(lambda number, bound: number <= bound),
        "minimum": _bound(lambda number, bound: number >= bound),
        "oneOf": _alternatives,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "required": _required,
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
