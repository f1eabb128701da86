"""The page in the browser that talks to the chat."""

import html
import logging
import posixpath
from importlib.resources import files
from string import Template
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from app.chat.handler import ChatHandler
from app.dynamic_config.source import Source
from app.handlers.config import HandlerConfig, HttpMethods, UrlPath
from app.handlers.http import HttpHandlerBase
from app.server.component import ServerComponent
from app.static_config.errors import OptionError
from app.static_files.content_types import OTHERS, content_type_of
from app.static_files.variables import USERVER_FILES_CONTENT_TYPE_MAP

logger = logging.getLogger(__name__)

FILE: Final = "page.html"


class ChatPage(HttpHandlerBase):
    """Serves the page in the browser that talks to the chat."""

    name = "chat-page"

    class Config(HandlerConfig):
        """Options of the `chat-page` section."""

        path: UrlPath = "/"
        method: HttpMethods = "GET"

    def __init__(
        self,
        config: Config,
        server: ServerComponent,
        section: str,
        source: Source,
        chat: ChatHandler,
    ) -> None:
        super().__init__(config, server, section)
        self._source = source
        self._chat_path = chat.options.path
        if "{" in self._chat_path:
            text = f"cannot choose what stands in the chat's path, {self._chat_path!r}"
            raise OptionError({(): text})
        self._page = Template(files("app.chat").joinpath(FILE).read_text(encoding="utf-8"))

    @override
    async def respond(self, request: Request) -> Response:
        types = self._source.snapshot[USERVER_FILES_CONTENT_TYPE_MAP]
        content_type = content_type_of(FILE, types)
        if content_type is None:
            name = USERVER_FILES_CONTENT_TYPE_MAP.name
            logger.error("%s has neither an entry for %r nor %r", name, FILE, OTHERS)
            return Response(status_code=500)
        return Response(
            self._page.substitute(chat_url=html.escape(self._chat_url(request))),
            headers={
                "Content-Type": content_type,
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _chat_url(self, request: Request) -> str:
        """Return the chat's URL relative to the page, which holds behind a proxy's prefix, too."""
        chat = request.scope.get("root_path", "") + self._chat_path
        url = posixpath.relpath(chat, posixpath.dirname(request.url.path))
        return f"{url}/" if chat.endswith("/") else url
