"""Who may connect to a handler: pages of which origin, and how many clients at a time."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from starlette.requests import HTTPConnection

from app.handlers.live_limits import LiveLimits
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
    ever were. IPv6 counts by /64 networks, which is what one customer has; clients on a Unix socket
    have no address.

    Who is there stays, also if there may be fewer now. Addresses count whether or not they have a
    limit: they may get one while clients are there.

    Args:
        allowed_origins: See `app.websocket.origin.origin_allowed`.
        limits: How many there may be, at each moment.
    """

    def __init__(self, allowed_origins: Collection[str] | None, limits: LiveLimits) -> None:
        self._allowed_origins: Final = allowed_origins
        self._limits: Final = limits
        self._connections = 0
        self._by_address: dict[str, int] = {}

    def admit(self, request: HTTPConnection) -> "Place":
        """Return a place for the client, to be held for as long as it is served.

        Args:
            request: The handshake; its client is the one that trusted proxies tell of.
        """
        scope = request.scope
        if not origin_allowed(scope["headers"], self._allowed_origins):
            return Place(self, "", _FOREIGN_ORIGIN)
        client = scope.get("client")
        return Place(self, _network_of(client[0]) if client and client[0] else "")

    def enter(self, address: str) -> Refusal | None:
        """Count one more client, or say why there is no place for it."""
        limits = self._limits.current
        of_address = self._by_address.get(address, 0)
        if address and 0 < limits.max_connections_per_address <= of_address:
            return _TOO_MANY_OF_ADDRESS
        if 0 < limits.max_connections <= self._connections:
            return _TOO_MANY
        self._connections += 1
        if address:
            self._by_address[address] = of_address + 1
        return None

    def leave(self, address: str) -> None:
        """Count one client less."""
        self._connections -= 1
        if address:
            left = self._by_address.pop(address) - 1
            if left:
                self._by_address[address] = left


class Place:
    """A client's place among those that are there, from `enter` to `leave`, or for a `with` block.

    The block is given None, or the refusal if there is no place.
    """

    __slots__ = ("_address", "_admission", "_refusal")

    def __init__(self, admission: Admission, address: str, refusal: Refusal | None = None) -> None:
        self._admission = admission
        self._address = address
        self._refusal = refusal

    def enter(self) -> Refusal | None:
        """Take the place, or return why there is none."""
        if self._refusal is None:
            self._refusal = self._admission.enter(self._address)
        return self._refusal

    def leave(self) -> None:
        """Give it back, if it was taken; once."""
        if self._refusal is None:
            self._admission.leave(self._address)

    __enter__ = enter

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()


def _network_of(host: str) -> str:
    """Return what a client at `host` counts under."""
    try:
        # The address of an IPv4 client stands for itself: to parse it would only cost.
        address = ipaddress.IPv6Address(host) if ":" in host else None
    except ValueError:
        address = None
    if address is None:
        # Proxies may tell of a client in other ways, and at any length.
        return host[:_MAX_NAME]
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
