"""Compressed payloads, to and from what they say (RFC 7692 section 7.2).

A compressed message is a part of a raw DEFLATE stream that ends at the border of a byte, with an
empty block whose last four bytes are not sent. The window of what came before goes on from message
to message, unless it was agreed that it does not.
"""

import zlib
from typing import Final

from websockets.frames import CloseCode

from app.websocket.frames import FrameError, Opcode, encode_compressed, encode_message

MAX_WINDOW_BITS: Final = 15
"""Of the largest window that there is, 32 KiB: the one where none was agreed on."""

# Takes 16 KiB; the 128 KiB of zlib's default were measured to gain nothing, neither bytes nor time.
_MEMORY_LEVEL: Final = 5

# Old zlibs say that they write a window of 8 bits and write one of 9.
_MIN_INFLATING_BITS: Final = 9
_UNSENT: Final = b"\x00\x00\xff\xff"
_EMPTY_MESSAGE: Final = b"\x00"  # RFC 7692 section 7.2.3.6; takes no stream
_FINAL_BLOCK: Final = b"\x01" + _UNSENT

# Bytes that one step inflates to, at most: it takes as long as some other frames.
_STEP: Final = 8192


class Deflater:
    """Compresses the messages of one connection.

    Args:
        window_bits: 9 to 15.
        keeps_window: Whether a message may refer to those before it (context takeover).
        level: 1 to 9, as zlib has it.
        threshold: Bytes of a message from which on it is compressed.
    """

    __slots__ = ("_keeps_window", "_level", "_stream", "_threshold", "_window_bits")

    def __init__(self, window_bits: int, keeps_window: bool, level: int, threshold: int) -> None:
        self._window_bits = window_bits
        self._keeps_window = keeps_window
        self._level = level
        self._threshold = threshold
        # Made for the first message, since it is large, and kept if the window is.
        self._stream: zlib._Compress | None = None

    def encode(self, message: str | bytes | bytearray | memoryview, fragment_size: int) -> bytes:
        """Encode all frames of a message, as `encode_message` does, compressed if that is worth it.

        Each call must be sent, in the order of the calls: the next message may refer to it.

        Args:
            message: What to send.
            fragment_size: Bytes of the compressed payload that each frame but the last carries; 0
                never fragments.

        Raises:
            UnicodeEncodeError: a text has a lone surrogate.
            TypeError: the message is neither text nor bytes.
        """
        if isinstance(message, str):
            opcode, payload = Opcode.TEXT, message.encode()
        else:
            opcode, payload = Opcode.BINARY, memoryview(message).tobytes()
        if len(payload) < self._threshold:
            return encode_message(message, fragment_size)
        return encode_compressed(opcode, self.compress(payload), fragment_size)

    def compress(self, payload: bytes) -> bytes:
        """Return the compressed payload of a message."""
        if not payload:
            return _EMPTY_MESSAGE
        stream = self._stream or zlib.compressobj(
            self._level, zlib.DEFLATED, -self._window_bits, _MEMORY_LEVEL
        )
        if self._keeps_window:
            self._stream = stream
        compressed = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
        return compressed[: -len(_UNSENT)]


class Inflater:
    """Inflates the messages of one connection: `begin`, any number of `inflate`, `finish`.

    A block that is marked as the final one ends a stream, and what follows begins one, with an
    empty window (RFC 7692 section 7.2.3.4). A message that ends with such a block is whole.

    After a FrameError the connection is to be failed: nothing can be inflated any more.

    Args:
        window_bits: 8 to 15.
        keeps_window: Whether a message may refer to those before it (context takeover).
    """

    __slots__ = (
        "_ended",
        "_full",
        "_keeps_window",
        "_max_payload",
        "_stream",
        "_unread",
        "_window_bits",
        "size",
    )

    def __init__(self, window_bits: int, keeps_window: bool) -> None:
        self._window_bits = max(window_bits, _MIN_INFLATING_BITS)
        self._keeps_window = keeps_window
        self._max_payload = 0
        # Bytes that the message has inflated to so far.
        self.size = 0
        # Made for the first message, since it is large, and kept if the window is.
        self._stream: zlib._Decompress | None = None

        # Of the last step: whether it gave all it might and so may hold something back, how many
        # bytes it left, and whether it ended the stream.
        self._full = False
        self._unread = 0
        self._ended = False

    def begin(self, max_payload: int) -> None:
        """Begin a message, which may inflate to so many bytes."""
        self._max_payload = max_payload
        self.size = 0
        self._full = False
        self._ended = False

    def inflate(self, part: bytes) -> tuple[bytes, int]:
        """Inflate the next bytes of a message, or the first of them.

        Returns what they say, of which there may be little or much, but not more than some 8 KiB;
        and how many of them that took. The others are to come again.

        Raises:
            FrameError: the message is too big (1009) or not validly compressed (1002).
        """
        if not part:
            return b"", 0
        inflated = self._step(part)
        while self._unread == len(part):  # what was held back came first
            inflated += self._step(part)
        return inflated, len(part) - self._unread

    def finish(self) -> bytes:
        """End a message and return what was held back of it.

        Raises:
            FrameError: the message is too big (1009) or does not end where it may (1002).
        """
        inflated = b""
        while self._full:
            inflated += self._step(b"")
        if not self._ended:
            self._check_border()
        if not self._keeps_window:
            self._stream = None
        return inflated

    def _check_border(self) -> None:
        """Check that the message ends where it may, which is where a block ends."""
        if self._step(_UNSENT):
            raise _not_valid()
        if self._ended:
            if self._unread:
                raise _not_valid()
            return
        # zlib does not tell, but a final empty block ends the stream only there. A copy of the
        # stream is asked, since that one must go on.
        assert self._stream is not None
        probe = self._stream.copy()
        try:
            wrong = probe.decompress(_FINAL_BLOCK, 1) or not probe.eof
        except zlib.error:
            wrong = True
        if wrong:
            raise _not_valid()

    def _step(self, data: bytes) -> bytes:
        stream = self._stream
        if stream is None:
            stream = self._stream = zlib.decompressobj(-self._window_bits)
        # One byte more than there may be, to see that there is more.
        most = min(self._max_payload - self.size + 1, _STEP)
        try:
            inflated = stream.decompress(data, most)
        except zlib.error:
            raise _not_valid() from None
        self.size += len(inflated)
        if self.size > self._max_payload:
            reason = f"a message inflates to more than {self._max_payload} bytes"
            raise FrameError(CloseCode.MESSAGE_TOO_BIG, reason)
        self._ended = stream.eof
        if self._ended:
            self._stream = None
            self._full = False
            self._unread = len(stream.unused_data)
        else:
            self._full = len(inflated) == most
            self._unread = len(stream.unconsumed_tail)
        return inflated


def _not_valid() -> FrameError:
    return FrameError(CloseCode.PROTOCOL_ERROR, "a message is not validly compressed")
