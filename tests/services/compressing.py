"""The chat service with a handler for each way to compress."""

import sys
from typing import Final

from app import daemon
from app.chat.handler import ChatHandler
from app.main import COMPONENTS
from tests.helpers.service_process import Section, components_of, original_config

THRESHOLD: Final = 100

COMPRESSION: Final[dict[str, Section]] = {
    "compressed": {"threshold": THRESHOLD},
    "compressed-all": {"threshold": 0},
    "wide": {"server-max-window-bits": 15, "client-max-window-bits": 15},
    "narrow": {"server-max-window-bits": 9, "client-max-window-bits": 9},
    "forgetful": {
        "threshold": 0,
        "server-no-context-takeover": True,
        "client-no-context-takeover": True,
    },
    "in-fragments": {"threshold": 0},
}
"""The options by the name of the handler, which is its path, too."""

FRAGMENT_SIZE: Final = 50
"""That of "in-fragments"."""


def compressing_config() -> Section:
    """Return the original's static config with a section for each handler of this service."""
    document = original_config()
    sections = components_of(document)
    limits = {"max-remote-payload": 100_000, "fragment-size": 0}
    for name, options in COMPRESSION.items():
        compression = {"enabled": True, **options}
        place = {"path": f"/{name}", "method": "GET"}
        sections[name] = {**place, **limits, "compression": compression}
    sections["in-fragments"]["fragment-size"] = FRAGMENT_SIZE
    return document


if __name__ == "__main__":
    components = COMPONENTS
    for name in COMPRESSION:
        components = components.append(ChatHandler, name)
    sys.exit(daemon.run(components, sys.argv[1:]))
