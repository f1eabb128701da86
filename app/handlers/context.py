"""What belongs to one connection or request beside its bytes."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders

from app.websocket.handshake import acceptance_headers, check_refusal, refusal_headers


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
        subprotocol: What is spoken, of what the client has offered; set when the handshake has been
            accepted.
        data: Whatever the handler wants to remember of this connection.
    """

    handler_name: str
    path_params: Mapping[str, Any]
    trace_id: str
    subprotocol: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


class HandshakeResponse:
    """The answer to an opening handshake, for `handle_handshake` to change.

    If the connection is accepted, `subprotocol` and `headers` go out with the 101; if it is
    refused, `status_code`, `headers` and `body` are the HTTP response.
    """

    __slots__ = ("_status_code", "body", "headers", "subprotocol")

    def __init__(self, status_code: int = 403) -> None:
        self.status_code = status_code
        self.headers = MutableHeaders()
        self.body = b""
        # When `handle_handshake` is called, what `choose_subprotocol` has chosen.
        self.subprotocol: str | None = None

    @property
    def status_code(self) -> int:
        """The status of a refusal.

        Raises:
            ValueError: set to something else than 200 to 599.
        """
        return self._status_code

    @status_code.setter
    def status_code(self, status_code: int) -> None:
        self._status_code = check_refusal(status_code)

    def json(self, value: Any, *, status_code: int) -> None:
        """Make this a refusal with a body in JSON.

        Raises:
            TypeError, ValueError: `value` cannot be written as JSON, or see `status_code`.
        """
        body = json.dumps(value, allow_nan=False).encode()
        self.status_code = status_code
        self.headers["Content-Type"] = "application/json"
        self.body = body

    def check(self, *, accepted: bool, offered: Collection[str]) -> None:
        """Check that this can be sent; called before anything is.

        Args:
            accepted: Whether it is to accept the connection, or to refuse it.
            offered: The subprotocols that the client offers.

        Raises:
            TypeError: the body is not bytes.
            ValueError: a header would break out of its line or contradict the handshake's own, or
                the client did not offer the subprotocol, with which it would fail the connection
                (RFC 6455 section 4.1).
        """
        if not accepted:
            refusal_headers(self.status_code, self.headers.raw)
            if not isinstance(self.body, bytes):
                raise TypeError(f"the body of a refusal is bytes, not {type(self.body).__name__}")
            return
        acceptance_headers(self.subprotocol, self.headers.raw)
        if self.subprotocol is not None and self.subprotocol not in offered:
            raise ValueError(f"subprotocol {self.subprotocol!r} is none that the client offers")
