"""The body of a request: bounded, and as JSON. What is wrong with it is a `JsonError`."""

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from app.handlers.json_error import JsonError

MAX_NESTING: Final = 64
"""Objects and lists within each other, at most."""

_CONTAINERS: Final = (dict, list)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_DIGITS: Final = 20
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What is waited for.

    Args:
        size: Bytes of a body, at most.
        timeout: Seconds in which it must have come.
    """

    size: int
    timeout: float


async def read_body(request: Request, limits: BodyLimits) -> bytes:
    """Return the body as it has come.

    Raises:
        JsonError: it is larger than it may be, compressed, or does not come whole, or not in time.
    """
    headers = request.headers
    declared = headers.get("content-length", "")
    # A number of thousands of digits is none to Python.
    if declared.isdecimal() and (len(declared) > _DIGITS or int(declared) > limits.size):
        raise _too_large(limits.size)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise JsonError(415, "unsupported_media_type", "send the body as it is, not compressed")
    try:
        async with asyncio.timeout(limits.timeout):
            return await _read(request, limits.size)
    except ClientDisconnect:
        raise JsonError(400, "bad_request", "the body has not come whole") from None
    except TimeoutError:
        text = f"the body has not come whole in {limits.timeout:g} s; send it again"
        raise JsonError(408, "timeout", text, {"Connection": "close"}) from None


async def _read(request: Request, max_size: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_size:
            raise _too_large(max_size)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: Request, limits: BodyLimits) -> Any:
    """Return the value that the body holds, which says of itself that it is JSON.

    A page of another site cannot send that type without being asked for it first (CSRF).

    Raises:
        JsonError: see `read_body` and `parse_json`; or its type is another one.
    """
    type_, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if type_.strip() != "application/json" or charset not in ("", "utf-8", "utf8"):
        text = "send JSON in UTF-8, with 'Content-Type: application/json'"
        raise JsonError(415, "unsupported_media_type", text)
    return parse_json(await read_body(request, limits))


def parse_json(body: bytes) -> Any:
    """Return the value that JSON in UTF-8 holds (RFC 8259).

    Raises:
        JsonError: it is none; or an object has a key twice, a number is none that JSON can have
            again, or a text is none that UTF-8 can have; or it is nested too deeply.
    """
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_float=_finite, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise _bad_json(f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _bad_json(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # Python reads no integer of more than 4300 digits.
        raise _bad_json("a number is too long") from None
    _check_nesting(value)
    # All that could bring one is such an escape: most bodies need not be looked through.
    if _SURROGATE.search(body):
        _check_texts(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _bad_json(f"the key {counts.most_common(1)[0][0][:_SHOWN]!a} is there twice")
    return made


def _constant(name: str) -> NoReturn:
    raise _bad_json(f"{name} is no value")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _bad_json("a number is too large")
    return number


def _check_nesting(value: object) -> None:
    layer: list[object] = [value]
    for _ in range(MAX_NESTING + 1):
        inner = [each for each in layer if isinstance(each, _CONTAINERS)]
        if not inner:
            return
        layer = [member for each in inner for member in _members(each)]
    raise _too_deep()


def _members(container: dict[str, object] | list[object]) -> Iterable[object]:
    return container.values() if isinstance(container, dict) else container


def _check_texts(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _bad_json("a text has half of a surrogate pair") from None


def _bad_json(text: str) -> JsonError:
    return JsonError(400, "bad_json", f"the body is not JSON in UTF-8: {text}")


def _too_deep() -> JsonError:
    text = f"nested deeper than {MAX_NESTING}"
    errors = [{"path": [], "text": text}]
    return JsonError(400, "bad_request", f"the body is {text}", errors=errors)


def _too_large(max_size: int) -> JsonError:
    return JsonError(413, "too_large", f"the body may have {max_size} bytes, and has more")
