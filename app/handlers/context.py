"""What belongs to one connection or request beside its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders


@dataclass(slots=True)
class RequestContext:
    """Goes from `handle_handshake` to `handle`.

    The request itself ends with the handshake, so that a connection does not hold its headers for
    as long as it lives: `handle_handshake` puts into `data` what `handle` will need.

    Args:
        handler_name: The section of the static config that the handler runs under.
        path_params: What stood in the place of each `{name}` of the handler's path.
        trace_id: What the lines of this connection have in common, here and in other services: 32
            hexadecimal digits.
        data: Whatever the handler wants to remember of this connection.
    """

    handler_name: str
    path_params: Mapping[str, Any]
    trace_id: str
    data: dict[str, Any] = field(default_factory=dict)


class HandshakeResponse:
    """The answer to an opening handshake, for `handle_handshake` to change.

    If the connection is accepted, `subprotocol` and `headers` go out with the 101; if it is
    refused, `status_code`, `headers` and `body` are the HTTP response.
    """

    __slots__ = ("body", "headers", "status_code", "subprotocol")

    def __init__(self, status_code: int = 403) -> None:
        self.status_code = status_code
        self.headers = MutableHeaders()
        self.body = b""
        self.subprotocol: str | None = None
