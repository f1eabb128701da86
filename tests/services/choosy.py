"""The chat service with handlers that are particular about who connects and what they answer."""

import sys
from collections.abc import Callable, Sequence

from starlette.requests import HTTPConnection
from typing_extensions import override

from app import daemon
from app.handlers.context import HandshakeResponse, RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.main import COMPONENTS
from app.service import Service
from app.websocket.connection import WebSocketConnection
from tests.helpers.service_process import Section, components_of, original_config


class TellingHandler(WebSocketHandlerBase):
    """Tells which subprotocol is spoken, and stays as long as the client does."""

    name = "telling"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.send(str(context.subprotocol))
        async for message in chat:
            await chat.send(message)


class PoliteHandler(TellingHandler):
    """Takes the last offer that is polite, and nobody who makes none."""

    name = "polite"

    @override
    def choose_subprotocol(self, offered: Sequence[str], request: HTTPConnection) -> str | None:
        return next((each for each in reversed(offered) if each.startswith("polite")), None)

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        if response.subprotocol is None:
            response.json({"error": "be polite"}, status_code=400)
        return response.subprotocol is not None


def _set_status(response: HandshakeResponse) -> None:
    response.status_code = 101


def _set_header(response: HandshakeResponse) -> None:
    response.headers["X-Note"] = "a\r\nSet-Cookie: admin=1"


def _set_header_name(response: HandshakeResponse) -> None:
    response.headers["X-Note: a\r\nSet-Cookie"] = "admin=1"


def _set_wide_header(response: HandshakeResponse) -> None:
    response.headers["X-Note"] = "\u0130"


def _set_subprotocol(response: HandshakeResponse) -> None:
    response.subprotocol = "never-offered"


def _split_subprotocol(response: HandshakeResponse) -> None:
    response.subprotocol = "a\r\nSet-Cookie: admin=1"


def _set_extensions(response: HandshakeResponse) -> None:
    response.headers["Sec-WebSocket-Extensions"] = "permessage-deflate"


def _set_framing(response: HandshakeResponse) -> None:
    response.headers["Content-Length"] = "1000"
    response.headers["Transfer-Encoding"] = "chunked"
    response.headers["Connection"] = "close"
    response.headers["Upgrade"] = "h2c"


MISTAKES: dict[str, Callable[[HandshakeResponse], None]] = {
    "status": _set_status,
    "header": _set_header,
    "header-name": _set_header_name,
    "wide-header": _set_wide_header,
    "subprotocol": _set_subprotocol,
    "split-subprotocol": _split_subprotocol,
    "extensions": _set_extensions,
    "framing": _set_framing,
}


class MistakenHandler(TellingHandler):
    """Makes the mistake that the path names, and then accepts, or refuses if `?refuse` says so."""

    name = "mistaken"

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        response.body = b"no"
        MISTAKES[context.path_params["mistake"]](response)
        return "refuse" not in request.query_params


HANDLERS: dict[str, type[WebSocketHandlerBase]] = {
    "few": TellingHandler,
    "few-of-address": TellingHandler,
    "listed": TellingHandler,
    "speaking": TellingHandler,
    "polite": PoliteHandler,
    "mistaken": MistakenHandler,
}

OPTIONS: dict[str, Section] = {
    "few": {"max-connections": 2},
    "few-of-address": {"max-connections-per-address": 1},
    "listed": {"allowed-origins": ["https://pages.example", "null"]},
    "speaking": {"subprotocols": ["v2.chat", "v1.chat"]},
    "mistaken": {"path": "/mistaken/{mistake}"},
}


def choosy_config() -> Section:
    """Return the original's static config with a section for each handler of this service."""
    document = original_config()
    for name in HANDLERS:
        section = {"path": f"/{name}", "method": "GET", **OPTIONS.get(name, {})}
        components_of(document)[name] = section
    return document


components = COMPONENTS
for name, handler in HANDLERS.items():
    components = components.append(handler, name)

app = Service(components)

if __name__ == "__main__":
    sys.exit(daemon.run(components, sys.argv[1:]))
