"""The body of a request: bounded, and as JSON. What is wrong with it is a `JsonError`."""

import contextlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from app.handlers.json_error import JsonError

MAX_NESTING: Final = 64
"""Objects and lists within each other, at most."""


async def read_body(request: Request, max_size: int) -> bytes:
    """Return the body as it has come, `max_size` bytes at most.

    Raises:
        JsonError: it is larger, compressed, or does not come whole.
    """
    headers = request.headers
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_size:
        raise _too_large(max_size)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise JsonError(415, "unsupported_media_type", "send the body as it is, not compressed")
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > max_size:
                raise _too_large(max_size)
            chunks.append(chunk)
    except ClientDisconnect:
        raise JsonError(400, "bad_request", "the body has not come whole") from None
    return b"".join(chunks)


async def read_json(request: Request, max_size: int) -> Any:
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
    return parse_json(await read_body(request, max_size))


def parse_json(body: bytes) -> Any:
    """Return the value that JSON in UTF-8 holds (RFC 8259).

    Raises:
        JsonError: it is none; or an object has a key twice, a number is none that JSON can have
            again, or a text is none that UTF-8 can have; or it is nested too deeply.
    """
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise _bad_json(f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _bad_json(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # Python reads no integer of more than 4300 digits.
        raise _bad_json("a number is too long") from None
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _bad_json(f"the key {counts.most_common(1)[0][0]!a} is there twice")
    return made


def _constant(name: str) -> NoReturn:
    raise _bad_json(f"{name} is no value")


def _check(value: object) -> None:
    """Check what the json module reads and nobody could read again."""
    layer: list[object] = [value]
    for _ in range(MAX_NESTING + 1):
        for each in layer:
            _check_scalar(each)
        if not any(isinstance(each, dict | list) for each in layer):
            return
        layer = [member for each in layer for member in _members(each)]
    raise _too_deep()


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else ()


def _check_scalar(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise _bad_json("a number is too large")
    if isinstance(value, str):
        with _telling_of_surrogates():
            value.encode()


@contextlib.contextmanager
def _telling_of_surrogates() -> Iterator[None]:
    try:
        yield
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
