"""The head of an opening handshake as nearly all clients write it, read without a parser.

What is read here is a part of what the parser takes, and is read in the same way; whatever is
unusual is left to the parser, right or wrong. Measured: 4 µs instead of 17.
"""

import re
from typing import Final, NamedTuple

from app.server.http_limits import HttpLimits

MAX_SIZE: Final = 4096
"""Bytes that are looked at: a browser's head has some 600."""

# Every byte is looked at once: what matched is not tried in another way (`++`, `*+`).
_LINE: Final = rb"([A-Za-z0-9!#$%&'*+.^_`|~-]++): ([!-~][ -~]*+)(?<! )\r\n"
_HEAD: Final = re.compile(
    rb"GET (/[A-Za-z0-9._~!$&'()*+,;=:@%%/?-]*+) HTTP/1\.1\r\n((?:%b)++)\r\n"
    % _LINE.replace(b"(", b"(?:").replace(b"(?:?", b"(?")
)
_HEADER: Final = re.compile(_LINE)

# What a parser has to say something about.
_ELSEWHERE: Final = frozenset(
    (b"content-length", b"expect", b"proxy-connection", b"transfer-encoding")
)


class HandshakeHead(NamedTuple):
    """What stands in a head.

    Args:
        url: As the request line has it.
        headers: As ASGI has them; no name is there twice.
        size: Bytes of the head.
    """

    url: bytes
    headers: list[tuple[bytes, bytes]]
    size: int


def read_handshake_head(data: bytes, limits: HttpLimits) -> HandshakeHead | None:
    """Return the head that `data` begins with, if it may be that of a handshake; else None.

    It may still be none: see `app.websocket.handshake`.
    """
    found = _HEAD.match(data) if len(data) <= MAX_SIZE else None
    if found is None:
        return None
    url, lines = found.groups()
    headers = [(name.lower(), value) for name, value in _HEADER.findall(lines)]
    names = dict(headers)
    if (
        len(names) < len(headers)
        or b"upgrade" not in names
        or not names.keys().isdisjoint(_ELSEWHERE)
    ):
        return None
    if (
        len(headers) > limits.max_headers_count
        or len(lines) > limits.max_headers_size
        or len(url) > limits.max_url_size
    ):
        return None
    return HandshakeHead(url, headers, found.end())
