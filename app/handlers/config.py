"""The options of handlers."""

from typing import Self

from pydantic import Field, field_validator, model_validator
from starlette.routing import compile_path

from app.components.component import ComponentConfig
from app.server.contracts import UrlTrailingSlash
from app.websocket.limits import Limits

PATH = r"^/[^?#*\s]*$"
"""A path alone: no query, no fragment, no wildcard."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class HandlerConfig(ComponentConfig):
    """Where and how a handler is reached."""

    path: str = Field(pattern=PATH, description="URL path; `{name}` stands for one segment.")
    method: str = Field(description="HTTP methods, with commas between them.")
    task_processor: str | None = Field(
        default=None, description="The task processor of its listener, which is the default."
    )
    url_trailing_slash: UrlTrailingSlash = Field(
        default="both",
        description="`both`: also with a slash at the end, or without; `strict-match`: as it is.",
    )

    @property
    def methods(self) -> list[str]:
        """The HTTP methods, one by one."""
        return [method.strip() for method in self.method.split(",")]

    @field_validator("path")
    @classmethod
    def _path_is_a_template(cls, value: str) -> str:
        try:
            compile_path(value)
        except (AssertionError, ValueError) as error:
            raise ValueError(f"not a path template: {error}") from None
        return value

    @model_validator(mode="after")
    def _methods_are_known(self) -> Self:
        unknown = [method for method in self.methods if method not in METHODS]
        if unknown:
            raise ValueError(
                f"method: unknown: {', '.join(map(repr, unknown))};"
                f" known are: {', '.join(sorted(METHODS))}"
            )
        return self


class WebSocketHandlerConfig(HandlerConfig):
    """Options of a handler of WebSocket connections."""

    max_remote_payload: int = Field(
        default=65536,
        ge=1,
        alias="max-remote-payload",
        description="Bytes of the longest message from a client; more is closed with 1009.",
    )
    fragment_size: int = Field(
        default=65536,
        ge=0,
        alias="fragment-size",
        description="Bytes of the largest frame that is sent; 0 never fragments.",
    )

    @model_validator(mode="after")
    def _method_is_get(self) -> Self:
        if "GET" not in self.methods:
            raise ValueError("method: must have GET, with which a WebSocket connection begins")
        return self

    @property
    def limits(self) -> Limits:
        """What each connection may ask for."""
        return Limits(self.max_remote_payload, self.fragment_size)
