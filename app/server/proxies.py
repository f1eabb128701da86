"""Reverse proxies in front of a listener."""

import ipaddress
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator

from app.static_config.document import OptionPath
from app.static_config.errors import OptionError

EVERYBODY: Final = "*"

LOOPBACK: Final = ("127.0.0.1", "::1")


def _check(value: object) -> object:
    if value == EVERYBODY:
        return value
    if not isinstance(value, list):
        raise ValueError("expected a list of IP addresses and networks, or '*'")  # noqa: TRY004
    refusals: dict[OptionPath, str] = {
        (index,): text for index, each in enumerate(value) if (text := _fault(each)) is not None
    }
    if refusals:
        raise OptionError(refusals)
    return value


def _fault(proxy: object) -> str | None:
    """Return why this is neither an address nor a network, or None."""
    if not isinstance(proxy, str):
        return f"expected an IP address or network, as text (got {proxy!r})"
    try:
        # Uvicorn takes what it does not understand for a name that no peer has.
        ipaddress.ip_network(proxy)
    except ValueError as error:
        return f"expected an IP address or network: {error}"
    return None


TrustedProxies = Annotated[list[str] | Literal["*"], BeforeValidator(_check)]
"""Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; `*` is all of them."""
