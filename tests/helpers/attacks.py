"""What hostile clients send: one generator of raw bytes per attack."""

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from websockets.frames import Opcode

from tests.helpers.raw_client import encode, encode_close, request_head

SEGMENT_SIZE: Final = 65536
"""Bytes that an attacker hands to its socket at once, unless that is its trick."""

Attack = Callable[[], Iterator[bytes]]
"""Yields what one connection sends. Where it ends, the attacker drops the connection."""


@dataclass(frozen=True)
class Flood:
    """An attack that goes on as long as it is let, over new connections if need be.

    Args:
        attack: What each connection sends.
        upgrades: Whether the connection is a WebSocket by then.
        reads: Whether the attacker reads what it is answered then.
        compressed: Whether it needs a handler with compression.
    """

    attack: Attack
    upgrades: bool = True
    reads: bool = True
    compressed: bool = False

    @property
    def opening(self) -> bytes:
        """What is sent before the attack; it begins with the answer to this."""
        if not self.upgrades:
            return b""
        return request_head("/chat", *[DEFLATE_OFFER] * self.compressed)


def repeated(frames: bytes, opening: bytes = b"", *, segment_size: int = SEGMENT_SIZE) -> Attack:
    """Send an opening once, and then the same frames for ever in full segments."""

    def attack() -> Iterator[bytes]:
        yield opening
        yield from itertools.repeat(frames * max(1, segment_size // len(frames)))

    return attack


def byte_by_byte(frames: bytes) -> Attack:
    """Send the same frames for ever, each byte in a segment of its own."""

    def attack() -> Iterator[bytes]:
        yield from itertools.cycle(frames[i : i + 1] for i in range(len(frames)))

    return attack


def once(data: bytes) -> Attack:
    """Send this and drop the connection."""

    def attack() -> Iterator[bytes]:
        yield data

    return attack


def pipelined(request: bytes) -> Attack:
    """Send the same plain request for ever, without waiting for an answer."""

    def attack() -> Iterator[bytes]:
        yield from itertools.repeat(request * (SEGMENT_SIZE // len(request)))

    return attack


def deflate(*parts: bytes) -> bytes:
    """Return the payload of a compressed message that needs none before it (RFC 7692, 7.2.1)."""
    compressor = zlib.compressobj(level=9, wbits=-15)
    compressed = b"".join(map(compressor.compress, parts))
    return (compressed + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


def compressed_text(payload: bytes) -> bytes:
    """Return a frame with a compressed payload."""
    return encode(RSV1 | Opcode.TEXT, payload)


def text(payload: bytes) -> bytes:
    """Return a text message in one frame."""
    return encode(Opcode.TEXT, payload)


RSV1: Final = 0x40
DEFLATE_OFFER: Final = "Sec-WebSocket-Extensions: permessage-deflate"

TEXT_OPENS: Final = encode(Opcode.TEXT, b"", fin=False)
EMPTY_CONTINUATION: Final = encode(Opcode.CONT, b"", fin=False)
TINY_CONTINUATION: Final = encode(Opcode.CONT, b"x", fin=False)
TWO_FRAGMENTS: Final = encode(Opcode.TEXT, b"x", fin=False) + encode(Opcode.CONT, b"x")
PING: Final = encode(Opcode.PING)
LARGE_PING: Final = encode(Opcode.PING, b"x" * 125)
PLAIN_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

FLOODS: Final = {
    "tiny-continuations": Flood(repeated(TINY_CONTINUATION, TEXT_OPENS)),
    "empty-continuations": Flood(repeated(EMPTY_CONTINUATION, TEXT_OPENS)),
    "tiny-fragments": Flood(repeated(TWO_FRAGMENTS)),
    "pings": Flood(repeated(PING)),
    "pings-unread": Flood(repeated(PING), reads=False),
    "large-pings-unread": Flood(repeated(LARGE_PING), reads=False),
    "pongs": Flood(repeated(encode(Opcode.PONG))),
    "tiny-texts": Flood(repeated(text(b"x"))),
    "tiny-texts-unread": Flood(repeated(text(b"x")), reads=False),
    "tiny-binaries": Flood(repeated(encode(Opcode.BINARY, b"x"))),
    "empty-texts": Flood(repeated(text(b""))),
    "small-texts": Flood(repeated(text(b"x" * 32), segment_size=1 << 20)),
    "large-texts": Flood(repeated(text("ж".encode() * 50_000))),
    "bytes": Flood(byte_by_byte(text(b"x" * 8))),
    "inflating-texts": Flood(repeated(compressed_text(deflate(b"x" * 100_000))), compressed=True),
    "compressed-tiny-texts": Flood(repeated(compressed_text(deflate(b"x"))), compressed=True),
    "behind-a-close": Flood(repeated(PING, encode_close(1000))),
    "behind-a-mistake": Flood(repeated(PING, encode(Opcode.CONT))),
    "handshakes": Flood(once(request_head()), upgrades=False),
    "connections": Flood(once(b"G"), upgrades=False),
    "bad-requests": Flood(once(b"nonsense\r\n\r\n"), upgrades=False),
    "pipelined-requests": Flood(pipelined(PLAIN_REQUEST), upgrades=False),
}
"""The floods by name."""
