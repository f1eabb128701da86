"""What frames cost by themselves: read, and written."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from websockets.frames import Opcode

from app.websocket.frames import encode_message
from app.websocket.messages import MessageReader
from tests.helpers.raw_client import encode

MAX_FRAMES = 64
SHORT = b"a message of a chat, 32 bytes .."
LONG = bytes(range(256)) * 256

SEGMENTS = {
    "32 bytes": (encode(Opcode.TEXT, SHORT), 1),
    "16 of 32 bytes": (encode(Opcode.TEXT, SHORT) * 16, 16),
    "1000 bytes": (encode(Opcode.TEXT, SHORT * 31), 1),
    "64 KiB": (encode(Opcode.BINARY, LONG), 1),
    "16 fragments": (
        encode(Opcode.TEXT, SHORT, fin=False)
        + encode(Opcode.CONT, SHORT, fin=False) * 14
        + encode(Opcode.CONT, SHORT),
        1,
    ),
    "ping": (encode(Opcode.PING, b"ping"), 1),
}

MESSAGES = {
    "32 bytes of text": SHORT.decode(),
    "32 bytes": SHORT,
    "1000 bytes of text": SHORT.decode() * 31,
    "64 KiB": LONG,
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_read(name: str, benchmark: BenchmarkFixture) -> None:
    reader = MessageReader(1 << 20)
    segment, messages = SEGMENTS[name]

    def read() -> int:
        reader.feed(segment)
        return len(reader.read(MAX_FRAMES))

    assert benchmark(read) == messages


def test_read_64_kib_that_come_in_pieces(benchmark: BenchmarkFixture) -> None:
    reader = MessageReader(1 << 20)
    segment, _ = SEGMENTS["64 KiB"]
    pieces = [segment[start : start + 4096] for start in range(0, len(segment), 4096)]

    def read() -> int:
        found = 0
        for piece in pieces:
            reader.feed(piece)
            found += len(reader.read(MAX_FRAMES))
        return found

    assert benchmark(read) == 1


@pytest.mark.parametrize("name", MESSAGES)
def test_write(name: str, benchmark: BenchmarkFixture) -> None:
    message = MESSAGES[name]

    frame = benchmark(encode_message, message, 100_000)

    assert len(frame) > len(message)


def test_write_16_fragments(benchmark: BenchmarkFixture) -> None:
    frames = benchmark(encode_message, LONG, len(LONG) // 16)

    assert len(frames) > len(LONG)
