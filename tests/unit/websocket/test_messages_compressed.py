import tracemalloc
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.websocket import frame_reader
from app.websocket.deflate import Deflater, Inflater
from app.websocket.messages import Close, Item, MessageReader, Ping, Violation
from tests.helpers.message_reading import read_all
from tests.helpers.raw_client import encode

# First bytes of frames: the FIN bit, the bit of what is compressed and the opcode.
TEXT_STARTS, TEXT, PLAIN_TEXT = 0x41, 0xC1, 0x81
BINARY_STARTS, BINARY, PLAIN_BINARY, PLAIN_BINARY_STARTS = 0x42, 0xC2, 0x82, 0x02
GOES_ON, ENDS = 0x00, 0x80
CLOSE, PING = 0x88, 0x89

MIB = 1 << 20
HELLO = bytes.fromhex("f248cdc9c90700")
NOT_VALID = Violation(1002, "a message is not validly compressed")
RESERVED = Violation(1002, "a reserved bit is set")


def client_frame(first: int, payload: bytes = b"") -> bytes:
    frame = encode(first & 0x0F, payload, fin=first >= 0x80)
    return bytes((first,)) + frame[1:]


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def fragments(first: int, payload: bytes, size: int) -> bytes:
    """A message in frames of this size, an empty one at its end."""
    starts, *others = cut(payload, size) or [b""]
    middle = b"".join(client_frame(GOES_ON, part) for part in others)
    return client_frame(first & 0x7F, starts) + middle + client_frame(ENDS)


def deflated(message: bytes, level: int = 6) -> bytes:
    stream = zlib.compressobj(level, wbits=-15)
    return (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def new_reader(max_payload: int = 1000, max_fragments: int = 65536) -> MessageReader:
    return MessageReader(max_payload, max_fragments, Inflater(15, keeps_window=True))


@pytest.fixture
def reader() -> MessageReader:
    return new_reader()


# Messages


@pytest.mark.parametrize(("first", "message"), [(TEXT, "Hello"), (BINARY, b"Hello")])
def test_a_compressed_message_comes_out_inflated(
    reader: MessageReader, first: int, message: str | bytes
) -> None:
    frame = client_frame(first, HELLO)

    assert read_all(reader, frame) == [message]
    assert read_all(reader, *cut(frame, 1)) == [message]
    assert read_all(reader, frame[:-1]) == []
    assert read_all(reader, frame[-1:]) == [message]


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize(("first", "message"), [(TEXT, "Hello"), (BINARY, b"Hello")])
def test_it_may_be_fragmented(
    reader: MessageReader, first: int, message: str | bytes, size: int
) -> None:
    frames = fragments(first, HELLO, size)

    assert read_all(reader, frames + client_frame(PING) + frames) == [message, Ping(b""), message]
    assert read_all(reader, *cut(frames, 1)) == [message]


def test_its_first_frames_may_be_empty(reader: MessageReader) -> None:
    frames = client_frame(TEXT_STARTS) + client_frame(GOES_ON) + client_frame(ENDS, HELLO)

    assert read_all(reader, frames) == ["Hello"]


def test_a_final_block_may_come_before_empty_frames(reader: MessageReader) -> None:
    final = bytes.fromhex("f348cdc9c90700")
    frames = client_frame(TEXT_STARTS, final) + client_frame(GOES_ON) + client_frame(ENDS)

    assert read_all(reader, frames) == ["Hello"]


@pytest.mark.parametrize("size", [1, 1000])
def test_a_message_that_is_cut_off_does_not_swallow_the_one_after_it(size: int) -> None:
    """Or the tables of one would be read on with what the other says."""
    frames = client_frame(TEXT, bytes.fromhex("c404")) + client_frame(TEXT, HELLO) * 3

    assert read_all(new_reader(), *cut(frames, size)) == [NOT_VALID]


@pytest.mark.parametrize("size", [1, 1000])
def test_a_final_block_may_be_the_empty_one_whose_last_bytes_are_not_sent(size: int) -> None:
    final = HELLO + bytes.fromhex("0000ffff01")
    frames = client_frame(TEXT, b"\x01") + client_frame(TEXT, final) + client_frame(TEXT, HELLO)

    assert read_all(new_reader(), *cut(frames, size)) == ["", "Hello", "Hello"]


def test_some_messages_may_be_compressed_and_others_not(reader: MessageReader) -> None:
    frames = [
        client_frame(TEXT, HELLO),
        client_frame(PLAIN_TEXT, b"Hello"),
        client_frame(PLAIN_BINARY_STARTS, b"Hel") + client_frame(ENDS, b"lo"),
        client_frame(TEXT, bytes.fromhex("f200110000")),
        client_frame(PLAIN_BINARY, bytes(500)),
    ]

    assert read_all(reader, b"".join(frames)) == ["Hello", "Hello", b"Hello", "Hello", bytes(500)]


def test_control_frames_may_stand_between_its_fragments(reader: MessageReader) -> None:
    frames = client_frame(TEXT_STARTS, HELLO[:3]) + client_frame(PING, b"a")

    assert read_all(reader, frames + client_frame(ENDS, HELLO[3:])) == [Ping(b"a"), "Hello"]
    assert read_all(reader, frames + client_frame(CLOSE)) == [Ping(b"a"), Close(1005, "")]


def test_payload_bytes_are_those_that_came_out(reader: MessageReader) -> None:
    frames = client_frame(BINARY, deflated(bytes(900))) + client_frame(PLAIN_BINARY, b"abc")
    read_all(reader, frames + fragments(TEXT, HELLO, 2) + client_frame(TEXT, HELLO[:3]))

    assert reader.payload_bytes == 900 + 3 + 5


# Violations


@pytest.mark.parametrize("first", [0x41, 0x42, 0xC1, 0xC2])
def test_nothing_may_be_compressed_unless_it_was_agreed_on(first: int) -> None:
    assert read_all(MessageReader(1000), client_frame(first, HELLO)[:2]) == [RESERVED]


@pytest.mark.parametrize(
    "first",
    [
        0x40,
        0xC0,
        0x43,
        0xC7,
        0xC8,
        0xC9,
        0xCA,
        0xCB,
        0x61,
        0xE1,
        0x51,
        0xD2,
        0x21,
        0xA2,
        0x11,
        0x92,
    ],
)
@pytest.mark.parametrize("before", [b"", client_frame(TEXT_STARTS, HELLO)], ids=["first", "within"])
def test_the_bit_is_for_the_first_frame_of_a_message(
    reader: MessageReader, before: bytes, first: int
) -> None:
    """And the other reserved bits are for nobody."""
    assert read_all(reader, before + client_frame(first)[:2]) == [RESERVED]


def test_a_compressed_message_may_not_start_within_another(reader: MessageReader) -> None:
    frames = client_frame(TEXT_STARTS, HELLO) + client_frame(TEXT, HELLO)

    assert read_all(reader, frames) == [Violation(1002, "a message starts within another")]


WRONG = {
    "nothing": (NOT_VALID, b""),
    "cut off": (NOT_VALID, HELLO[:-1]),
    "cut off within a table": (NOT_VALID, bytes.fromhex("c404")),
    "garbage": (NOT_VALID, b"\xff" * 20),
    "bad text": (Violation(1007, "a text is not valid UTF-8"), deflated(b"text\xff")),
    "text without its end": (
        Violation(1007, "a text is not valid UTF-8"),
        deflated("text€".encode()[:-1]),
    ),
    "too long": (
        Violation(1009, "a message inflates to more than 1000 bytes"),
        deflated(bytes(1001)),
    ),
}


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(("violation", "payload"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_comes_out_after_all_that_was_right(
    reader: MessageReader, violation: Violation, payload: bytes, size: int
) -> None:
    right = client_frame(TEXT, HELLO)

    assert read_all(reader, right + client_frame(TEXT, payload) + right) == ["Hello", violation]
    assert read_all(new_reader(), *cut(fragments(TEXT, payload, size), size)) == [violation]
    assert reader.ended


def test_a_compressed_text_fails_where_it_can_be_utf_8_no_more(reader: MessageReader) -> None:
    payload = deflated(b"text\xff" + bytes(range(128)) * 6, level=0)  # as it is, after 5 bytes
    frame = client_frame(TEXT, payload)
    at_fault = len(frame) - len(payload) + 5 + 4

    assert read_all(reader, frame[:at_fault]) == []
    assert read_all(reader, frame[at_fault : at_fault + 1]) == [
        Violation(1007, "a text is not valid UTF-8")
    ]


def test_the_rest_of_a_bomb_is_not_waited_for(reader: MessageReader) -> None:
    frame = client_frame(BINARY, deflated(bytes(200_000)))
    needed = len(frame) // 2

    assert read_all(reader, frame[:needed]) == [
        Violation(1009, "a message inflates to more than 1000 bytes")
    ]


# What is not inflated has a limit, too: max_payload, an eighth, 64, and 16 for each frame.


def test_a_frame_that_is_too_long_to_be_sensible_is_refused_at_its_head(
    reader: MessageReader,
) -> None:
    most = 1000 + 125 + 64 + 16
    violation = Violation(1009, f"a compressed message is longer than {most} bytes")

    assert read_all(new_reader(), client_frame(BINARY, bytes(most))[:4]) == []
    assert read_all(reader, client_frame(BINARY, bytes(most + 1))[:4]) == [violation]


@pytest.mark.parametrize("count", [1, 4, 10, 1000])
def test_empty_blocks_do_not_go_on_for_ever(count: int) -> None:
    """A few for each frame are stopped by the limit of frames."""
    reader = new_reader(max_fragments=500)
    blocks = b"\x00\x00\x00\xff\xff" * count
    read_all(reader, client_frame(BINARY_STARTS, b"\x00\x00\x00\xff\xff"))
    frames = 1
    while not (items := read_all(reader, client_frame(GOES_ON, blocks))):
        frames += 1

    [violation] = items
    assert isinstance(violation, Violation)
    assert violation.code == 1009
    assert frames <= 500


@pytest.mark.parametrize("memory_level", [1, 5, 9])
@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("size", [1, 100, 20_000])
def test_what_an_encoder_cannot_compress_still_passes(
    size: int, level: int, memory_level: int
) -> None:
    """In frames that are flushed one by one, and as long as a message may be."""
    noise = bytes((number * number * 7919 >> 8) & 0xFF for number in range(20_000))[: size * 200]
    reader = new_reader(len(noise))
    stream = zlib.compressobj(level, wbits=-15, memLevel=memory_level)
    parts = [stream.compress(part) + stream.flush(zlib.Z_SYNC_FLUSH) for part in cut(noise, size)]
    frames = client_frame(BINARY_STARTS, parts[0])
    frames += b"".join(client_frame(GOES_ON, part) for part in parts[1:]) + client_frame(
        ENDS, b"\x00"
    )

    assert read_all(reader, frames) == [noise]


# max_fragments


@pytest.mark.parametrize(
    ("starts", "payload"),
    [(PLAIN_BINARY_STARTS, b""), (PLAIN_BINARY_STARTS, b"a"), (0x42, b"\x00")],
)
def test_a_message_has_at_most_max_fragments_frames(starts: int, payload: bytes) -> None:
    before = client_frame(starts, payload) + client_frame(GOES_ON, payload[:0]) * 3
    violation = Violation(1009, "a message has at most 5 frames")

    for last in (ENDS, GOES_ON):
        reader = new_reader(max_fragments=5)
        assert read_all(reader, before + client_frame(ENDS)) == [payload.strip(b"\x00")]
        assert read_all(reader, before + client_frame(GOES_ON)) == []
        assert read_all(reader, client_frame(last)[:2]) == [violation]


def test_a_new_max_payload_is_what_the_next_message_may_inflate_to() -> None:
    reader = new_reader(1000)
    compressed = deflated(bytes(500))
    begun, rest = client_frame(BINARY_STARTS, compressed[:3]), client_frame(ENDS, compressed[3:])
    assert read_all(reader, begun) == []

    reader.max_payload = 499
    assert read_all(reader, rest) == [bytes(500)]
    assert read_all(reader, begun + rest) == [
        Violation(1009, "a message inflates to more than 499 bytes")
    ]


def test_whole_messages_and_control_frames_are_no_fragments() -> None:
    reader = new_reader(max_fragments=1)
    frames = client_frame(TEXT, HELLO) + client_frame(PING) + client_frame(PLAIN_BINARY, bytes(900))

    assert read_all(reader, frames * 3) == ["Hello", Ping(b""), bytes(900)] * 3
    assert read_all(reader, client_frame(TEXT_STARTS, HELLO) + client_frame(ENDS)) == [
        Violation(1009, "a message has at most 1 frames")
    ]


# All messages, all ways to cut them


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[str | bytes], bytes, bool]:
    """Messages, the frames of a client for them, and whether it keeps its window."""
    keeps_window = draw(st.booleans())
    deflater = Deflater(
        draw(st.integers(9, 15)), keeps_window, draw(st.integers(1, 9)), threshold=0
    )
    texts = st.text(max_size=50) | st.sampled_from(["Hello", "€" * 3000])
    said: list[str | bytes] = draw(st.lists(texts | st.binary(max_size=300), max_size=5))
    frames = b""
    for message in said:
        plain = message.encode() if isinstance(message, str) else message
        first = TEXT if isinstance(message, str) else BINARY
        if draw(st.booleans()):
            first, payload = first & 0x8F, plain
        else:
            payload = deflater.compress(plain)
        if draw(st.booleans()):
            frames += client_frame(first, payload)
        else:
            frames += fragments(first, payload, draw(st.integers(1, 100)))
    return said, frames, keeps_window


@settings(max_examples=200, deadline=None)
@given(conversations(), st.integers(1, 500), st.integers(1, 10), st.integers(1, 30))
def test_what_a_client_says_comes_out_however_it_is_cut(
    conversation: tuple[list[str | bytes], bytes, bool], size: int, max_frames: int, worth: int
) -> None:
    said, frames, keeps_window = conversation
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame_reader, "_WORTH_INFLATING", worth)
        reader = MessageReader(9000, inflater=Inflater(15, keeps_window))
        assert read_all(reader, *cut(frames, size), max_frames=max_frames) == said

    assert reader.payload_bytes == sum(
        len(message.encode() if isinstance(message, str) else message) for message in said
    )


# Bombs


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """64 KB that inflate to 64 MB."""
    stream = zlib.compressobj(9, wbits=-15)
    parts = [stream.compress(bytes(MIB)) for _ in range(64)]
    return b"".join(parts) + stream.flush(zlib.Z_SYNC_FLUSH)[:-4]


def reads(reader: MessageReader, frame: bytes, size: int) -> Iterator[list[Item]]:
    for piece in cut(frame, size):
        reader.feed(piece)
        yield reader.read(64)
        while reader.has_more:
            yield reader.read(64)


@pytest.mark.parametrize("size", [1000, 100_000])
@pytest.mark.parametrize("first", [TEXT, BINARY])
@pytest.mark.parametrize("max_payload", [65536, MIB, 16 * MIB])
def test_a_bomb_is_refused_and_takes_less_than_twice_its_limit(
    bomb: bytes, max_payload: int, first: int, size: int
) -> None:
    reader = new_reader(max_payload)
    frame = client_frame(first, bomb)
    tracemalloc.start()
    items = [item for read in reads(reader, frame, size) for item in read]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert items == [Violation(1009, f"a message inflates to more than {max_payload} bytes")]
    assert peak < 2 * max_payload + 200_000


def test_a_read_inflates_little_though_a_frame_may_say_much(bomb: bytes) -> None:
    """So others do not wait until all of it is inflated."""
    inflater = Inflater(15, keeps_window=True)
    reader = MessageReader(64 * MIB, inflater=inflater)
    reader.feed(client_frame(BINARY, bomb))
    sizes = [0]
    while not reader.read(10):
        sizes.append(inflater.size)

    assert inflater.size == 64 * MIB
    assert max(after - before for before, after in pairwise(sizes)) < 400_000
