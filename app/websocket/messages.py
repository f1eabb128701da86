"""Messages: from the bytes of a client, cut anyhow, to what it said, in order.

The rules of this file:

1. What a byte costs does not depend on how the bytes were cut. The payload of a message is
   unmasked, checked and collected as it comes; only a head or a control frame waits for the rest
   of itself, at most 130 bytes. What has been read is passed over, not cut off.
2. What is wrong is refused at the bytes that show it: a head before its payload, a text where it
   can become UTF-8 no more.
3. What nearly always comes is a short message in one frame, all there. It takes the straight line
   in `MessageReader.read`, everything else the general way.
"""

import codecs
from dataclasses import dataclass
from typing import AnyStr, Generic

from websockets.frames import CloseCode

from app.websocket.frames import (
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

_CONTINUATION, _TEXT, _BINARY, *_ = map(int, Opcode)  # plain ints compare faster
_DATA_FRAMES = frozenset(fin | op for fin in (0, FIN) for op in (_CONTINUATION, _TEXT, _BINARY))
_WHOLE_TEXT = FIN | _TEXT
_WHOLE_MESSAGES = frozenset((_WHOLE_TEXT, FIN | _BINARY))

_MASK_SIZE = 4
_SHORT_HEAD_SIZE = 2 + _MASK_SIZE
_NOT_SHORT = 255
_MAX_WAITING = _SHORT_HEAD_SIZE + MAX_CONTROL_PAYLOAD
_WORTH_A_VIEW = 8192  # bytes from which on a memoryview was measured to cost less than a copy
_MANY_PARTS = 256

_IncrementalDecoder = codecs.getincrementaldecoder("utf-8")


class MessageReader:
    """Reads what one client sends (RFC 6455 sections 5 to 8), without extensions.

    `max_payload` is the number of bytes that a message may have; changed, it holds from the next
    frame on. Never raises: what is wrong with the bytes is an item.
    """

    __slots__ = (
        "_buffer",
        "_final",
        "_mask",
        "_message",
        "_missing",
        "_offset",
        "_pending",
        "_size",
        "ended",
        "has_more",
        "max_payload",
        "payload_bytes",
    )

    def __init__(self, max_payload: int) -> None:
        self.max_payload = max_payload
        # Set by the `read` that returns a Close or a Violation: nothing comes after it.
        self.ended = False
        # The bytes of all whole messages so far.
        self.payload_bytes = 0
        # Set by a `read` that stopped early: call it again before waiting for more bytes.
        self.has_more = False

        # What is to be read: the buffer from the offset on, then all that is pending.
        self._buffer = b""
        self._offset = 0
        self._pending: list[bytes] = []

        # The message that is open, and the bytes that its frames so far have announced.
        self._message: _Text | _Parts[bytes] | None = None
        self._size = 0

        # Of the data frame whose payload is coming: how many bytes are missing, the masking key
        # turned to start at the first of them, and whether the message ends with them.
        self._missing = 0
        self._mask = b""
        self._final = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the client. They are not looked at before `read`."""
        if self._buffer:
            self._pending.append(data)
        elif not self.ended:
            self._buffer = data

    def read(self, max_frames: int) -> list[Item]:
        """Return what has come since the last call, in order.

        Stops after `max_frames` (1 or more) frames or parts of a large one and sets `has_more`,
        so that a client that sends many does not keep others waiting.
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
            while offset < end and max_frames:
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
            self._keep_rest(offset, stopped=not max_frames)
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
            self._buffer = self._buffer[offset:]
            self._offset = 0

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
        if first in _DATA_FRAMES and second & MASKED:
            return self._read_data(first, buffer, offset, items)
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

    def _read_data(self, first: int, buffer: bytes, offset: int, items: list[Item]) -> int:
        opcode = first & OPCODE_BITS
        if (opcode == _CONTINUATION) == (self._message is None):
            reason = "a message starts within another" if opcode else "nothing is to be continued"
            raise FrameError(CloseCode.PROTOCOL_ERROR, reason)
        extent = decode_length(buffer, offset)
        if extent is None:
            return offset
        length, start = extent
        if self._size + length > self.max_payload:
            reason = f"a message is longer than {self.max_payload} bytes"
            raise FrameError(CloseCode.MESSAGE_TOO_BIG, reason)
        start += _MASK_SIZE
        if start > len(buffer):
            return offset
        mask = buffer[start - _MASK_SIZE : start]
        if self._message is None:
            stop = start + length
            if first & FIN and stop <= len(buffer):
                source = buffer if length < _WORTH_A_VIEW else memoryview(buffer)
                payload = apply_mask(source[start:stop], mask)
                items.append(payload.decode() if opcode == _TEXT else payload)
                self.payload_bytes += length
                return stop
            self._message = _Text() if opcode == _TEXT else _Parts(b"")
        self._size += length
        self._missing = length
        self._mask = mask
        self._final = first >= FIN
        return self._read_payload(buffer, start, items)

    def _read_payload(self, buffer: bytes, offset: int, items: list[Item]) -> int:
        assert self._message is not None
        part = buffer[offset : offset + self._missing]
        self._message.add(apply_mask(part, self._mask))
        self._missing -= len(part)
        if self._missing:
            turn = len(part) % _MASK_SIZE
            self._mask = self._mask[turn:] + self._mask[:turn]
        elif self._final:
            items.append(self._message.finish())
            self.payload_bytes += self._size
            self._message = None
            self._size = 0
        return offset + len(part)


class _Parts(Generic[AnyStr]):
    """Collects the parts of a message and joins them once.

    Many small ones are joined in between, since each costs some 50 bytes beside what it holds.
    """

    __slots__ = ("_empty", "_joined", "_recent")

    def __init__(self, empty: AnyStr) -> None:
        self._empty: AnyStr = empty
        self._joined: list[AnyStr] = []
        self._recent: list[AnyStr] = []

    def add(self, part: AnyStr) -> None:
        if part:
            self._recent.append(part)
            if len(self._recent) == _MANY_PARTS:
                self._joined.append(self._empty.join(self._recent))
                self._recent.clear()

    def finish(self) -> AnyStr:
        return self._empty.join(self._joined + self._recent)


class _Text:
    """Decodes and collects the parts of a text, which may be cut within a character.

    Both methods raise UnicodeDecodeError.
    """

    __slots__ = ("_decode", "_parts")

    def __init__(self) -> None:
        self._decode = _IncrementalDecoder().decode
        self._parts = _Parts("")

    def add(self, part: bytes) -> None:
        self._parts.add(self._decode(part))

    def finish(self) -> str:
        self._decode(b"", True)  # refuses a character that is incomplete
        return self._parts.finish()
