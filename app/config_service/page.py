"""The page in the browser that shows values and their history, and changes them."""

import base64
import hashlib
import html
import posixpath
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from app.config_service.admin_edits import AdminRollbackHandler, AdminValueHandler
from app.config_service.admin_reads import (
    AdminHistoryHandler,
    AdminValuesHandler,
    AdminVariablesHandler,
)
from app.handlers.config import HandlerConfig, HttpMethods, UrlPath
from app.handlers.http import HttpHandlerBase
from app.server.component import ServerComponent

SCRIPTS: Final = (
    "json_text",
    "differences",
    "levels",
    "schema_words",
    "api",
    "elements",
    "variables",
    "variable",
    "editor",
    "edits",
    "review",
    "rollback",
    "history",
    "page",
)
"""The parts of the one script, in the order in which they run."""


class ConfigPage(HttpHandlerBase):
    """Serves the page in the browser that shows values and their history, and changes them."""

    name = "config-page"

    class Config(HandlerConfig):
        """Options of the `config-page` section."""

        path: UrlPath = "/"
        method: HttpMethods = "GET"

    def __init__(
        self,
        config: Config,
        server: ServerComponent,
        section: str,
        variables: AdminVariablesHandler,
        values: AdminValuesHandler,
        value: AdminValueHandler,
        history: AdminHistoryHandler,
        rollback: AdminRollbackHandler,
    ) -> None:
        super().__init__(config, server, section)
        self._paths: Final = {
            "variables": variables.options.path,
            "values": values.options.path,
            "value": value.options.path,
            "history": history.options.path,
            "rollback": rollback.options.path,
        }
        self._page: Final = Template(_text("page.html"))
        self._style: Final = _text("page.css")
        self._script: Final = "\n".join(_text(f"{each}.js") for each in SCRIPTS)
        self._headers: Final = {
            "Content-Security-Policy": content_security_policy(self._style, self._script),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }

    @override
    async def respond(self, request: Request) -> Response:
        urls = _attributes(self._urls(request))
        page = self._page.substitute(style=self._style, script=self._script, urls=urls)
        return Response(page, headers=self._headers, media_type="text/html")

    def _urls(self, request: Request) -> Mapping[str, str]:
        """Return the URLs of the handlers, relative to the page: behind a proxy's prefix, too."""
        root, folder = request.scope.get("root_path", ""), posixpath.dirname(request.url.path)
        return {
            name: posixpath.relpath(root + path, folder or "/")
            for name, path in self._paths.items()
        }


def content_security_policy(style: str, script: str) -> str:
    """Return the policy that lets this style and this script be, and nothing else of the kind."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_digest(script)}",
            f"style-src {_digest(style)}",
            "connect-src 'self'",
            "img-src data:",  # the icon
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _text(name: str) -> str:
    return files("app.config_service").joinpath("browser", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _attributes(urls: Mapping[str, str]) -> str:
    return " ".join(f'data-{name}="{html.escape(url)}"' for name, url in urls.items())
