"""Who may connect to a handler: pages of which origin, and how many clients at a time."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from starlette.requests import HTTPConnection

from app.websocket.headers import Headers
from app.websocket.origin import origin_allowed

RETRY_AFTER: Final = 5
"""Seconds after which a client that found no place may try again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a client may not connect: the HTTP response to its handshake.

    Args:
        option: The option of the handler that refuses it.
        status: Of the response.
        headers: Of the response.
        body: Plain text for whoever sees the response; nothing of the request is in it.
    """

    option: str
    status: int
    headers: Headers
    body: bytes


class Admission:
    """Lets clients in, and counts those that are there, in this process.

    Belongs to one event loop. Memory goes by the addresses that are connected, not by those that
    ever were.

    Args:
        allowed_origins: See `app.websocket.origin.origin_allowed`.
        max_connections: At a time; 0 is any number.
        max_connections_per_address: At a time from one address (IPv6: from one /64 network, which
            is what one customer has); 0 is any number. Clients on a Unix socket have no address.
    """

    def __init__(
        self,
        allowed_origins: Collection[str] | None = None,
        max_connections: int = 0,
        max_connections_per_address: int = 0,
    ) -> None:
        self._allowed_origins: Final = allowed_origins
        self._max_connections: Final = max_connections
        self._max_per_address: Final = max_connections_per_address
        self._connections = 0
        self._by_address: dict[str, int] = {}

    def admit(self, request: HTTPConnection) -> "Place":
        """Return a place for the client, to be held for as long as it is served.

        Args:
            request: The handshake; its client is the one that trusted proxies tell of.
        """
        if not origin_allowed(request.headers.raw, self._allowed_origins):
            return Place(self, "", _FOREIGN_ORIGIN)
        client = request.client
        if not self._max_per_address or client is None or not client.host:
            return Place(self, "")
        return Place(self, _network_of(client.host))

    def enter(self, address: str) -> Refusal | None:
        """Count one more client, or say why there is no place for it."""
        if address and self._by_address.get(address, 0) >= self._max_per_address:
            return _TOO_MANY_OF_ADDRESS
        if self._max_connections and self._connections >= self._max_connections:
            return _TOO_MANY
        self._connections += 1
        if address:
            self._by_address[address] = self._by_address.get(address, 0) + 1
        return None

    def leave(self, address: str) -> None:
        """Count one client less."""
        self._connections -= 1
        if address:
            left = self._by_address.pop(address) - 1
            if left:
                self._by_address[address] = left


class Place:
    """A client's place among those that are there, from entering a `with` block to leaving it.

    The block is given None, or the refusal if there is no place.
    """

    __slots__ = ("_address", "_admission", "_refusal")

    def __init__(self, admission: Admission, address: str, refusal: Refusal | None = None) -> None:
        self._admission = admission
        self._address = address
        self._refusal = refusal

    def __enter__(self) -> Refusal | None:
        if self._refusal is None:
            self._refusal = self._admission.enter(self._address)
        return self._refusal

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._refusal is None:
            self._admission.leave(self._address)


def _network_of(host: str) -> str:
    """Return what a client at `host` counts under."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Proxies may tell of a client in other ways, and at any length.
        return host[:_MAX_NAME]
    if isinstance(address, ipaddress.IPv4Address):
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else f"{int(address) >> _INTERFACE_BITS:x}/64"


def _refusal(option: str, status: int, text: str, *headers: tuple[bytes, bytes]) -> Refusal:
    plain_text = (b"content-type", b"text/plain; charset=utf-8")
    return Refusal(option, status, (plain_text, *headers), f"{text} ({option})\n".encode())


_INTERFACE_BITS: Final = 64
_MAX_NAME: Final = 64

_LATER: Final = (b"retry-after", b"%d" % RETRY_AFTER)

_FOREIGN_ORIGIN: Final = _refusal(
    "allowed-origins",
    403,
    "Pages of your origin may not connect here. Unless the handler has a list of origins, only"
    " pages of the host and port that they connect to may.",
)
_TOO_MANY: Final = _refusal(
    "max-connections",
    503,
    "There are as many connections as there may be. Please try again in a while.",
    _LATER,
)
_TOO_MANY_OF_ADDRESS: Final = _refusal(
    "max-connections-per-address",
    429,
    "There are as many connections from your address as there may be. Please close one, or try"
    " again in a while.",
    _LATER,
)
