"""What the server asks of the code above it."""

from collections.abc import Sequence
from typing import Final, Literal, Protocol, runtime_checkable

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.websocket.channel import Channel

DIRECT: Final = "websocket.direct"
"""The key in a scope's extensions under which the direct path hands a connection's channel over."""

UrlTrailingSlash = Literal["both", "strict-match"]


class HandlerOptions(Protocol):
    """Where and how a handler is reached."""

    @property
    def path(self) -> str:
        """The URL path; `{name}` stands for one segment."""

    @property
    def methods(self) -> Sequence[str]:
        """The HTTP methods that it answers."""

    @property
    def task_processor(self) -> str | None:
        """The one it runs on; None is its listener's."""

    @property
    def url_trailing_slash(self) -> UrlTrailingSlash:
        """Whether the path is also found with, or without, a slash at its end."""

    @property
    def request_headers_size_log_limit(self) -> int:
        """Bytes of a request's headers that are logged, if they are to be logged."""


class Handler(Protocol):
    """Answers the HTTP requests to one path."""

    @property
    def handler_name(self) -> str:
        """The section of the static config that it runs under."""

    @property
    def options(self) -> HandlerOptions:
        """Where and how it is reached."""

    async def respond(self, request: Request) -> Response:
        """Answer a request that is no WebSocket handshake."""


@runtime_checkable
class WebSocketHandler(Handler, Protocol):
    """Serves the WebSocket connections to one path, too."""

    async def serve(self, channel: Channel, request: HTTPConnection) -> None:
        """Serve one connection, from the handshake to its end."""
