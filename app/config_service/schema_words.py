"""What a person is told of a value that does not fit a JSON Schema."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from app.config_service.steps import Steps
from app.static_config.document import OptionPath
from app.static_config.duration import written_duration
from app.static_config.errors import did_you_mean
from app.static_config.json_schema import DURATION
from app.static_config.validation import got


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with a value.

    Args:
        path: What leads to it within the value.
        keyword: The keyword that it does not fit; "": nothing would.
        limit: What that keyword says.
        value: What is there.
        schema: Where the keyword stands.
        text: What to say of it; "": what is always said of the keyword.
    """

    path: OptionPath
    keyword: str
    limit: Any
    value: object
    schema: Mapping[str, Any]
    text: str = ""

    @property
    def is_of_another_kind(self) -> bool:
        """Whether this was probably not meant at all."""
        return self.keyword in ("", "const", "enum", "type")


def text_of(misfit: Misfit, steps: Steps) -> str:
    """Return what is wrong, without the place: "expected at least 1 (got 0)".

    Raises:
        TooManyStepsError: that would take too long.
    """
    if misfit.text:
        return misfit.text
    keyword, limit, value = misfit.keyword, misfit.limit, _beginning(misfit.value)
    if misfit.schema.get("pattern") == DURATION["pattern"] and keyword in ("type", "pattern"):
        return f"{_DURATION}{got(value)}"
    if keyword in _BOUNDS and isinstance(value, str):
        limit = written_duration(limit)
    return f"{_shortened(_TEXTS[keyword](limit))}{got(value)}{_hint(misfit, steps)}"


def near(name: str, known: Collection[str], steps: Steps) -> str:
    """Return a hint at the name that was probably meant; "" where there are too many.

    Raises:
        TooManyStepsError: that would take too long.
    """
    if len(name) > _COMPARED or len(known) > _COMPARED:
        return ""
    names = [each for each in known if len(each) <= _COMPARED]
    steps.take(len(name) * sum(map(len, names)) // 20)
    return did_you_mean(name, names)


def describe_any(schemas: list[Any]) -> str:
    """Return what a value by one of several schemas is, in a few words."""
    return " or ".join(dict.fromkeys(map(describe, islice(schemas, _NAMED))))


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
    shown = [_json(each) for each in values[:_NAMED]]
    if len(values) > _NAMED:
        return f"{', '.join(shown)} or others"
    return ", ".join(shown[:-1]) + " or " * (len(shown) > 1) + shown[-1]


def _hint(misfit: Misfit, steps: Steps) -> str:
    if misfit.keyword != "enum" or not isinstance(misfit.value, str):
        return ""
    return near(misfit.value, [each for each in misfit.limit if isinstance(each, str)], steps)


def _json(value: object) -> str:
    return _shortened(json.dumps(_beginning(value), ensure_ascii=False))


def _beginning(value: object) -> object:
    """Return no more of a long text than is shown."""
    return value[: _SHOWN + 1] if isinstance(value, str) else value


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_SHOWN: Final = 500

_COMPARED: Final = 64
"""Names that are no longer are compared, where there are no more."""

_NAMED: Final = 50
"""How many alternatives are told, at most."""

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
    "": lambda _: "nothing may stand here",
    "anyOf": lambda schemas: f"expected {describe_any(schemas)}",
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
    "not": lambda schema: f"expected anything but {describe(schema)}",
    "pattern": "expected a text of the form {}".format,
    "type": lambda types: f"expected {_type(types)}",
    "uniqueItems": lambda _: "the same entry is there twice",
}
