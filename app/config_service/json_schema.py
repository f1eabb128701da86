"""JSON Schema, as strict as the models are that it was made from, and with texts for people.

Where draft 2020-12 and a service of this kit differ, it is as in the service: `1.0` is no whole
number; a pattern is one of Rust's; the bounds of a duration are those of `30s`, too. `oneOf` is
`anyOf`. Whatever the schema and the value are, a check ends soon: each thing that it does takes
`Steps`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from app.config_service.patterns import matches
from app.config_service.schema_form import Schema, referred, wrong_schema
from app.config_service.schema_words import Misfit, near, text_of
from app.config_service.steps import Steps, TooManyStepsError
from app.static_config.document import OptionPath
from app.static_config.duration import parse_duration
from app.static_config.json_schema import DURATION

MAX_ERRORS: Final = 100
"""How much of what is wrong with a value is told, at most."""

Misfits = Iterator[Misfit]


class SchemaCheck:
    """Says what is wrong with values, by one schema; a wrong one lets nothing pass.

    Attributes:
        wrong: What is wrong with the schema; "" if nothing is.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema: Final = schema
        self.wrong: Final = wrong_schema(schema)

    def errors(self, value: object, steps: Steps | None = None) -> list[tuple[OptionPath, str]]:
        """Return all that is wrong with a value: what leads to it within the value, and a text.

        Args:
            value: As it stands in JSON.
            steps: What this is a part of; it takes `MAX_STEPS` of them at most.
        """
        if self.wrong:
            return [((), f"cannot be checked: {self.wrong}")]
        steps = Steps(of=steps)
        misfits = _At(value, self._schema, (), self._schema, steps).misfits()
        try:
            told = [(each.path, text_of(each, steps)) for each in islice(misfits, MAX_ERRORS)]
        except TooManyStepsError:
            return [((), "cannot be checked: too large for its schema, or the schema itself is")]
        except RecursionError:
            return [((), "cannot be checked: its schema leads in a circle")]
        except Exception as error:
            # What cannot be checked must not pass.
            return [((), f"cannot be checked: {type(error).__name__}: {str(error)[:200]}")]
        return list(dict.fromkeys(told))


@dataclass(frozen=True, slots=True)
class _At:
    """A value, the schema that it is to fit, and where both are."""

    value: Any
    schema: Any
    path: OptionPath
    root: Schema
    steps: Steps

    def misfits(self) -> Misfits:
        """Yield what is wrong with the value, and with all that is in it."""
        self.steps.take()
        if self.schema is False:
            yield self.wrong("", None)
        if not isinstance(self.schema, dict):
            return
        for keyword, limit in self.schema.items():
            self.steps.take()
            if keyword in _CHECKS:
                yield from _CHECKS[keyword](self, limit)
            elif keyword in _CONDITIONS and not _CONDITIONS[keyword](self, limit):
                yield self.wrong(keyword, limit)

    def inner(self, value: Any, schema: Any, *keys: str | int) -> Misfits:
        return _At(value, schema, (*self.path, *keys), self.root, self.steps).misfits()

    def wrong(self, keyword: str, limit: Any, text: str = "", *keys: str | int) -> Misfit:
        schema = self.schema if isinstance(self.schema, dict) else {}
        return Misfit((*self.path, *keys), keyword, limit, self.value, schema, text)

    def has(self, pattern: str, text: str) -> bool:
        return matches(pattern, text, self.steps)


# The keywords that are about other schemas, or whose errors are elsewhere.


def _reference(at: _At, reference: str) -> Misfits:
    return at.inner(at.value, referred(at.root, reference))


def _required(at: _At, names: list[str]) -> Misfits:
    if isinstance(at.value, dict):
        at.steps.take(len(names))
        for name in names:
            if name not in at.value:
                yield at.wrong("required", names, "required, but not there", name)


def _properties(at: _At, properties: Mapping[str, Any]) -> Misfits:
    if isinstance(at.value, dict):
        at.steps.take(len(properties))
        for name, schema in properties.items():
            if name in at.value:
                yield from at.inner(at.value[name], schema, name)


def _pattern_properties(at: _At, properties: Mapping[str, Any]) -> Misfits:
    if isinstance(at.value, dict):
        at.steps.take(len(properties) * (len(at.value) + 1))
        for pattern, schema in properties.items():
            for key, value in at.value.items():
                if at.has(pattern, key):
                    yield from at.inner(value, schema, key)


def _additional(at: _At, allowed: Any) -> Misfits:
    if not isinstance(at.value, dict):
        return
    known, patterns = at.schema.get("properties", {}), at.schema.get("patternProperties", {})
    at.steps.take(len(at.value) * (len(patterns) + 1))
    for key, value in at.value.items():
        if key in known or any(at.has(pattern, key) for pattern in patterns):
            continue
        if allowed is False:
            text = f"unknown option{near(key, known, at.steps)}"
            yield at.wrong("additionalProperties", allowed, text, key)
        else:
            yield from at.inner(value, allowed, key)


def _names(at: _At, schema: Any) -> Misfits:
    for key in at.value if isinstance(at.value, dict) else ():
        at.steps.take()
        if misfit := next(at.inner(key, schema), None):
            yield at.wrong("propertyNames", schema, f"its name: {text_of(misfit, at.steps)}", key)


def _items(at: _At, schema: Any) -> Misfits:
    if isinstance(at.value, list):
        first = len(at.schema.get("prefixItems", ()))
        for number, value in enumerate(at.value[first:], first):
            yield from at.inner(value, schema, number)


def _first_items(at: _At, schemas: list[Any]) -> Misfits:
    if isinstance(at.value, list):
        for number, (value, schema) in enumerate(zip(at.value, schemas, strict=False)):
            yield from at.inner(value, schema, number)


def _all(at: _At, schemas: list[Any]) -> Misfits:
    for schema in schemas:
        yield from at.inner(at.value, schema)


def _alternatives(at: _At, schemas: list[Any]) -> Misfits:
    """Tell what is wrong by the alternative that was probably meant; else, which there are."""
    of_its_type: list[list[Misfit]] = []
    for schema in schemas:
        misfits = list(islice(at.inner(at.value, schema), MAX_ERRORS))
        if not misfits:
            return
        if not any(each.is_of_another_kind and each.path == at.path for each in misfits):
            of_its_type.append(misfits)
    if of_its_type:
        yield from min(of_its_type, key=len)
    else:
        yield at.wrong("anyOf", schemas)


# The others, each by what holds where all is well.


def _is_one_of(at: _At, values: list[Any]) -> bool:
    at.steps.take(len(values))
    return any(_same(at.value, each) for each in values)


def _same(value: Any, other: Any) -> bool:
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _has_type(at: _At, types: str | list[str]) -> bool:
    return any(_is(at.value, each) for each in ([types] if isinstance(types, str) else types))


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _is_unique(at: _At, wanted: bool) -> bool:
    if not wanted or not isinstance(at.value, list):
        return True
    texts = [json.dumps(each, sort_keys=True) for each in at.value]
    at.steps.take(2 * len(texts) + sum(map(len, texts)) // 20)
    return len(set(texts)) == len(texts)


def _bound(is_within: Callable[[Any, Any], bool]) -> "Callable[[_At, Any], bool]":
    def holds(at: _At, bound: float) -> bool:
        is_duration = at.schema.get("pattern") == DURATION["pattern"]
        number = _seconds(at.value) if is_duration else at.value
        return not _is(number, "number") or is_within(number, bound)

    return holds


def _seconds(value: object) -> object:
    try:
        return parse_duration(value)
    except ValueError:
        return None


def _is_multiple(at: _At, divisor: float) -> bool:
    if not _is(at.value, "number"):
        return True
    if isinstance(at.value, int) and isinstance(divisor, int):
        return at.value % divisor == 0
    return float(at.value / divisor).is_integer()


def _size(kind: type[Sized], is_within: Callable[[int, int], bool]) -> "Callable[[_At, Any], bool]":
    return lambda at, limit: not isinstance(at.value, kind) or is_within(len(at.value), limit)


_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": (int, float),
    "object": dict,
    "string": str,
}

_CHECKS: Final[dict[str, Callable[[_At, Any], Misfits]]] = {
    "$ref": _reference,
    "additionalProperties": _additional,
    "allOf": _all,
    "anyOf": _alternatives,
    "items": _items,
    "oneOf": _alternatives,
    "patternProperties": _pattern_properties,
    "prefixItems": _first_items,
    "properties": _properties,
    "propertyNames": _names,
    "required": _required,
}

_CONDITIONS: Final[dict[str, Callable[[_At, Any], bool]]] = {
    "const": lambda at, value: _same(at.value, value),
    "enum": _is_one_of,
    "exclusiveMaximum": _bound(lambda number, bound: number < bound),
    "exclusiveMinimum": _bound(lambda number, bound: number > bound),
    "maxItems": _size(list, lambda size, limit: size <= limit),
    "maxLength": _size(str, lambda size, limit: size <= limit),
    "maxProperties": _size(dict, lambda size, limit: size <= limit),
    "maximum": _bound(lambda number, bound: number <= bound),
    "minItems": _size(list, lambda size, limit: size >= limit),
    "minLength": _size(str, lambda size, limit: size >= limit),
    "minProperties": _size(dict, lambda size, limit: size >= limit),
    "minimum": _bound(lambda number, bound: number >= bound),
    "multipleOf": _is_multiple,
    "not": lambda at, schema: next(at.inner(at.value, schema), None) is not None,
    "pattern": lambda at, pattern: not isinstance(at.value, str) or at.has(pattern, at.value),
    "type": _has_type,
    "uniqueItems": _is_unique,
}
