"""The chat service with handlers whose limits the tests change."""

import sys
from collections import Counter
from typing import Final

from typing_extensions import override

from app import daemon
from app.chat.handler import ChatHandler
from app.handlers.context import RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.main import COMPONENTS
from app.service import Service
from app.websocket.connection import WebSocketConnection
from tests.helpers.service_process import Section, components_of, original_config

MESSAGE_SIZE: Final = 16384
"""Bytes of each message of a PouringHandler."""

_sent: Final = Counter[str]()


class PouringHandler(WebSocketHandlerBase):
    """Waits for a message, then sends without end, and counts by name what it need not wait for."""

    name = "pouring"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.recv()
        while True:
            await chat.send(b"x" * MESSAGE_SIZE)
            _sent[context.path_params["name"]] += 1


class CountHandler(WebSocketHandlerBase):
    """Tells who asks with a name how many messages a PouringHandler has sent."""

    name = "count"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        async for name in chat:
            await chat.send(str(_sent[str(name)]))


QUIET: Final[Section] = {"ping-interval": "0s", "send-timeout": "0s"}

CHATS: Final[dict[str, Section]] = {
    "payload": {"max-remote-payload": 100},
    "fragments": {},
    "frames": {"fragment-size": 0},
    "controls": {},
    "messages": {},
    "bytes": {},
    "held": {"max-messages-per-second": 1},
    "strict": {},
    "pinging": {},
    "mute": {},
    "idle": {},
    "session": {},
    "closing": {"close-timeout": "10ms"},
    "places": {},
    "addresses": {},
    "refused": {},
}
"""The options by the name of the handler, which is its path, too."""

POURING: Final[dict[str, Section]] = {
    "pouring-less": {"send-buffer-high": 1 << 20},
    "pouring-more": {"send-buffer-high": 65536},
    "pouring-on": {"send-buffer-high": 8 << 20, "send-buffer-low": 65536},
    "slow": {},
}
"""Those of the handlers that send without end."""


def changing_config() -> Section:
    """Return the original's static config with a section for each handler of this service."""
    document = original_config()
    sections = components_of(document)
    for name, options in CHATS.items():
        sections[name] = {"path": f"/{name}", "method": "GET", **QUIET, **options}
    for name, options in POURING.items():
        sections[name] = {"path": f"/{name}/{{name}}", "method": "GET", **QUIET, **options}
    sections[CountHandler.name] = {"path": "/count", "method": "GET", **QUIET}
    return document


components = COMPONENTS.append(CountHandler)
for _name in CHATS:
    components = components.append(ChatHandler, _name)
for _name in POURING:
    components = components.append(PouringHandler, _name)
app = Service(components)

if __name__ == "__main__":
    sys.exit(daemon.run(components, sys.argv[1:]))
