"""Which pages may connect: the check of the Origin header (RFC 6455 section 10.2).

A browser lets any page connect to anywhere, cookies and all, and names the page's origin in the
handshake. Nothing but this check keeps a foreign page from acting for its reader.
"""

import re
from collections.abc import Collection
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator

from app.websocket.authority import parse_authority
from app.websocket.headers import Headers

ANY: Final = "*"
"""Allows each origin, as if none was looked at."""

NULL: Final = "null"
"""The origin of pages that have none of their own: of a file, or in a sandbox."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
"""Schemes of what may be of one host and port with a service."""


class Origin(NamedTuple):
    """Where a page comes from (RFC 6454 section 4).

    Args:
        scheme: In lower case.
        host: See `app.websocket.authority`.
        port: The scheme's own if the text has none; None if that is not known either.
    """

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        port = "" if self.port == DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def parse_origin(text: str) -> Origin:
    """Return the origin that `text` writes as `scheme://host[:port]`.

    Raises:
        ValueError: it is something else, or something more: a path, a user, blanks.
    """
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise ValueError("not an origin")
    scheme = found[1].lower()
    host, port = parse_authority(found[2])
    return Origin(scheme, host, DEFAULT_PORTS.get(scheme) if port is None else port)


def check_allowed_origin(text: str) -> str:
    """Return an entry of `allowed-origins` in the form in which origins are compared.

    Raises:
        ValueError: no browser sends an origin like that, so it would allow nothing.
    """
    if text in (ANY, NULL):
        return text
    try:
        return str(parse_origin(text))
    except ValueError:
        hint = next((hint for form, hint in _MISTAKES if form.match(text)), _NO_HOST)
        raise ValueError(f"expected an origin, as https://example.com: {hint}") from None


AllowedOrigin = Annotated[str, AfterValidator(check_allowed_origin)]
"""An option: an origin whose pages may connect, `null` or `*`."""


def origin_allowed(headers: Headers, allowed: Collection[str] | None) -> bool:
    """Return whether a handshake comes from a page that may connect, or from no page.

    Args:
        headers: Of the request, as ASGI has them.
        allowed: What `check_allowed_origin` returned for each entry. The Host does not matter then,
            so a foreign name that was made to point at us (DNS rebinding) opens nothing. None: the
            origin's host and port must be the Host's; a Host without a port has that of the
            origin's scheme, since a proxy may have ended TLS.
    """
    origins = _values(headers, b"origin")
    if not origins or (allowed is not None and ANY in allowed):
        return True
    if len(origins) > 1:
        return False
    if allowed is not None and origins[0] == NULL:
        return NULL in allowed
    try:
        origin = parse_origin(origins[0])
        return _is_own(origin, headers) if allowed is None else str(origin) in allowed
    except ValueError:
        return False


def _is_own(origin: Origin, headers: Headers) -> bool:
    hosts = _values(headers, b"host")
    if len(hosts) != 1 or origin.scheme not in DEFAULT_PORTS:
        return False
    host, port = parse_authority(hosts[0])
    own_port = DEFAULT_PORTS[origin.scheme] if port is None else port
    return (origin.host, origin.port) == (host, own_port)


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.strip(b" \t").decode("latin-1") for each, value in headers if each == name]


_ORIGIN: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^*]+)")

_NO_HOST: Final = "this one has no valid host or port"

# What such an entry was meant to be; the first form that it begins with counts.
_MISTAKES: Final = (
    (re.compile(r"null$", re.IGNORECASE), "'null' is in lower case"),
    (re.compile(r".*[^\x21-\x7e]", re.DOTALL), "no blanks, and names in ASCII (xn--...)"),
    (re.compile(r".*\*"), "no patterns; list each origin, or '*' for all"),
    (re.compile(r"(?![A-Za-z][A-Za-z0-9+.-]*://)"), "this one has no scheme"),
    (re.compile(r"[^/]+:///"), "this one has no host; pages of files have the origin 'null'"),
    (re.compile(r"[^/]+://[^/?#]*@"), "this one has a user in it"),
    (re.compile(r"[^/]+://[^/?#]+/$"), "without the slash at the end"),
    (re.compile(r"[^/]+://[^/?#]+[/?#]"), "without what follows the host and port"),
)
