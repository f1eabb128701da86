"""What the log says of each request to a handler as it begins."""

import json
import logging
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.dynamic_config.source import Source
from app.logs.statement import Statement
from app.server.contracts import HandlerOptions
from app.server.variables import (
    USERVER_LOG_REQUEST,
    USERVER_LOG_REQUEST_HEADERS,
    USERVER_LOG_REQUEST_HEADERS_WHITELIST,
)
from app.websocket.headers import Headers

logger = logging.getLogger(__name__)

_RECEIVED: Final = Statement(logger, logging.INFO, "request received")

MAX_TAG: Final = 512
"""Characters of a URI, and of each header that has a tag of its own, that are logged."""

MASK: Final = "***"
"""What is logged in the place of a header's value."""


REQUEST_TAGS: Final = "websocket.request_tags"
"""The key in the scope of a handshake under which the line that tells how it was answered finds
what it has to say of the request: it takes the place of a line of the request's own."""


class RequestLog:
    """Logs that a request has begun, as far as the dynamic config says.

    Args:
        source: Of the variables; they are read at each request.
    """

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source: Final = source

    def received(self, request: HTTPConnection, options: HandlerOptions) -> None:
        """Log that the head of this request is there, whatever bytes are in it, with a line.

        Args:
            request: A plain one.
            options: Those of the handler that it goes to.
        """
        if logger.isEnabledFor(logging.INFO):
            tags = self._tags(request.scope, request.headers.raw, options)
            if tags is not None:
                _RECEIVED.log(tags)

    def handshake_received(self, scope: Scope, options: HandlerOptions) -> None:
        """Let the line that tells how this handshake was answered tell of the request, too.

        Args:
            scope: Of the connection.
            options: Those of the handler that it goes to.
        """
        tags = self._tags(scope, scope["headers"], options)
        if tags is not None:
            scope[REQUEST_TAGS] = tags

    def _tags(
        self, scope: Scope, headers: Headers, options: HandlerOptions
    ) -> dict[str, object] | None:
        snapshot = self._source.snapshot
        if not snapshot[USERVER_LOG_REQUEST]:
            return None
        tags = request_tags(scope, headers)
        if snapshot[USERVER_LOG_REQUEST_HEADERS]:
            shown = snapshot[USERVER_LOG_REQUEST_HEADERS_WHITELIST]
            limit = options.request_headers_size_log_limit
            tags |= header_tags(headers, frozenset(shown), limit)
        return tags


def request_tags(scope: Scope, headers: Headers) -> dict[str, object]:
    """Return what is always told of a request: what it asks for, and who asks."""
    # ASGI tells no method of a handshake, which has only this one.
    tags: dict[str, object] = {"method": scope.get("method", "GET"), "uri": _uri(scope)}
    for name, value in headers:
        tag = _TAGS.get(name)
        if tag is not None and tag not in tags:
            tags[tag] = value[:MAX_TAG].decode("latin-1")
    return tags


def header_tags(headers: Headers, shown: Collection[str], limit: int) -> dict[str, object]:
    """Return what is told of all headers: a JSON object, and how many there was no room for.

    One that there is no room for is left out whole. One that the request has several times is told
    once, with all its values, and commas between them (RFC 9110 section 5.3).

    Args:
        headers: Those of a request.
        shown: The names, in lower case, of those that are told with their values, and first.
        limit: How many bytes the JSON object may have.
    """
    values: dict[str, list[str]] = {}
    for raw_name, value in headers:
        name = raw_name.decode("latin-1").lower()
        values.setdefault(name, []).append(value.decode("latin-1"))
    told = {name: ", ".join(values[name]) for name in values if name in shown}
    told |= {name: MASK for name in values if name not in shown}
    members = _members_within(told, limit - len("{}"))
    tags: dict[str, object] = {"request_headers": f"{{{','.join(members)}}}"}
    if len(members) < len(told):
        tags["request_headers_left_out"] = len(told) - len(members)
    return tags


def _members_within(texts: Mapping[str, str], room: int) -> list[str]:
    """Return members of a JSON object, of those that there is room for, with commas between."""
    members: list[str] = []
    for name, text in texts.items():
        # A long one is not written only to be left out.
        if len(name) + len(text) <= room:
            member = f"{json.dumps(name)}:{json.dumps(text)}"
            added = len(member) + (len(",") if members else 0)
            if added <= room:
                members.append(member)
                room -= added
    return members


_TAGS: Final = {
    b"content-length": "request_body_length",
    b"user-agent": "useragent",
    b"accept-language": "acceptlang",
    b"x-request-application": "request_application",
}
"""The headers that have a tag of their own."""


def _uri(scope: Scope) -> str:
    """Return the path and the query as the request has them; not every server tells of the path."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"], errors="replace") if raw is None else raw.decode("latin-1")
    query: bytes = scope.get("query_string") or b""
    return f"{path}?{query.decode('latin-1')}"[:MAX_TAG] if query else path[:MAX_TAG]
