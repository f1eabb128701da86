"""The chat service with a page that tells the values of the dynamic config, process by process."""

import os
import sys

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app import daemon
from app.dynamic_config.source import Source
from app.handlers.config import HandlerConfig
from app.handlers.http import HttpHandlerBase
from app.main import COMPONENTS
from app.server.component import ServerComponent
from tests.helpers.service_process import Section, components_of, original_config

PATH = "/dynamic-config"


class ConfigShowing(HttpHandlerBase):
    """Answers with the state of the source, and with the values as they would stand in JSON."""

    name = "config-showing"

    def __init__(
        self, config: HandlerConfig, server: ServerComponent, section: str, source: Source
    ) -> None:
        super().__init__(config, server, section)
        self._source = source

    @override
    async def respond(self, request: Request) -> Response:
        status, snapshot = self._source.status(), self._source.snapshot
        values = {each.name: each.dump(snapshot[each]) for each in self._source.variables}
        return JSONResponse(
            {
                "revision": status.revision,
                "origin": status.origin,
                "error": status.error and status.error.text,
                "values": values,
                "process_id": os.getpid(),
            }
        )


def showing_config() -> Section:
    """Return the original's static config with a section for the page."""
    document = original_config()
    components_of(document)[ConfigShowing.name] = {"path": PATH, "method": "GET"}
    return document


if __name__ == "__main__":
    sys.exit(daemon.run(COMPONENTS.append(ConfigShowing), sys.argv[1:]))
