"""What ASGI is told of a WebSocket connection."""

import urllib.parse
from collections.abc import Mapping

import httptools
from starlette.types import Scope

from app.websocket.handshake import HandshakeRefused
from app.websocket.headers import Headers
from app.websocket.subprotocols import offered_subprotocols


def websocket_scope(
    request: Mapping[str, object], url: bytes, headers: Headers, asgi_version: str
) -> Scope:
    """Return the scope of the connection that a request asks for.

    Args:
        request: What there is of the request's own scope when its head is complete.
        url: As the request has it.
        headers: As ASGI has them.
        asgi_version: That of the server.

    Raises:
        HandshakeRefused: the URL has no path.
    """
    try:
        parsed = httptools.parse_url(url)
        path = parsed.path.decode("ascii")
    except (httptools.HttpParserInvalidURLError, AttributeError, UnicodeDecodeError):
        raise HandshakeRefused(400, "the URL has no valid path") from None
    root = str(request["root_path"])
    if "%" in path:
        path = urllib.parse.unquote(path)
    return {
        **request,
        "type": "websocket",
        "asgi": {"version": asgi_version, "spec_version": "2.4"},
        "scheme": "wss" if request["scheme"] == "https" else "ws",
        "path": root + path,
        "raw_path": root.encode("ascii") + parsed.path if root else parsed.path,
        "query_string": parsed.query or b"",
        "subprotocols": list(offered_subprotocols(headers)),
        "extensions": {"websocket.http.response": {}},
    }
