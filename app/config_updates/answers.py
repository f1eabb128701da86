"""From the bytes that a config service answers with to what they say. Pure."""

import json
import math
from typing import Any, Final, Never, TypeVar

from pydantic import BaseModel, ValidationError

from app.config_updates.errors import UpdateError
from app.static_config.document import Document, Place, Places
from app.static_config.validation import problems_of

A = TypeVar("A", bound=BaseModel)

_SHOWN: Final = 200


def parse_answer(data: bytes, url: str, answer: type[A]) -> A:
    """Return what a config service has answered.

    Raises:
        UpdateError: it is no JSON, or not of the protocol; names what is wrong.
    """
    try:
        value = json.loads(
            data, object_hook=_unchanged, parse_float=_finite, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise UpdateError(f"{url}: the answer is nested too deeply") from None
    except ValueError as error:
        text = f"the answer is not valid JSON: {printable(str(error))} (got {shown(data)})"
        raise UpdateError(f"{url}: {text}") from None
    try:
        return answer.model_validate(value, strict=True)
    except ValidationError as error:
        problems = problems_of(error, values_document(value, url), (), answer)
        raise UpdateError("; ".join(map(str, problems))) from None


def values_document(value: object, url: str) -> Document:
    """Return a document in which everything stands at this URL."""
    return Document(value, Places(Place(url)))


def shown(data: bytes) -> str:
    """Return the beginning of a text that somebody has sent, in quotes and printable."""
    return repr(data[: _SHOWN * 4].decode("utf-8", "replace")[:_SHOWN])


def printable(text: str) -> str:
    """Return the beginning of a text without line ends and control characters."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:_SHOWN])


def _unchanged(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object as it is: without a call of Python's no other thread has its turn."""
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no value")
