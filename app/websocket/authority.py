"""A host and a port, as a Host header and an origin have them (RFC 3986 section 3.2)."""

import ipaddress
import re
from typing import Final, NamedTuple

_AUTHORITY: Final = re.compile(
    r"(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::([0-9]{0,5}))?"
)

_MAX_PORT: Final = 65535


class Authority(NamedTuple):
    """A host and a port, to be compared.

    Args:
        host: In lower case; an IPv6 address is in brackets and as short as it can be.
        port: None if it is not said.
    """

    host: str
    port: int | None


def parse_authority(text: str) -> Authority:
    """Return the host and the port that `text` consists of.

    Raises:
        ValueError: it is something else, or something more, such as a user or a path.
    """
    found = _AUTHORITY.fullmatch(text)
    port = int(found[2]) if found and found[2] else None
    if found is None or (port or 0) > _MAX_PORT:
        raise ValueError("not a host, or a host and a port")
    host = found[1].lower()
    if host.startswith("["):
        host = f"[{ipaddress.IPv6Address(host[1:-1])}]"
    return Authority(host, port)
