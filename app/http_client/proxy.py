"""How a proxy is written: `[scheme://][user:password@]host:port`."""

import re
from typing import Annotated, Final

import httpx
from pydantic import AfterValidator

from app.static_config.errors import OptionError

SCHEMES: Final = ("http", "https", "socks5", "socks5h")
"""How a proxy may be spoken to; the first one where nothing is said."""


def proxy_url(text: str) -> httpx.URL:
    """Return the URL of a proxy.

    Raises:
        OptionError: it is none. The text is not told, for there may be a password in it.
    """
    written = _PROXY.fullmatch(text)
    if written is None:
        raise _refusal("expected [scheme://][user:password@]host:port, as proxy.example:3128")
    scheme, rest, port = written["scheme"] or SCHEMES[0], written["rest"], int(written["port"])
    if scheme not in SCHEMES:
        raise _refusal(f"{scheme} is not spoken; expected one of {', '.join(SCHEMES)}")
    if not 0 < port <= _MAX_PORT:
        raise _refusal(f"expected a port from 1 to {_MAX_PORT} (got {port})")
    try:
        return httpx.URL(f"{scheme}://{rest}")
    except httpx.InvalidURL:
        raise _refusal("expected a host name or an IP address before the port") from None


def shown_proxy(text: str) -> str:
    """Return a proxy, as `Proxy` takes it, without user and password."""
    return str(proxy_url(text).copy_with(username=None, password=None))


def _check(text: str) -> str:
    if text:
        proxy_url(text)
    return text


Proxy = Annotated[str, AfterValidator(_check)]
"""A proxy; "" is none."""

_PROXY: Final = re.compile(
    r"""(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?
        (?P<rest>
            (?:[^\s/?#]*@)?
            (?:\[[0-9a-fA-F:.]+\]|[\w.-]+)
            :(?P<port>[0-9]{1,5})
        )/?""",
    re.VERBOSE,
)

_MAX_PORT: Final = 65535


def _refusal(text: str) -> OptionError:
    return OptionError({(): text})
