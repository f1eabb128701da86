"""The chat service with a handler that logs at several levels, and values that a file brings."""

import logging
import sys
from pathlib import Path
from typing import Final

from typing_extensions import override

from app import daemon
from app.handlers.context import RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.main import COMPONENTS
from app.service import Service
from app.websocket.connection import WebSocketConnection
from tests.helpers.service_process import Section, components_of, original_config

logger = logging.getLogger(__name__)

FILE: Final = "tests/services/talkative.py"
PATH: Final = "/talkative"


class TalkativeHandler(WebSocketHandlerBase):
    """Logs each message three times, then echoes it."""

    name = "talkative"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        async for message in chat:
            logger.debug("debug %s", message)
            logger.info("info %s", message)
            logger.warning("warning %s", message)
            await chat.send(message)


DEBUG_LINE: Final = TalkativeHandler.handle.__code__.co_firstlineno + 3
"""Where it logs at level debug."""


def talkative_config(values: Path, **options: object) -> Section:
    """Return the original's static config with the handler, and the updater of a file.

    Args:
        values: The file.
        options: Those of the handler.
    """
    document = original_config()
    sections = components_of(document)
    sections[TalkativeHandler.name] = {"path": PATH, "method": "GET", **options}
    sections["dynamic-config"]["updates-enabled"] = True
    sections["dynamic-config-file-updater"] = {"path": str(values)}
    sections["logging"]["loggers"]["default"]["level"] = "info"
    return document


components = COMPONENTS.append(TalkativeHandler)
app = Service(components)

if __name__ == "__main__":
    sys.exit(daemon.run(components, sys.argv[1:]))
