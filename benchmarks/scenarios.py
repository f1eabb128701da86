"""What is measured, by name."""

import itertools
import json
import random
import zlib
from dataclasses import dataclass
from typing import Final

_WORDS: Final = ("hello", "are", "you", "still", "there", "yes", "the", "room", "is", "open")

_WINDOW_BITS: Final = 10
"""Binary logarithm of the bytes that a compressed payload looks back on: no server wants fewer."""

_OTHER_FILES: Final = 256
"""Files that a process may have open beside its connections."""


@dataclass(frozen=True)
class Scenario:
    """How many connections do what.

    Args:
        name: What the command line and the tables call it.
        description: What it is, for the reader of a table.
        figure: What counts most, a name of `benchmarks.figures.UNITS`.
        connections: Those that are kept busy.
        in_flight: Messages that each of them has under way, which are written together.
        size: Bytes of a message.
        binary: Whether messages are binary, not text.
        churn: Each connection ends after its messages, and a new one begins.
        compressed: permessage-deflate is offered, and must be agreed on.
        idle: Connections that exchange one message and then only stay.
        max_rounds: More rounds than that would show nothing more.
    """

    name: str
    description: str
    figure: str = "cpu"
    connections: int = 0
    in_flight: int = 1
    size: int = 32
    binary: bool = False
    churn: bool = False
    compressed: bool = False
    idle: int = 0
    max_rounds: int = 1000

    @property
    def open_files(self) -> int:
        """How many files a server must be able to have open."""
        return self.idle + self.connections + _OTHER_FILES


SCENARIOS: Final = {
    each.name: each
    for each in (
        Scenario("rtt1", "1 connection, 32 bytes, one at a time", "p50", connections=1),
        Scenario("c64", "64 connections, 32 bytes, one in flight each", connections=64),
        Scenario(
            "c64p16", "64 connections, 32 bytes, 16 in flight each", connections=64, in_flight=16
        ),
        Scenario("c500", "500 connections, 128 bytes", connections=500, size=128),
        Scenario("64k", "8 connections, 65536 bytes", connections=8, size=65536, binary=True),
        Scenario(
            "conn",
            "connect, handshake, one echo, closing handshake; 32 at a time",
            connections=32,
            churn=True,
        ),
        Scenario(
            "deflate", "64 connections, 1000 bytes, compressed", connections=64, size=1000,
            compressed=True,
        ),
        Scenario("idle", "5000 idle connections", "kilobytes", idle=5000, max_rounds=2),
        Scenario(
            "idle-deflate",
            "1000 idle connections that have compressed one message",
            "kilobytes",
            size=1000,
            compressed=True,
            idle=1000,
            max_rounds=2,
        ),
        Scenario(
            "many",
            "15000 idle connections, and c64 beside them",
            "p99",
            connections=64,
            idle=15000,
            max_rounds=2,
        ),
    )
}  # fmt: skip


def payload(size: int) -> bytes:
    """Return what a chat might send: JSON, cut to that many bytes of ASCII."""
    chance = random.Random(7)
    says = (
        json.dumps({"id": number, "user": f"user-{chance.randrange(50)}", "text": _text(chance)})
        for number in itertools.count(chance.randrange(10**6))
    )
    text = ""
    while len(text) < size:
        text += next(says) + "\n"
    return text[:size].encode()


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(3, 12)))


def compressed(payload: bytes) -> bytes:
    """Return it as it is in a compressed message (RFC 7692 section 7.2.1).

    It refers to nothing before it, so that it may be sent any number of times.
    """
    deflater = zlib.compressobj(wbits=-_WINDOW_BITS)
    data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(b"\x00\x00\xff\xff")


def decompressed(data: bytes) -> bytes:
    """Return the payload of the first compressed message of a connection."""
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(data + b"\x00\x00\xff\xff")
