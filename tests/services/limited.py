"""The chat service with a handler for each limit, for ASGI servers to run."""

from app.chat.handler import ChatHandler
from app.main import COMPONENTS
from app.service import Service
from tests.helpers.service_process import Section, components_of, original_config
from tests.services.odd import FloodingHandler, GuardedHandler

CHATS: dict[str, Section] = {
    "idle": {"idle-timeout": "300ms"},
    "brief": {"max-session-time": "300ms"},
    "hasty": {"max-messages-per-second": 3, "on-rate-limit": "close"},
    "heavy": {"max-bytes-per-second": 1000, "on-rate-limit": "close"},
    "paused": {"max-messages-per-second": 4},
}
"""The options by the name of the handler, which is its path, too."""


def limited_config() -> Section:
    """Return the original's static config with a section for each handler of this service."""
    document = original_config()
    sections = components_of(document)
    for name, options in CHATS.items():
        sections[name] = {"path": f"/{name}", "method": "GET", **options}
    slow = {"send-timeout": "500ms", "close-timeout": "500ms"}
    sections["flooding"] = {"path": "/flooding", "method": "GET", **slow}
    sections["guarded"] = {"path": "/guarded/{room}", "method": "GET"}
    return document


components = COMPONENTS.append(FloodingHandler).append(GuardedHandler)
for _name in CHATS:
    components = components.append(ChatHandler, _name)
app = Service(components)
