"""From a request's path to its handler: Starlette's routes for the handlers of a listener."""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.logs.context import enter_handler
from app.server.asgi_channel import AsgiChannel
from app.server.contracts import DIRECT, Handler, WebSocketHandler
from app.server.request_log import RequestLog
from app.websocket.channel import Channel


class HandlerRouter(Router):
    """A router to handlers; any other path is answered with 404.

    A path without templates comes before those with one, wherever it stands in `handlers`.

    Args:
        handlers: Those that there are.
        log: What goes to a handler is told to it first.
    """

    def __init__(self, handlers: Iterable[Handler], log: RequestLog) -> None:
        fixed_first = sorted(handlers, key=lambda handler: "{" in handler.options.path)
        routes = [route for handler in fixed_first for route in _routes(handler, log)]
        super().__init__(routes, redirect_slashes=False, default=_not_found)
        self._fixed: Final = {
            route.path: route
            for route in routes
            if isinstance(route, WebSocketRoute) and "{" not in route.path
        }

    def take_straight(self, scope: Scope) -> ASGIApp | None:
        """Return what serves a connection to a fixed path, with its scope as the routes leave it.

        None: the routes must be asked. They would find the same; to ask all of them in turn, and to
        await each, costs too much at each connection.
        """
        route = None if scope.get("root_path") else self._fixed.get(scope["path"])
        if route is None:
            return None
        scope["router"] = self
        scope["route"] = route
        scope["endpoint"] = route.endpoint
        scope["path_params"] = {}
        return route.app


def paths(handler: Handler) -> list[str]:
    """Return the paths under which the handler is reached, its own first."""
    path = handler.options.path
    if handler.options.url_trailing_slash == "strict-match" or path == "/":
        return [path]
    return [path, path.removesuffix("/") if path.endswith("/") else f"{path}/"]


def path_shape(path: str) -> str:
    """Return what all paths that match the same requests have in common: no names of templates."""
    return TEMPLATE.sub(lambda found: f"{{{found[1] or ':str'}}}", path)


def describe_path(handler: Handler) -> str:
    """Return the handler's path and what is spoken there."""
    spoken = "WebSocket" if isinstance(handler, WebSocketHandler) else handler.options.methods[0]
    return f"{handler.options.path} ({spoken})"


TEMPLATE: Final = re.compile(r"\{\w+(:\w+)?\}")
"""What stands for a part of a path: `{name}` or `{name:type}`."""


class WebSocketEndpoint:
    """The ASGI application of one WebSocket handler's route."""

    def __init__(self, handler: WebSocketHandler, log: RequestLog) -> None:
        self._handler = handler
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handler
        enter_handler(handler.handler_name, scope["headers"])
        self._log.handshake_received(scope, handler.options)
        await handler.serve(_channel(scope, receive, send), HTTPConnection(scope))


def _channel(scope: Scope, receive: Receive, send: Send) -> Channel:
    extensions = scope.get("extensions") or {}
    channel: Channel | None = extensions.get(DIRECT)
    return channel or AsgiChannel(scope, receive, send)


def _routes(handler: Handler, log: RequestLog) -> Iterator[BaseRoute]:
    for path in paths(handler):
        if isinstance(handler, WebSocketHandler):
            yield WebSocketRoute(path, WebSocketEndpoint(handler, log), name=handler.handler_name)
        yield Route(
            path,
            _respond(handler, log),
            methods=list(handler.options.methods),
            name=handler.handler_name,
        )


def _respond(handler: Handler, log: RequestLog) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        enter_handler(handler.handler_name, request.headers.raw)
        log.received(request, handler.options)
        return await handler.respond(request)

    return respond


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    response = PlainTextResponse("Not Found", status_code=404)
    if scope["type"] == "websocket":
        channel = _channel(scope, receive, send)
        await channel.refuse(response.status_code, response.raw_headers, bytes(response.body))
    else:
        await response(scope, receive, send)
