"""Messages: from the bytes of a client, cut anyhow, to what it said, in order.

The rules of this file:

1. What a byte costs does not depend on how the bytes were cut. The payload of a message is
   unmasked, inflated, checked and collected as it comes; only a head or a control frame waits for
   the rest of itself, at most 130 bytes. What has been read is passed over, not cut off.
2. What is wrong is refused at the bytes that show it: a head before its payload, a text where it
   can become UTF-8 no more.
3. What nearly always comes is a short message in one frame, all there. Alone it takes the straight
   line of `MessageReader.read_whole`, among others that in `read`, everything else the general way.
"""

from dataclasses import dataclass
from typing import Final

from websockets.frames import CloseCode

from app.websocket.assembly import InflatedParts, Parts, TextParts, check_size, misplaced
from app.websocket.deflate import Inflater
from app.websocket.frames import (
    COMPRESSED,
    FIN,
    MASKED,
    MAX_CONTROL_PAYLOAD,
    MAX_SHORT_LENGTH,
    OPCODE_BITS,
    Close,
    FrameError,
    Opcode,
    Ping,
    Pong,
    check_head,
    decode_control,
    decode_length,
)

try:
    from websockets.speedups import apply_mask
except ImportError:  # websockets was installed where its C extension could not be built
    from websockets.utils import apply_mask

__all__ = ["Close", "Item", "MessageReader", "Ping", "Pong", "Violation"]


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
_WHOLE_TEXT: Final = FIN | _TEXT
_WHOLE_MESSAGES: Final = frozenset((_WHOLE_TEXT, FIN | _BINARY))

_MASK_SIZE: Final = 4
_SHORT_HEAD_SIZE: Final = 2 + _MASK_SIZE
_NOT_SHORT: Final = 255
_MEDIUM: Final = 126  # in place of a length: it is in the two bytes that follow
_MEDIUM_HEAD_SIZE: Final = 4 + _MASK_SIZE
_MAX_WAITING: Final = _SHORT_HEAD_SIZE + MAX_CONTROL_PAYLOAD
# Bytes from which on a memoryview was measured to cost less than a copy.
_WORTH_A_VIEW: Final = 8192
# Frames that could be read while one is inflated, or a part of a large one.
_INFLATING_COST: Final = 4
# Bytes unmasked for one step of the inflater, which may leave most of them.
_WORTH_INFLATING: Final = 4096


class MessageReader:
    """Reads what one client sends (RFC 6455 sections 5 to 8).

    Never raises: what is wrong with the bytes is an item.

    Args:
        max_payload: Bytes that a message may have, inflated; changed, it holds from the next frame
            on, or the next compressed message.
        max_fragments: Frames that a message may have, 1 or more; empty ones count. Changed, it
            holds from the next frame on.
        inflater: For compressed messages, if they were agreed on (RFC 7692).
    """

    __slots__ = (
        "_buffer",
        "_data_frames",
        "_final",
        "_frames",
        "_further_cost",
        "_inflater",
        "_inflating",
        "_mask",
        "_message",
        "_missing",
        "_offset",
        "_pending",
        "_size",
        "ended",
        "has_more",
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
        self._further_cost = _INFLATING_COST if inflater else 0
        # Set by the `read` that returns a Close or a Violation: nothing comes after it.
        self.ended = False
        # The bytes of all whole messages so far, inflated.
        self.payload_bytes = 0
        # Set by a `read` that stopped early: call it again before waiting for more.
        self.has_more = False

        # What is to be read: the buffer from the offset on, then all that is pending.
        self._buffer = b""
        self._offset = 0
        self._pending: list[bytes] = []

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

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the client. They are not looked at before `read`."""
        if self._buffer:
            self._pending.append(data)
        elif not self.ended:
            self._buffer = data

    def read_whole(self, data: bytes) -> str | bytes | None:
        """Return the message that the next bytes are, if they are one whole frame of a whole one.

        Instead of `feed` and `read`, for what nearly always comes: a client says one thing, and
        waits for an answer. None: it is something else, and nothing has been taken.
        """
        end = len(data)
        if end < _SHORT_HEAD_SIZE or self._buffer or self._message is not None or self.ended:
            return None
        first = data[0]
        length = data[1] ^ MASKED
        start = _SHORT_HEAD_SIZE
        if length == _MEDIUM and end > _MEDIUM:
            length = data[2] << 8 | data[3]
            start = _MEDIUM_HEAD_SIZE
        if start + length != end or length > self.max_payload or first not in _WHOLE_MESSAGES:
            return None
        payload = apply_mask(data[start:], data[start - _MASK_SIZE : start])
        if first == _WHOLE_TEXT:
            try:
                message: str | bytes = payload.decode()
            except UnicodeDecodeError:
                return None
        else:
            message = payload
        self.payload_bytes += length
        return message

    def read(self, max_frames: int) -> list[Item]:
        """Return what has come since the last call, in order.

        Stops after `max_frames` (1 or more) frames or parts of a large one, each of which inflates
        to some 8 KiB, and sets `has_more`: who sends many does not keep others waiting. What might
        be compressed counts as several.
        """
        items: list[Item] = []
        if self._pending:
            self._join_pending()
        buffer = self._buffer
        offset = self._offset
        end = len(buffer)
        message = self._message
        short_bytes = 0
        # Only the general way looks at a limit that is lower than what is short.
        max_length = MAX_SHORT_LENGTH if self.max_payload >= MAX_SHORT_LENGTH else -1
        try:
            while offset < end and max_frames > 0:
                first = buffer[offset]
                start = offset + _SHORT_HEAD_SIZE
                # Without its mask bit a length comes out of this as not short.
                length = buffer[offset + 1] ^ MASKED if start <= end else _NOT_SHORT
                stop = start + length
                whole = length <= max_length and stop <= end and message is None
                if whole and first in _WHOLE_MESSAGES:
                    payload = apply_mask(buffer[start:stop], buffer[start - _MASK_SIZE : start])
                    items.append(payload.decode() if first == _WHOLE_TEXT else payload)
                    short_bytes += length
                else:
                    stop = self._read_frame(buffer, offset, items)
                    if stop == offset:
                        break
                    message = self._message
                    max_frames -= self._further_cost
                offset = stop
                max_frames -= 1
        except UnicodeDecodeError:
            self._end(items, Violation(CloseCode.INVALID_DATA, "a text is not valid UTF-8"))
            offset = end
        except FrameError as error:
            self._end(items, Violation(error.code, error.reason))
            offset = end
        self.payload_bytes += short_bytes
        if offset == end and not self._pending:
            self._buffer, self._offset = b"", 0
            self.has_more = False
        else:
            self._keep_rest(offset, stopped=max_frames <= 0)
        return items

    def _join_pending(self) -> None:
        # What is long is read first: joined after every feed, it would be copied every time.
        if len(self._buffer) - self._offset <= _MAX_WAITING:
            self._buffer = b"".join((self._buffer[self._offset :], *self._pending))
            self._offset = 0
            self._pending.clear()

    def _keep_rest(self, offset: int, stopped: bool) -> None:
        self._offset = offset
        self.has_more = stopped or bool(self._pending)
        if not self.has_more:
            # The rest waits for more bytes: do not keep all of its segment for it.
            self._buffer, self._offset = self._buffer[offset:], 0

    def _end(self, items: list[Item], item: Close | Violation) -> None:
        items.append(item)
        self.ended = True
        self._pending.clear()
        self._message = None

    # The general way. Each step returns the offset to go on at, which is the one it was given
    # when nothing can be done before more bytes come.

    def _read_frame(self, buffer: bytes, offset: int, items: list[Item]) -> int:
        if self._missing:
            return self._read_payload(buffer, offset, items)
        if offset + 2 > len(buffer):
            return offset
        first, second = buffer[offset], buffer[offset + 1]
        if first in self._data_frames and second & MASKED:
            return self._read_data(first, second ^ MASKED, buffer, offset, items)
        check_head(first, second)
        return self._read_control(first & OPCODE_BITS, buffer, offset, items)

    def _read_control(self, opcode: int, buffer: bytes, offset: int, items: list[Item]) -> int:
        start = offset + _SHORT_HEAD_SIZE
        stop = start + (buffer[offset + 1] ^ MASKED)
        if stop > len(buffer):
            return offset
        payload = apply_mask(buffer[start:stop], buffer[start - _MASK_SIZE : start])
        item = decode_control(opcode, payload)
        if isinstance(item, Close):
            self._end(items, item)
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
        start += _MASK_SIZE
        if start > len(buffer):
            return offset
        mask = buffer[start - _MASK_SIZE : start]
        if not frames:
            stop = start + length
            if first in _WHOLE_MESSAGES and stop <= len(buffer):
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
            turn = taken % _MASK_SIZE
            self._mask = self._mask[turn:] + self._mask[:turn]
        elif self._final:
            items.append(message.finish())
            self.payload_bytes += self._inflating.size if self._inflating else self._size
            self._message = self._inflating = None
            self._frames = self._size = 0
        return offset + taken
