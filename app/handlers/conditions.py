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


def not_modified(request: Request, version: object) -> Response | None:
    """Return the answer to a request that has seen this version already; None if it has not.

    Args:
        request: The request, which may have `If-None-Match`.
        version: The version of what it asks for: the `ETag` of any other answer.
    """
    tag = etag(version)
    tags = {each.removeprefix(_WEAK) for each in _tags(request, "if-none-match")}
    has_seen = tag in tags or "*" in tags
    return Response(status_code=304, headers={"ETag": tag}) if has_seen else None


def _tags(request: Request, header: str) -> list[str]:
    lines = request.headers.getlist(header)
    return [tag.strip() for line in lines for tag in line.split(",") if tag.strip()]
