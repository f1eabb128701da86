"""From values to models, and from what pydantic finds wrong to what a person is told."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.static_config.document import Document, OptionPath, Problem
from app.static_config.duration import written_duration
from app.static_config.errors import OptionError, did_you_mean
from app.static_config.model import model_at, options_of


def problems_of(
    error: ValidationError, document: Document, path: OptionPath, type_: Any
) -> Iterator[Problem]:
    """Yield what is wrong with the option or section at `path`.

    What follows only from a value that could not be found out is left out.

    Args:
        error: What pydantic says of it.
        document: Where it stands.
        path: What was validated.
        type_: What it had to be, as an annotation; knows the names of options.
    """
    for detail in error.errors(include_url=False):
        option = _path(detail, document, path)
        for refused, text in _texts(detail, option, document, path, type_):
            # That a name is unknown does not come of values.
            if detail["type"] == "extra_forbidden" or not document.hides(refused):
                told = text + _absent_options(document, refused)
                yield Problem(document.places.of(refused), refused, told)


def _absent_options(document: Document, section: OptionPath) -> str:
    """Return why options of a section have no value: the section may be wrong because of that."""
    reasons = [
        f"{option[-1]}: {why}" for option, why in document.absent.items() if option[:-1] == section
    ]
    return f" ({'; '.join(reasons)})" if reasons else ""


def _path(detail: ErrorDetails, document: Document, path: OptionPath) -> OptionPath:
    """Return where in the document the detail belongs: pydantic also names what is in no file."""
    missing = detail["type"] == "missing"
    for part in detail["loc"][:-1] if missing else detail["loc"]:
        if document.has((*path, part)):
            path = (*path, part)
    return (*path, detail["loc"][-1]) if missing else path


def _texts(
    detail: ErrorDetails,
    option: OptionPath,
    document: Document,
    root: OptionPath,
    type_: Any,
) -> Iterator[tuple[OptionPath, str]]:
    kind = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    refused = context.get("error")
    if isinstance(refused, OptionError):
        yield from (((*option, *below), text) for below, text in refused.refusals.items())
    elif kind == "extra_forbidden":
        yield option, f"unknown option{_meant(option, root, type_)}"
    elif kind == "missing":
        why = document.absent.get(option)
        yield option, f"required, but not there{f' ({why})' if why else ''}"
    elif kind == "literal_error":
        expected = context["expected"]
        hint = did_you_mean(str(detail["input"]), re.findall(r"'([^']*)'", expected))
        hint += quoted(document, option) if "'" in expected else ""
        yield option, f"expected {expected}{got(detail['input'])}{hint}"
    elif kind in _TEXTS:
        hint = quoted(document, option) if kind == "string_type" else ""
        is_duration = kind in _BOUNDS and isinstance(detail["input"], str)
        bounds = {name: _bound(each, is_duration) for name, each in context.items()}
        text = _TEXTS[kind].format_map(bounds)
        yield option, f"{text}{got(detail['input'])}{hint}"
    else:
        text = _own_text(detail)
        is_told = isinstance(detail["input"], Mapping) or repr(detail["input"]) in text
        yield option, text if is_told else f"{text}{got(detail['input'])}"


_TEXTS: Final = {
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "int_type": "expected a whole number",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "list_type": "expected a list",
    "model_attributes_type": "expected a mapping",
    "model_type": "expected a mapping",
    "multiple_of": "expected a multiple of {multiple_of}",
    "path_type": "expected a path, as text",
    "string_pattern_mismatch": "expected a text of the form {pattern}",
    "string_too_long": "expected a text of {max_length} or fewer characters",
    "string_too_short": "expected a text of {min_length} or more characters",
    "string_type": "expected a text",
    "string_unicode": "expected a text of Unicode characters",
    "too_long": "expected {max_length} or fewer entries",
    "too_short": "expected {min_length} or more entries",
}


_BOUNDS: Final = frozenset(kind for kind in _TEXTS if kind.startswith(("greater", "less")))


def _bound(bound: Any, is_duration: bool) -> object:
    """Return a bound as it would stand in a file: 1h or 3600, not 3600.0."""
    if is_duration:
        return written_duration(bound)
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _own_text(detail: ErrorDetails) -> str:
    """Return the text of a validator of ours, or pydantic's for what has none here."""
    return detail["msg"].removeprefix("Value error, ")


def _meant(option: OptionPath, root: OptionPath, type_: Any) -> str:
    section = model_at(type_, option[len(root) : -1])
    return did_you_mean(str(option[-1]), options_of(section)) if section else ""


def quoted(document: Document, option: OptionPath) -> str:
    """Return a hint for an option that had to be a text, if it was written as one."""
    written = document.written.get(option)
    return f"; in quotes it is a text: '{written[:_SHOWN]}'" if written else ""


def got(value: object) -> str:
    """Return what to say of a value that is not what it should be."""
    match value:
        case bool():
            shown = str(value).lower()
        case None:
            shown = "nothing"
        case dict():
            shown = "a mapping" if value else "an empty mapping"
        case list():
            shown = "a list" if value else "an empty list"
        case str() if may_be_secret(value):
            shown = "what may be a key"
        case _:
            shown = repr(value)
    return f" (got {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'})"


def may_be_secret(text: str) -> bool:
    """Return whether a text looks like one that nobody should see: the contents of a key file."""
    return "-----BEGIN" in text


_SHOWN = 80
