"""The options of handlers."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, field_validator
from starlette.routing import compile_path

from app.components.component import ComponentConfig
from app.logs.escaping import MAX_CHARACTERS
from app.server.contracts import UrlTrailingSlash
from app.server.router import TEMPLATE
from app.static_config.errors import did_you_mean
from app.static_config.model import TaskProcessorName
from app.websocket.compression import CompressionConfig
from app.websocket.limits import Limits
from app.websocket.origin import AllowedOrigin
from app.websocket.subprotocols import Subprotocols

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def _check_path(value: str) -> str:
    if not _PATH.fullmatch(value) or not value.isprintable():
        raise ValueError("expected a path that begins with '/': no query, no wildcard, no blanks")
    if set("{}") & set(TEMPLATE.sub("", value)):
        raise ValueError("a brace that is not part of a template such as '{name}'")
    try:
        compile_path(value)
    except (AssertionError, ValueError) as error:
        raise ValueError(f"not a path template: {error}") from None
    return value


def _check_methods(value: str) -> str:
    for method in _split(value):
        if method not in METHODS:
            known = ", ".join(sorted(METHODS))
            hint = did_you_mean(method, METHODS)
            raise ValueError(f"there is no method {method!r}; there are: {known}{hint}")
    return value


def _split(methods: str) -> list[str]:
    return [method.strip() for method in methods.split(",")]


_PATH: Final = re.compile(r"/[^?#*\s]*")

UrlPath = Annotated[
    str,
    AfterValidator(_check_path),
    Field(
        description="URL path, from `/` on; `{name}` stands for any one segment,"
        " `{name:path}` for the rest."
    ),
]

HttpMethods = Annotated[
    str,
    AfterValidator(_check_methods),
    Field(
        description="HTTP methods, with commas between them. A WebSocket connection begins with"
        " `GET`."
    ),
]


class HandlerConfig(ComponentConfig):
    """Where and how a handler is reached."""

    path: UrlPath
    method: HttpMethods
    task_processor: TaskProcessorName | None = Field(
        default=None,
        description="What it runs on. It must be the task processor of the listener, as by"
        " default.",
    )
    url_trailing_slash: UrlTrailingSlash = Field(
        default="both",
        description="Whether a slash at the end of the path may be left out or added (`both`), or"
        " not (`strict-match`).",
    )
    request_headers_size_log_limit: int = Field(
        default=512,
        ge=0,
        le=MAX_CHARACTERS,
        description="Bytes of a request's headers that are logged, if"
        " `USERVER_LOG_REQUEST_HEADERS` of the dynamic config says that they are. Those that there"
        " is no room for are left out, and counted.",
    )

    @property
    def methods(self) -> list[str]:
        """The HTTP methods, one by one."""
        return _split(self.method)


class WebSocketHandlerConfig(HandlerConfig, Limits):
    """Options of a handler of WebSocket connections.

    The options from `max-connections` to `close-timeout` can be changed while connections are open:
    by [`WEBSOCKET_LIMITS`](dynamic_config.md#websocket_limits) of the dynamic config.
    """

    allowed_origins: list[AllowedOrigin] | None = Field(
        default=None,
        alias="allowed-origins",
        description="Origins whose pages may connect, as `https://example.com` (`null`: pages"
        " without an origin; `*`: all), and no others. By default those of the host and port that"
        " they connect to. Programs that send no `Origin` may always connect.",
    )
    subprotocols: Subprotocols = Field(
        default=[],
        description="Names of the subprotocols that the handler speaks, the preferred first: the"
        " first of them that a client offers is chosen.",
    )
    compression: CompressionConfig = Field(
        default=CompressionConfig(),
        description="Compression of messages. Direct path only.",
    )

    @field_validator("method")
    @classmethod
    def _method_is_get(cls, value: str) -> str:
        if "GET" not in _split(value):
            raise ValueError("must have GET, with which a WebSocket connection begins")
        return value
