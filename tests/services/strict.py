"""The chat service with a handler for each limit of the direct path."""

import sys
from typing import Final

from app import daemon
from app.chat.handler import ChatHandler
from app.main import COMPONENTS
from tests.helpers.service_process import Section, components_of, original_config
from tests.services.pouring import CountHandler, PouringHandler

CHATS: Final[dict[str, Section]] = {
    "fragments": {"max-fragments": 3},
    "controls": {"max-control-frames-per-second": 50},
    "paced": {"max-messages-per-second": 10},
    "hasty": {"max-messages-per-second": 10, "on-rate-limit": "close"},
    "thin": {"max-bytes-per-second": 2000},
    "heavy": {"max-bytes-per-second": 2000, "on-rate-limit": "close"},
    "pinging": {"ping-interval": "200ms", "ping-timeout": "0ms"},
    "listening": {"ping-interval": "200ms", "ping-timeout": "2s"},
    "mute": {"ping-interval": "100ms", "ping-timeout": "300ms"},
    "idle": {"idle-timeout": "600ms", "ping-interval": "100ms", "ping-timeout": "0ms"},
    "brief": {"max-session-time": "500ms"},
}
"""The options by the name of the handler, which is its path, too."""

POURING: Final[dict[str, Section]] = {
    "pouring-little": {"send-buffer-high": 65536},
    "pouring-much": {"send-buffer-high": 1048576},
}
"""Those of the handlers that send without end to clients that do not read."""

HIGH: Final = 8 * 1048576
LOW: Final = 65536
"""The send buffer of "steady", which sends to clients that do."""


def strict_config() -> Section:
    """Return the original's static config with a section for each handler of this service."""
    document = original_config()
    sections = components_of(document)
    for name, options in CHATS.items():
        sections[name] = {"path": f"/{name}", "method": "GET", **options}
    for name, options in POURING.items():
        slow: Section = {"send-timeout": "300ms", **options}
        sections[name] = {"path": f"/{name}/{{name}}", "method": "GET", **slow}
    steady = {"send-buffer-high": HIGH, "send-buffer-low": LOW, "ping-interval": "0ms"}
    sections["steady"] = {"path": "/steady/{name}", "method": "GET", **steady}
    sections["count"] = {"path": "/count", "method": "GET", "ping-interval": "0ms"}
    return document


if __name__ == "__main__":
    components = COMPONENTS.append(CountHandler).append(PouringHandler, "steady")
    for name in CHATS:
        components = components.append(ChatHandler, name)
    for name in POURING:
        components = components.append(PouringHandler, name)
    sys.exit(daemon.run(components, sys.argv[1:]))
