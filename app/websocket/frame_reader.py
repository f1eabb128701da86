"""Frames of a client, one after the other, in the general way: whatever they are, cut anyhow.

Of each data frame what is there is taken at once; a head, or a control frame, waits for the rest of
itself. What nearly always comes does not come this way, see `app.websocket.messages`.
"""

from dataclasses import dataclass
from typing import Final

from app.websocket.assembly import InflatedParts, Parts, TextParts, check_size, misplaced
from app.websocket.deflate import Inflater
from app.websocket.frames import (
    COMPRESSED,
    FIN,
    MASKED,
    MAX_SHORT_LENGTH,
    OPCODE_BITS,
    Close,
    Opcode,
    Ping,
    Pong,
    check_head,
    decode_control,
    decode_length,
)
from app.websocket.masking import apply_mask


@dataclass(frozen=True, slots=True)
class Violation:
    """What the client did wrong: `code` is 1002, 1007 or 1009, `reason` fits a close frame."""

    code: int
    reason: str


Item = str | bytes | Ping | Pong | Close | Violation
"""What comes from a client: a text message is a `str`, a binary one `bytes`."""

# Plain ints compare faster.
_CONTINUATION: Final = int(Opcode.CONTINUATION)
_TEXT: Final = int(Opcode.TEXT)
_BINARY: Final = int(Opcode.BINARY)
_OPENING: Final = (_TEXT, _BINARY)
_DATA_FRAMES: Final = frozenset(fin | op for fin in (0, FIN) for op in (_CONTINUATION, *_OPENING))
_INFLATABLE_FRAMES: Final = _DATA_FRAMES | {
    COMPRESSED | fin | op for fin in (0, FIN) for op in _OPENING
}

WHOLE_TEXT: Final = FIN | _TEXT
"""First byte of a frame that is a whole text message, not compressed."""

WHOLE_MESSAGES: Final = frozenset((WHOLE_TEXT, FIN | _BINARY))
"""First bytes of frames that are whole messages, not compressed."""

MASK_SIZE: Final = 4
"""Bytes of a masking key."""

SHORT_HEAD_SIZE: Final = 2 + MASK_SIZE
"""Bytes of a head whose second byte is enough for the length."""

# Bytes from which on a memoryview was measured to cost less than a copy.
_WORTH_A_VIEW: Final = 8192
# Bytes unmasked for one step of the inflater, which may leave most of them.
_WORTH_INFLATING: Final = 4096


class FrameReader:
    """Reads frames of one client, and knows the message that is open (RFC 6455 sections 5 to 8).

    Args:
        max_payload: Bytes that a message may have, inflated; changed, it holds from the next frame
            on, or the next compressed message.
        max_fragments: Frames that a message may have, 1 or more; empty ones count. Changed, it
            holds from the next frame on.
        inflater: For compressed messages, if they were agreed on (RFC 7692).
    """

    __slots__ = (
        "_data_frames",
        "_final",
        "_frames",
        "_inflater",
        "_inflating",
        "_mask",
        "_message",
        "_missing",
        "_size",
        "ended",
        "max_fragments",
        "max_payload",
        "payload_bytes",
    )

    def __init__(
        self, max_payload: int, max_fragments: int = 65536, inflater: Inflater | None = None
    ) -> None:
        self.max_payload = max_payload
        self.max_fragments = max_fragments
        self._inflater = inflater
        self._data_frames = _INFLATABLE_FRAMES if inflater else _DATA_FRAMES
        # Set with a Close or a Violation: nothing comes after it.
        self.ended = False
        # The bytes of all whole messages so far, inflated.
        self.payload_bytes = 0

        # The message that is open, the inflater if it is compressed, the number of its frames so
        # far, and the bytes that they have announced.
        self._message: TextParts | Parts[bytes] | InflatedParts | None = None
        self._inflating: Inflater | None = None
        self._frames = self._size = 0

        # Of the data frame that is coming: how many bytes are missing, the masking key turned to
        # start at the first of them, and whether the message ends with them.
        self._missing = 0
        self._mask = b""
        self._final = False

    def end(self, items: list[Item], item: Close | Violation) -> None:
        """Let this be the last item."""
        items.append(item)
        self.ended = True
        self._message = None

    def read_frame(self, buffer: bytes, offset: int, items: list[Item]) -> int:
        """Read the frame at the offset, or what is there of it, and append what it completes.

        Returns the offset to go on at, which is the one it was given when nothing can be done
        before more bytes come.

        Raises:
            FrameError, UnicodeDecodeError: it cannot be understood.
        """
        if self._missing:
            return self._read_payload(buffer, offset, items)
        if offset + 2 > len(buffer):
            return offset
        first, second = buffer[offset], buffer[offset + 1]
        if first in self._data_frames and second & MASKED:
            return self._read_data(first, second ^ MASKED, buffer, offset, items)
        check_head(first, second)
        return self._read_control(first & OPCODE_BITS, buffer, offset, items)

    # Each step returns the offset to go on at, likewise.

    def _read_control(self, opcode: int, buffer: bytes, offset: int, items: list[Item]) -> int:
        start = offset + SHORT_HEAD_SIZE
        stop = start + (buffer[offset + 1] ^ MASKED)
        if stop > len(buffer):
            return offset
        payload = apply_mask(buffer[start:stop], buffer[start - MASK_SIZE : start])
        item = decode_control(opcode, payload)
        if isinstance(item, Close):
            self.end(items, item)
            return len(buffer)
        items.append(item)
        return stop

    def _read_data(
        self, first: int, length: int, buffer: bytes, offset: int, items: list[Item]
    ) -> int:
        opcode = first & OPCODE_BITS
        frames = self._frames
        # Continuations follow what another kind began.
        if frames if opcode else not 0 < frames < self.max_fragments:
            raise misplaced(opcode, frames, self.max_fragments)
        if length <= MAX_SHORT_LENGTH:
            start = offset + 2
        elif extent := decode_length(buffer, offset):
            length, start = extent
        else:
            return offset
        if self._size + length > self.max_payload:
            compressed = bool(first & COMPRESSED or self._inflating)
            check_size(self._size + length, self.max_payload, frames + 1, compressed)
        start += MASK_SIZE
        if start > len(buffer):
            return offset
        mask = buffer[start - MASK_SIZE : start]
        if not frames:
            stop = start + length
            if first in WHOLE_MESSAGES and stop <= len(buffer):
                source = buffer if length < _WORTH_A_VIEW else memoryview(buffer)
                payload = apply_mask(source[start:stop], mask)
                items.append(payload.decode() if opcode == _TEXT else payload)
                self.payload_bytes += length
                return stop
            self._begin(opcode, compressed=bool(first & COMPRESSED))
        self._frames = frames + 1
        self._size += length
        self._missing = length
        self._mask = mask
        self._final = first >= FIN
        return self._read_payload(buffer, start, items)

    def _begin(self, opcode: int, compressed: bool) -> None:
        self._message = parts = TextParts() if opcode == _TEXT else Parts(b"")
        if self._inflater and compressed:
            self._inflating = self._inflater
            self._message = InflatedParts(self._inflater, self.max_payload, parts)

    def _read_payload(self, buffer: bytes, offset: int, items: list[Item]) -> int:
        message = self._message
        assert message is not None
        stop = offset + self._missing
        if self._inflating:
            stop = min(stop, offset + _WORTH_INFLATING)
        source = buffer if stop - offset < _WORTH_A_VIEW else memoryview(buffer)
        taken = message.add(apply_mask(source[offset:stop], self._mask))
        self._missing -= taken
        if self._missing:
            turn = taken % MASK_SIZE
            self._mask = self._mask[turn:] + self._mask[:turn]
        elif self._final:
            items.append(message.finish())
            self.payload_bytes += self._inflating.size if self._inflating else self._size
            self._message = self._inflating = None
            self._frames = self._size = 0
        return offset + taken
