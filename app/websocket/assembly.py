"""What frames may make a message, and its parts, collected until it is whole.

Each class has `add`, which returns how many bytes of the part it took, and `finish`, which returns
the message.
"""

import codecs
from typing import AnyStr, Generic

from websockets.frames import CloseCode

from app.websocket.deflate import Inflater
from app.websocket.frames import FrameError

_MANY_PARTS = 256

_IncrementalDecoder = codecs.getincrementaldecoder("utf-8")


def misplaced(opcode: int, frames: int, max_frames: int) -> FrameError:
    """Return what is wrong with a data frame that may not follow so many of its message."""
    if opcode:
        return FrameError(CloseCode.PROTOCOL_ERROR, "a message starts within another")
    if not frames:
        return FrameError(CloseCode.PROTOCOL_ERROR, "nothing is to be continued")
    return FrameError(CloseCode.MESSAGE_TOO_BIG, f"a message has at most {max_frames} frames")


def check_size(size: int, max_payload: int, frames: int, compressed: bool) -> None:
    """Check the bytes that the frames of a message have, before they are inflated.

    A compressed message may have more than `max_payload`, which it may inflate to, but not much: no
    sensible encoder needs more than 9 bits for each byte, and what it takes to flush each frame and
    the message. Without a bound empty blocks could go on for ever.

    Raises:
        FrameError: the message is too big (1009).
    """
    kind, limit = "message", max_payload
    if compressed:
        kind, limit = "compressed message", max_payload + max_payload // 8 + 16 * frames + 64
    if size > limit:
        raise FrameError(CloseCode.MESSAGE_TOO_BIG, f"a {kind} is longer than {limit} bytes")


class Parts(Generic[AnyStr]):
    """Collects the parts of a message and joins them once. Takes each part whole.

    Many small ones are joined in between, since each costs some 50 bytes beside what it holds.
    """

    __slots__ = ("_empty", "_joined", "_recent")

    def __init__(self, empty: AnyStr) -> None:
        self._empty: AnyStr = empty
        self._joined: list[AnyStr] = []
        self._recent: list[AnyStr] = []

    def add(self, part: AnyStr) -> int:
        if part:
            self._recent.append(part)
            if len(self._recent) == _MANY_PARTS:
                self._joined.append(self._empty.join(self._recent))
                self._recent.clear()
        return len(part)

    def finish(self) -> AnyStr:
        return self._empty.join(self._joined + self._recent)


class TextParts:
    """Decodes and collects the parts of a text, which may be cut within a character.

    Takes each part whole. Both methods raise UnicodeDecodeError.
    """

    __slots__ = ("_decode", "_parts")

    def __init__(self) -> None:
        self._decode = _IncrementalDecoder().decode
        self._parts = Parts("")

    def add(self, part: bytes) -> int:
        self._parts.add(self._decode(part))
        return len(part)

    def finish(self) -> str:
        self._decode(b"", True)  # refuses a character that is incomplete
        return self._parts.finish()


class InflatedParts:
    """Inflates the parts of a compressed message and hands them on, one message at a time.

    Takes at least the first byte of a part. Both methods raise FrameError and what `parts` raises.
    """

    __slots__ = ("_inflater", "_parts")

    def __init__(
        self, inflater: Inflater, max_payload: int, parts: Parts[bytes] | TextParts
    ) -> None:
        self._inflater = inflater
        self._parts = parts
        inflater.begin(max_payload)

    def add(self, part: bytes) -> int:
        inflated, taken = self._inflater.inflate(part)
        self._parts.add(inflated)
        return taken

    def finish(self) -> str | bytes:
        self._parts.add(self._inflater.finish())
        return self._parts.finish()
