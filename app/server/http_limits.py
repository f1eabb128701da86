"""What a peer may ask of a listener before it has a WebSocket connection."""

from typing import Annotated

from pydantic import Field

from app.static_config.duration import Duration
from app.static_config.model import ConfigModel


class HttpLimits(ConfigModel):
    """The limits of a listener: on connections, and on the heads of their requests."""

    handshake_timeout: Annotated[Duration, Field(gt=0, le=3600)] = Field(
        default=10.0,
        alias="handshake-timeout",
        description="How long the head of a request may take to come, from the connection or from"
        " its first byte on (408), and how long a handler may take to answer an opening handshake"
        " (503).",
    )
    max_headers_size: int = Field(
        default=65536,
        ge=1,
        description="Bytes of the header lines of a request, at most. More are answered with 431.",
    )
    max_headers_count: int = Field(
        default=100,
        ge=1,
        description="Header lines of a request, at most. More are answered with 431.",
    )
    max_url_size: int = Field(
        default=8192,
        ge=1,
        description="Bytes of the URL of a request, at most. A longer one is answered with 414.",
    )
    max_connections: int = Field(
        default=32768,
        ge=1,
        description="Connections that a worker process has at a time, at most, those to all"
        " handlers together. One more is answered with 503. The operating system must allow a few"
        " more open files (`ulimit -n`).",
    )
