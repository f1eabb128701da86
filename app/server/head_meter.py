"""How much of a request's head has come, whatever the segments it comes in."""

from typing import Final

from app.websocket.handshake import HandshakeRefused

MAX_URL_SIZE: Final = 8192
MAX_LINES: Final = 100
MAX_SIZE: Final = 65536
"""Bytes of a request's URL, header lines of its head, bytes of the whole head."""

_LINE_OVERHEAD: Final = len(": \r\n")


class HeadMeter:
    """Follows an HTTP parser through the heads of a connection.

    The parser keeps an unfinished line to itself, without a bound: what is complete is counted by
    its lines, what is not by the bytes that the parser has been fed.

    Raises:
        HandshakeRefused: 414 or 431, from any method, when a limit is exceeded.
    """

    __slots__ = (
        "_begun",
        "_fed",
        "_in_message",
        "_lines",
        "_size",
        "_was_in_message",
        "_was_unfinished",
        "unfinished",
    )

    def __init__(self) -> None:
        # Whether a head has begun that is not complete.
        self.unfinished = False
        self._lines = self._size = self._fed = 0
        # Whether a request has begun that is not complete, and how many have in this segment.
        self._in_message = False
        self._begun = 0
        self._was_unfinished = self._was_in_message = False

    def segment_comes(self) -> None:
        """The parser is about to be fed."""
        self._was_unfinished, self._was_in_message = self.unfinished, self._in_message
        self._begun = 0

    def segment_fed(self, size: int) -> None:
        """The parser has been fed so many bytes, and has told of all that it told of them."""
        if self._was_unfinished and not self._begun:
            self._fed += size
        elif not self._was_in_message and self._begun == 1:
            self._fed = size
        else:
            # The head began behind something else, at a place that the parser does not tell.
            self._fed = 0
        if self.unfinished and self._fed > MAX_SIZE:
            raise _too_large()

    def message_begins(self) -> None:
        """A request begins, with its head."""
        self.unfinished = self._in_message = True
        self._begun += 1
        self._lines = self._size = 0

    def url_is(self, size: int) -> None:
        """The URL has so many bytes, so far."""
        if size > MAX_URL_SIZE:
            raise HandshakeRefused(414, f"a URL has at most {MAX_URL_SIZE} bytes")

    def header_is(self, name_size: int, value_size: int) -> None:
        """A header line is complete."""
        self._lines += 1
        self._size += name_size + value_size + _LINE_OVERHEAD
        if self._lines > MAX_LINES:
            raise HandshakeRefused(431, f"a request has at most {MAX_LINES} header lines")
        if self._size > MAX_SIZE:
            raise _too_large()

    def head_is_complete(self) -> None:
        """The head is complete."""
        self.unfinished = False

    def message_ends(self) -> None:
        """The request is complete, with its body."""
        self._in_message = False


def _too_large() -> HandshakeRefused:
    return HandshakeRefused(431, f"the head of a request has at most {MAX_SIZE} bytes")
