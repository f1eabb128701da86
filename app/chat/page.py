"""The page in the browser that talks to the chat."""

import html
import posixpath
from importlib.resources import files
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from typing_extensions import override

from app.chat.handler import ChatHandler
from app.handlers.config import HandlerConfig, HttpMethods, UrlPath
from app.handlers.http import HttpHandlerBase
from app.server.component import ServerComponent
from app.static_config.errors import OptionError


class ChatPage(HttpHandlerBase):
    """Serves the page in the browser that talks to the chat."""

    name = "chat-page"

    class Config(HandlerConfig):
        """Options of the `chat-page` section."""

        path: UrlPath = "/"
        method: HttpMethods = "GET"

    def __init__(
        self, config: Config, server: ServerComponent, section: str, chat: ChatHandler
    ) -> None:
        super().__init__(config, server, section)
        self._chat_path = chat.options.path
        if "{" in self._chat_path:
            text = f"cannot choose what stands in the chat's path, {self._chat_path!r}"
            raise OptionError({(): text})
        self._page = Template(files("app.chat").joinpath("page.html").read_text(encoding="utf-8"))

    @override
    async def respond(self, request: Request) -> Response:
        return HTMLResponse(
            self._page.substitute(chat_url=html.escape(self._chat_url(request))),
            headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
        )

    def _chat_url(self, request: Request) -> str:
        """Return the chat's URL relative to the page, which holds behind a proxy's prefix, too."""
        chat = request.scope.get("root_path", "") + self._chat_path
        url = posixpath.relpath(chat, posixpath.dirname(request.url.path))
        return f"{url}/" if chat.endswith("/") else url
