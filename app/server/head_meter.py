"""How much of a request's head has come, whatever the segments it comes in."""

from typing import Final

from app.server.http_limits import HttpLimits
from app.websocket.handshake import HandshakeRefused

_LINE_OVERHEAD: Final = len(": \r\n")
_REQUEST_LINE: Final = 64
"""Bytes of a request line besides its URL, at most: method, version and what is between them."""


class HeadMeter:
    """Follows an HTTP parser through the heads of a connection.

    The parser keeps an unfinished line to itself, without a bound: what is complete is counted by
    its lines, what is not by the bytes that the parser has been fed. So are the lines behind a
    chunked body.

    Raises:
        HandshakeRefused: 414 or 431, from any method, when a limit is exceeded.
    """

    __slots__ = (
        "_fed",
        "_in_message",
        "_limits",
        "_lines",
        "_moved_on",
        "_size",
        "_url_size",
        "unfinished",
    )

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        # Whether a head has begun that is not complete.
        self.unfinished = False
        # Whether a request has begun that is not complete.
        self._in_message = False
        self._lines = self._size = self._url_size = 0
        # What has been fed since the parser last gave out something; and whether it has, in this
        # segment, at a place that it does not tell.
        self._fed = 0
        self._moved_on = False

    def segment_comes(self) -> None:
        """The parser is about to be fed."""
        self._moved_on = False

    def segment_fed(self, size: int) -> None:
        """The parser has been fed so many bytes, and has told of all that it told of them."""
        self._fed = 0 if self._moved_on else self._fed + size
        allowed = self._limits.max_headers_size + self._url_size + _REQUEST_LINE
        if self._in_message and self._fed > allowed:
            raise self._too_large()

    def message_begins(self) -> None:
        """A request begins, with its head."""
        self.unfinished = self._in_message = True
        self._lines = self._size = self._url_size = self._fed = 0

    def url_is(self, size: int) -> None:
        """The URL has so many bytes, so far."""
        self._url_size = size
        if size > self._limits.max_url_size:
            raise HandshakeRefused(414, f"a URL has at most {self._limits.max_url_size} bytes")

    def header_is(self, name_size: int, value_size: int) -> None:
        """A header line is complete."""
        self._lines += 1
        self._size += name_size + value_size + _LINE_OVERHEAD
        if self._lines > self._limits.max_headers_count:
            count = self._limits.max_headers_count
            raise HandshakeRefused(431, f"a request has at most {count} header lines")
        if self._size > self._limits.max_headers_size:
            raise self._too_large()

    def head_is_complete(self) -> None:
        """The head is complete."""
        self.unfinished = False
        self._moved_on = True

    def body_comes(self) -> None:
        """A piece of the body has come."""
        self._moved_on = True

    def message_ends(self) -> None:
        """The request is complete, with its body."""
        self._in_message = False
        self._moved_on = True

    def _too_large(self) -> HandshakeRefused:
        size = self._limits.max_headers_size
        return HandshakeRefused(431, f"the header lines of a request have at most {size} bytes")
