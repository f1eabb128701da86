"""Requests that hold only for a version that their author has seen (RFC 9110 section 13)."""

from collections.abc import Collection
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.handlers.json_error import JsonError

_WEAK: Final = "W/"


def etag(version: object) -> str:
    """Return the `ETag` of a version."""
    return f'"{version}"'


def seen_versions(request: Request) -> Collection[str]:
    """Return the versions that `If-Match` of a request names, which it must have.

    `*` names none: it would let its author overwrite what nobody has looked at.

    Raises:
        JsonError: it has none.
    """
    tags = _tags(request, "if-match")
    if not tags or "*" in tags:
        text = "'If-Match' is required: the ETag of what you have seen"
        raise JsonError(428, "if_match_required", text)
    # A weak one does not say that all is the same.
    return {tag.strip('"') for tag in tags if not tag.startswith(_WEAK)}


def unless_seen(request: Request, version: object, response: Response) -> Response:
    """Return the response with its `ETag`; 304 without a body if the request has seen it.

    Args:
        request: The request, which may have `If-None-Match`.
        version: The version of what is in the response.
        response: The response.
    """
    tag = etag(version)
    tags = {each.removeprefix(_WEAK) for each in _tags(request, "if-none-match")}
    if tag in tags or "*" in tags:
        response = Response(status_code=304)
    response.headers["ETag"] = tag
    return response


def _tags(request: Request, header: str) -> list[str]:
    lines = request.headers.getlist(header)
    return [tag.strip() for line in lines for tag in line.split(",") if tag.strip()]
