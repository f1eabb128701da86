"""Frames, to and from bytes (RFC 6455 section 5): what can be said of one frame alone.

A server sends no mask, so a frame is a head in front of its payload. How the frames of a client
become messages is the business of `messages`, how payloads are compressed that of `deflate`.
"""

import enum
import struct
from dataclasses import dataclass
from typing import Final

from websockets.frames import CloseCode

FIN: Final = 0x80
"""Bit of a frame's first byte: it is the last one of its message."""

COMPRESSED: Final = 0x40
"""Bit of a frame's first byte (RSV1): the message that it begins is compressed (RFC 7692)."""

MASKED: Final = 0x80
"""Bit of a frame's second byte: a masking key follows. Every frame of a client has one."""

MAX_CONTROL_PAYLOAD: Final = 125
"""Bytes a control frame may carry (RFC 6455 section 5.5)."""

MAX_SHORT_LENGTH: Final = 125
"""Payload length up to which a frame's second byte is enough for it (RFC 6455 section 5.2)."""

OPCODE_BITS: Final = 0x0F
"""Bits of a frame's first byte that hold its opcode."""

_RESERVED_BITS: Final = 0x70
_LENGTH_BITS: Final = 0x7F
_MAX_LENGTH: Final = 0x7FFF_FFFF_FFFF_FFFF

# 126 and 127 in place of a length: the field it follows in, and what fits a shorter one.
_LONG_LENGTHS: Final = {
    126: (struct.Struct("!H"), MAX_SHORT_LENGTH),
    127: (struct.Struct("!Q"), 0xFFFF),
}


class Opcode(enum.IntEnum):
    """The kind of a frame (RFC 6455 section 5.2). From CLOSE on it is a control frame."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_OPCODES: Final = frozenset(map(int, Opcode))
_CLOSE: Final = int(Opcode.CLOSE)


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping, to be answered by a pong with the same payload (RFC 6455 section 5.5.2)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """A pong, whether a ping asked for it or not (RFC 6455 section 5.5.3)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """A close frame; `code` is 1005 if it had none (RFC 6455 section 7.1.5)."""

    code: int
    reason: str


class FrameError(Exception):
    """The peer broke the protocol and the connection must be failed (RFC 6455 section 7.1.7).

    `code` is the close code to do it with; `reason` says what was wrong and fits a close frame.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


# Encoding


def _encode_head(first: int, length: int) -> bytes:
    if length <= MAX_SHORT_LENGTH:
        return bytes((first, length))
    if length <= 0xFFFF:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)


_SHORT_LENGTHS: Final = range(MAX_SHORT_LENGTH + 1)
_SHORT_HEADS: Final = {
    opcode: tuple(_encode_head(FIN | opcode, length) for length in _SHORT_LENGTHS)
    for opcode in (Opcode.TEXT, Opcode.BINARY)
}


def encode_message(message: str | bytes | bytearray | memoryview, fragment_size: int) -> bytes:
    """Encode all frames of a message: a `str` as text, anything else as binary.

    Args:
        message: What to send.
        fragment_size: Bytes that each frame but the last carries, even if that parts a character
            (RFC 6455 section 5.4); 0 never fragments.

    Raises:
        UnicodeEncodeError: a text has a lone surrogate.
        TypeError: the message is neither text nor bytes.
    """
    if isinstance(message, str):
        return encode_payload(Opcode.TEXT, message.encode(), fragment_size)
    payload = message if isinstance(message, bytes) else memoryview(message).tobytes()
    return encode_payload(Opcode.BINARY, payload, fragment_size)


def encode_payload(opcode: Opcode, payload: bytes, fragment_size: int) -> bytes:
    """Encode all frames of a message with this payload, TEXT or BINARY. See `encode_message`."""
    length = len(payload)
    if fragment_size and length > fragment_size:
        return _encode_fragments(opcode, payload, fragment_size)
    return head_of_whole(opcode, length) + payload


def head_of_whole(opcode: Opcode, length: int) -> bytes:
    """Encode the head of a frame that carries a whole message of so many bytes."""
    if length <= MAX_SHORT_LENGTH:
        return _SHORT_HEADS[opcode][length]
    return _encode_head(FIN | opcode, length)


def encode_compressed(opcode: Opcode, payload: bytes, fragment_size: int) -> bytes:
    """Encode all frames of a message whose payload is compressed (RFC 7692 section 6.1).

    Args:
        opcode: TEXT or BINARY.
        payload: The compressed one.
        fragment_size: Bytes of it that each frame but the last carries; 0 never fragments.
    """
    if not fragment_size or len(payload) <= fragment_size:
        return _encode_head(FIN | COMPRESSED | opcode, len(payload)) + payload
    return _encode_fragments(COMPRESSED | opcode, payload, fragment_size)


def _encode_fragments(first: int, payload: bytes, size: int) -> bytes:
    view = memoryview(payload)  # its slices copy nothing before the join
    last = (len(payload) - 1) // size * size
    middle_head = _encode_head(Opcode.CONTINUATION, size)
    parts: list[bytes | memoryview] = [_encode_head(first, size), view[:size]]
    for start in range(size, last, size):
        parts += (middle_head, view[start : start + size])
    parts += (_encode_head(FIN | Opcode.CONTINUATION, len(payload) - last), view[last:])
    return b"".join(parts)


def encode_control(opcode: Opcode, payload: bytes) -> bytes:
    """Encode a close, ping or pong frame.

    Raises:
        ValueError: the payload has more than 125 bytes (RFC 6455 section 5.5).
    """
    if len(payload) > MAX_CONTROL_PAYLOAD:
        limit = MAX_CONTROL_PAYLOAD
        raise ValueError(f"a control frame carries at most {limit} bytes, not {len(payload)}")
    return _encode_head(FIN | opcode, len(payload)) + payload


def encode_close(code: int | None, reason: str) -> bytes:
    """Encode a close frame, an empty one if `code` is None (RFC 6455 section 5.5.1).

    Raises:
        ValueError: the code must not be sent, the reason has more than 123 bytes of UTF-8, or
            there is a reason without a code.
    """
    if code is None:
        if reason:
            raise ValueError("a close reason cannot be sent without a close code")
        return encode_control(Opcode.CLOSE, b"")
    if not is_wire_close_code(code):
        raise ValueError(f"close code {code} must not be sent")
    return encode_control(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode())


# Decoding


def check_head(first: int, second: int) -> None:
    """Check the first two bytes of a client's frame.

    Raises:
        FrameError: they break the protocol (RFC 6455 sections 5.1, 5.2 and 5.5).
    """
    opcode = first & OPCODE_BITS
    if first & _RESERVED_BITS:
        raise _protocol_error("a reserved bit is set")
    if opcode not in _OPCODES:
        raise _protocol_error(f"opcode {opcode} is reserved")
    if not second & MASKED:
        raise _protocol_error("the frame is not masked")
    if opcode >= _CLOSE:
        if not first & FIN:
            raise _protocol_error("a control frame is fragmented")
        if second & _LENGTH_BITS > MAX_CONTROL_PAYLOAD:
            raise _protocol_error(f"a control frame is longer than {MAX_CONTROL_PAYLOAD} bytes")


def decode_length(buffer: bytes, offset: int) -> tuple[int, int] | None:
    """Read the payload length of the frame at `offset`, of which two bytes must be there.

    Returns the length and the offset of what comes after it, or None while it is incomplete.

    Raises:
        FrameError: the length is not encoded in the fewest bytes or has its top bit set (RFC 6455
            section 5.2).
    """
    length = buffer[offset + 1] & _LENGTH_BITS
    start = offset + 2
    if length <= MAX_SHORT_LENGTH:
        return length, start
    field, fits_shorter_field = _LONG_LENGTHS[length]
    stop = start + field.size
    if stop > len(buffer):
        return None
    (length,) = field.unpack_from(buffer, start)
    if length <= fits_shorter_field:
        raise _protocol_error("a payload length is not encoded in the fewest bytes")
    if length > _MAX_LENGTH:
        raise _protocol_error("a payload length has its top bit set")
    return length, stop


def decode_control(opcode: int, payload: bytes) -> Ping | Pong | Close:
    """Read a control frame whose head was checked.

    Raises:
        FrameError: it is a close frame with a wrong payload (RFC 6455 sections 5.5.1 and 7.4).
    """
    if opcode == Opcode.CLOSE:
        return _decode_close(payload)
    return Ping(payload) if opcode == Opcode.PING else Pong(payload)


def _decode_close(payload: bytes) -> Close:
    if not payload:
        return Close(CloseCode.NO_STATUS_RCVD, "")
    if len(payload) == 1:
        raise _protocol_error("a close frame has half a close code")
    code = int.from_bytes(payload[:2], "big")
    try:
        reason = payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError(CloseCode.INVALID_DATA, "a close reason is not valid UTF-8") from None
    if not is_wire_close_code(code):
        raise _protocol_error(f"close code {code} must not be sent")
    return Close(code, reason)


def is_wire_close_code(code: int) -> bool:
    """Tell whether a close frame may carry `code` (RFC 6455 section 7.4, and IANA's registry).

    1004, 1005, 1006 and 1015 may not: nobody may send them.
    """
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def _protocol_error(reason: str) -> FrameError:
    return FrameError(CloseCode.PROTOCOL_ERROR, reason)
