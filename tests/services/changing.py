"""The chat service with handlers whose limits the tests change."""

import sys
from typing import Final

from app import daemon
from app.chat.handler import ChatHandler
from app.main import COMPONENTS
from app.service import Service
from tests.helpers.service_process import Section, components_of, original_config
from tests.services.pouring import CountHandler, WaitingPouringHandler

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
    "enormous": {},
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
    components = components.append(WaitingPouringHandler, _name)
app = Service(components)

if __name__ == "__main__":
    sys.exit(daemon.run(components, sys.argv[1:]))
