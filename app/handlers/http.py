"""The base class of handlers of plain HTTP requests."""

from abc import ABC, abstractmethod
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.components.component import Component
from app.handlers.config import HandlerConfig
from app.server.component import ServerComponent


class HttpHandlerBase(Component, ABC):
    """Derive from it, give it a `name`, and write `respond`.

    There is one object per worker process; it answers all requests, each in a task of its own.
    """

    Config = HandlerConfig

    def __init__(self, config: HandlerConfig, server: ServerComponent, section: str) -> None:
        self.handler_name: Final = section
        self.options: Final = config
        server.add_handler(self)

    @abstractmethod
    async def respond(self, request: Request) -> Response:
        """Answer one request. An exception is answered with 500 and logged."""
