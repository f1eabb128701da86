"""The page in the browser that talks to the chat."""

import html
import posixpath
from importlib.resources import files
from string import Template

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from typing_extensions import override

from app.chat.handler import ChatHandler
from app.handlers.config import HandlerConfig
from app.handlers.http import HttpHandlerBase
from app.server.component import ServerComponent


class ChatPage(HttpHandlerBase):
    """Serves the page; it needs no section, since each of its options has a default."""

    name = "chat-page"

    class Config(HandlerConfig):
        """Options of the `chat-page` section."""

        path: str = Field(default="/", pattern="^/")
        method: str = "GET"

    def __init__(
        self, config: Config, server: ServerComponent, section: str, chat: ChatHandler
    ) -> None:
        super().__init__(config, server, section)
        page = Template(files("app.chat").joinpath("page.html").read_text(encoding="utf-8"))
        # Relative, so that the page also finds the chat behind a proxy that cuts a prefix off.
        url = posixpath.relpath(chat.options.path, posixpath.dirname(config.path))
        self._page = page.substitute(chat_url=html.escape(url))

    @override
    async def respond(self, request: Request) -> Response:
        return HTMLResponse(
            self._page,
            headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
        )
