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

from typing import Final

from typing_extensions import override
from websockets.frames import CloseCode

from app.websocket.deflate import Inflater
from app.websocket.frame_reader import (
    MASK_SIZE,
    SHORT_HEAD_SIZE,
    WHOLE_MESSAGES,
    WHOLE_TEXT,
    FrameReader,
    Item,
    Violation,
)
from app.websocket.frames import (
    MASKED,
    MAX_CONTROL_PAYLOAD,
    MAX_SHORT_LENGTH,
    Close,
    FrameError,
    Ping,
    Pong,
)
from app.websocket.masking import apply_mask

__all__ = ["Close", "Item", "MessageReader", "Ping", "Pong", "Violation"]

_NOT_SHORT: Final = 255
_MEDIUM: Final = 126  # in place of a length: it is in the two bytes that follow
_MEDIUM_HEAD_SIZE: Final = 4 + MASK_SIZE
_MAX_WAITING: Final = SHORT_HEAD_SIZE + MAX_CONTROL_PAYLOAD
# Frames that could be read while one is inflated, or a part of a large one.
_INFLATING_COST: Final = 4


class MessageReader(FrameReader):
    """Reads what one client sends. See `FrameReader` for the arguments.

    Never raises: what is wrong with the bytes is an item.
    """

    __slots__ = ("_buffer", "_further_cost", "_offset", "_pending", "has_more")

    def __init__(
        self, max_payload: int, max_fragments: int = 65536, inflater: Inflater | None = None
    ) -> None:
        super().__init__(max_payload, max_fragments, inflater)
        self._further_cost = _INFLATING_COST if inflater else 0
        # Set by a `read` that stopped early: call it again before waiting for more.
        self.has_more = False

        # What is to be read: the buffer from the offset on, then all that is pending.
        self._buffer = b""
        self._offset = 0
        self._pending: list[bytes] = []

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
        if end < SHORT_HEAD_SIZE or self._buffer or self._message is not None or self.ended:
            return None
        first = data[0]
        length = data[1] ^ MASKED
        start = SHORT_HEAD_SIZE
        if length > MAX_SHORT_LENGTH:
            # Without its mask bit a length is longer than any field.
            if length != _MEDIUM or end <= _MEDIUM:
                return None
            length = data[2] << 8 | data[3]
            start = _MEDIUM_HEAD_SIZE
            if length <= MAX_SHORT_LENGTH:
                return None
        if start + length != end or length > self.max_payload or first not in WHOLE_MESSAGES:
            return None
        payload = apply_mask(data[start:], data[start - MASK_SIZE : start])
        if first == WHOLE_TEXT:
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
                start = offset + SHORT_HEAD_SIZE
                # Without its mask bit a length comes out of this as not short.
                length = buffer[offset + 1] ^ MASKED if start <= end else _NOT_SHORT
                stop = start + length
                whole = length <= max_length and stop <= end and message is None
                if whole and first in WHOLE_MESSAGES:
                    payload = apply_mask(buffer[start:stop], buffer[start - MASK_SIZE : start])
                    items.append(payload.decode() if first == WHOLE_TEXT else payload)
                    short_bytes += length
                else:
                    stop = self.read_frame(buffer, offset, items)
                    if stop == offset:
                        break
                    message = self._message
                    max_frames -= self._further_cost
                offset = stop
                max_frames -= 1
        except UnicodeDecodeError:
            self.end(items, Violation(CloseCode.INVALID_DATA, "a text is not valid UTF-8"))
            offset = end
        except FrameError as error:
            self.end(items, Violation(error.code, error.reason))
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

    @override
    def end(self, items: list[Item], item: Close | Violation) -> None:
        super().end(items, item)
        self._pending.clear()
