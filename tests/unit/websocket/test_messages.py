import itertools
import struct

import pytest

from app.websocket.frames import encode_close
from app.websocket.messages import Close, Item, MessageReader, Ping, Pong, Violation
from tests.helpers.message_reading import read_all
from tests.helpers.raw_client import encode

# First bytes of frames: the FIN bit and the opcode.
TEXT_STARTS, TEXT = 0x01, 0x81
BINARY_STARTS, BINARY = 0x02, 0x82
GOES_ON, ENDS = 0x00, 0x80
CLOSE, PING, PONG = 0x88, 0x89, 0x8A


def client_frame(first: int, payload: bytes = b"") -> bytes:
    return encode(first & 0x7F, payload, fin=first >= 0x80)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.fixture
def reader() -> MessageReader:
    return MessageReader(1 << 20)


# Messages


@pytest.mark.parametrize("length", [0, 1, 125, 126, 0xFFFF, 0x10000, 100_000])
def test_a_message_of_any_length_comes_out_whole(reader: MessageReader, length: int) -> None:
    binary = bytes(range(256)) * (length // 256) + bytes(range(length % 256))
    text = "x" * length

    frames = client_frame(BINARY, binary) + client_frame(TEXT, text.encode())

    assert read_all(reader, frames) == [binary, text]


def test_all_messages_of_a_segment_come_out_in_order(reader: MessageReader) -> None:
    segment = b"".join(client_frame(TEXT, b"%d" % number) for number in range(50))

    assert read_all(reader, segment) == [str(number) for number in range(50)]


def test_nothing_comes_out_of_nothing(reader: MessageReader) -> None:
    assert reader.read(1) == []
    assert read_all(reader, b"") == []


def test_a_message_comes_out_with_its_last_byte(reader: MessageReader) -> None:
    *pieces, last = cut(client_frame(TEXT, b"hello"), 1)

    assert read_all(reader, *pieces) == []
    assert read_all(reader, last) == ["hello"]


@pytest.mark.parametrize(("starts", "message"), [(TEXT_STARTS, "abcd"), (BINARY_STARTS, b"abcd")])
def test_a_fragmented_message_comes_out_as_one(
    reader: MessageReader, starts: int, message: str | bytes
) -> None:
    fragments = [
        client_frame(starts, b"ab"),
        client_frame(GOES_ON),
        client_frame(GOES_ON, b"c"),
        client_frame(ENDS, b"d"),
    ]

    assert read_all(reader, *fragments) == [message]


def test_fragments_may_all_be_empty(reader: MessageReader) -> None:
    fragments = client_frame(TEXT_STARTS) + client_frame(GOES_ON) + client_frame(ENDS)

    assert read_all(reader, fragments) == [""]


def test_a_short_message_after_a_fragmented_one_is_its_own(reader: MessageReader) -> None:
    fragments = client_frame(BINARY_STARTS, b"a") + client_frame(ENDS, b"b")

    assert read_all(reader, fragments + client_frame(TEXT, b"c")) == [b"ab", "c"]


# Control frames


def test_pings_and_pongs_come_out_with_their_payload(reader: MessageReader) -> None:
    frames = client_frame(PING, b"a") + client_frame(PONG) + client_frame(PING, bytes(125))

    assert read_all(reader, frames) == [Ping(b"a"), Pong(b""), Ping(bytes(125))]


def test_a_control_frame_may_be_cut_anywhere(reader: MessageReader) -> None:
    frame = client_frame(PING, bytes(125))

    for cut_at in range(1, len(frame)):
        assert read_all(reader, frame[:cut_at], frame[cut_at:]) == [Ping(bytes(125))]


def test_control_frames_between_fragments_come_out_before_the_message(
    reader: MessageReader,
) -> None:
    frames = (
        client_frame(TEXT_STARTS, b"a")
        + client_frame(PING, b"b")
        + client_frame(GOES_ON, b"c")
        + client_frame(PONG, b"d")
        + client_frame(ENDS, b"e")
    )

    assert read_all(reader, frames) == [Ping(b"b"), Pong(b"d"), "ace"]


def test_a_close_may_cut_off_a_message(reader: MessageReader) -> None:
    frames = client_frame(TEXT_STARTS, b"a") + client_frame(CLOSE, b"\x03\xe9")

    assert read_all(reader, frames) == [Close(1001, "")]


@pytest.mark.parametrize(
    ("payload", "close"),
    [(b"", Close(1005, "")), (b"\x03\xe8", Close(1000, "")), (b"\x0f\xa0bye", Close(4000, "bye"))],
)
def test_a_close_has_code_and_reason(reader: MessageReader, payload: bytes, close: Close) -> None:
    assert read_all(reader, client_frame(CLOSE, payload)) == [close]


@pytest.mark.parametrize("end", [client_frame(CLOSE), b"\xff\xff"], ids=["close", "violation"])
def test_nothing_comes_after_the_end(reader: MessageReader, end: bytes) -> None:
    message = client_frame(TEXT, b"a")
    assert not reader.ended

    items = read_all(reader, message + end + message, message, b"\xff\xff")

    assert items[0] == "a"
    assert isinstance(items[1], Close | Violation)
    assert len(items) == 2
    assert reader.ended


def test_bytes_fed_before_the_end_was_read_are_discarded(reader: MessageReader) -> None:
    reader.feed(client_frame(PING) * 100 + client_frame(CLOSE) + client_frame(PING))
    reader.feed(client_frame(PING))

    assert reader.read(1000) == [Ping(b"")] * 100 + [Close(1005, "")]
    assert not reader.has_more
    assert reader.read(1) == []


# Violations

FRAGMENT = client_frame(TEXT_STARTS, b"a")

VIOLATIONS = {
    "reserved bit 1": (1002, b"\xc1\x80"),
    "reserved bit 3 of a ping": (1002, b"\x99\x80"),
    "reserved opcode": (1002, b"\x83\x80"),
    "reserved control opcode": (1002, b"\x8b\x80"),
    "unmasked message": (1002, b"\x81\x01"),
    "unmasked close": (1002, b"\x88\x00"),
    "fragmented ping": (1002, b"\x09\x80"),
    "long ping": (1002, b"\x89\xfe"),
    "stray continuation": (1002, b"\x00\x81"),
    "stray last continuation": (1002, b"\x80\x81"),
    "long stray continuation": (1002, b"\x80\xff"),
    "text in a message": (1002, FRAGMENT + b"\x81\x81"),
    "binary in a message": (1002, FRAGMENT + b"\x02\x81"),
    "padded 16-bit length": (1002, b"\x81\xfe\x00\x7d"),
    "padded 64-bit length": (1002, b"\x81\xff" + struct.pack("!Q", 0xFFFF)),
    "length with its top bit": (1002, b"\x81\xff" + struct.pack("!Q", 1 << 63)),
    "one byte in a close": (1002, client_frame(CLOSE, b"\x03")),
    "bad close code": (1002, client_frame(CLOSE, b"\x03\xed")),
    "bad close reason": (1007, client_frame(CLOSE, b"\x03\xe8\xff")),
    "short bad text": (1007, client_frame(TEXT, b"\xff")),
    "long bad text": (1007, client_frame(TEXT, b"a" * 499 + b"\xff")),
    "bad fragment": (1007, client_frame(TEXT_STARTS, b"\xff")),
    "text without its end": (1007, client_frame(TEXT, b"\xe2\x82")),
    "fragments without their end": (
        1007,
        client_frame(TEXT_STARTS, b"\xe2") + client_frame(ENDS, b"\x82"),
    ),
    "too long": (1009, b"\x82\xff" + struct.pack("!Q", (1 << 20) + 1)),
    "too long to be true": (1009, b"\x82\xff" + struct.pack("!Q", (1 << 63) - 1)),
}


@pytest.mark.parametrize(("code", "wrong"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_comes_out_with_its_last_byte_and_after_all_that_was_right(
    reader: MessageReader, code: int, wrong: bytes
) -> None:
    right = client_frame(PING) + client_frame(TEXT, b"hello")

    assert read_all(reader, right + wrong[:-1]) == [Ping(b""), "hello"]
    assert not reader.ended
    [violation] = read_all(reader, wrong[-1:])
    assert isinstance(violation, Violation)
    assert violation.code == code
    assert encode_close(code, violation.reason)
    assert reader.ended


@pytest.mark.parametrize("first", [TEXT, BINARY])
def test_a_whole_message_within_a_message_is_a_violation(reader: MessageReader, first: int) -> None:
    assert read_all(reader, FRAGMENT + client_frame(first, b"b")) == [
        Violation(1002, "a message starts within another")
    ]


@pytest.mark.parametrize("first", [TEXT_STARTS, TEXT], ids=["fragment", "whole message"])
@pytest.mark.parametrize(
    "impossible",
    [b"\xc0", b"\xf5", b"\x80", b"a\xff", b"\xe2\x41", b"\xf0\x80", b"\xf4\x90", b"\xed\xa0\x80"],
)
def test_a_text_fails_at_the_first_byte_that_cannot_be_utf_8(
    reader: MessageReader, first: int, impossible: bytes
) -> None:
    """Though the rest of the frame is still to come. Half a surrogate takes a byte more."""
    frame = client_frame(first, b"text" + impossible + bytes(1000))
    at_fault = len(frame) - 1000 - 1

    assert read_all(reader, frame[:at_fault]) == []
    assert read_all(reader, frame[at_fault : at_fault + 1]) == [
        Violation(1007, "a text is not valid UTF-8")
    ]


def test_a_character_may_be_cut_by_fragments_and_segments(reader: MessageReader) -> None:
    euro = "€".encode()
    fragments = client_frame(TEXT_STARTS, euro[:1]) + client_frame(ENDS, euro[1:] + euro)

    assert read_all(reader, fragments) == ["€€"]
    assert read_all(reader, *cut(fragments, 1)) == ["€€"]


def test_a_binary_message_need_not_be_utf_8(reader: MessageReader) -> None:
    fragments = client_frame(BINARY_STARTS, b"\xff") + client_frame(ENDS, b"\xfe")

    assert read_all(reader, client_frame(BINARY, b"\xff"), fragments) == [b"\xff", b"\xff\xfe"]


# max_payload


@pytest.mark.parametrize("max_payload", [0, 1, 124, 125, 126, 1000])
def test_a_message_has_at_most_max_payload_bytes(max_payload: int) -> None:
    reader = MessageReader(max_payload)
    longest = "x" * max_payload
    too_long = client_frame(TEXT, bytes(max_payload + 1))
    head = too_long[: -max_payload - 1]

    assert read_all(reader, client_frame(TEXT, longest.encode()), head) == [
        longest,
        Violation(1009, f"a message is longer than {max_payload} bytes"),
    ]


def test_the_fragments_of_a_message_have_at_most_max_payload_bytes_together() -> None:
    reader = MessageReader(4)
    fragments = client_frame(BINARY_STARTS, b"ab") + client_frame(GOES_ON, b"cd")

    assert read_all(reader, fragments + client_frame(ENDS)) == [b"abcd"]
    assert read_all(reader, fragments + b"\x80\x81") == [
        Violation(1009, "a message is longer than 4 bytes")
    ]


def test_control_frames_do_not_count_for_max_payload() -> None:
    reader = MessageReader(1)
    frames = client_frame(BINARY_STARTS, b"a") + client_frame(PING, b"ping") + client_frame(ENDS)

    assert read_all(reader, frames) == [Ping(b"ping"), b"a"]


def test_a_new_max_payload_counts_from_the_next_frame() -> None:
    reader = MessageReader(4)
    message = client_frame(BINARY, b"abcd")

    assert read_all(reader, message[:-1]) == []
    reader.max_payload = 3
    assert read_all(reader, message[-1:]) == [b"abcd"]
    assert read_all(reader, client_frame(BINARY, b"abc")) == [b"abc"]
    assert read_all(reader, message) == [Violation(1009, "a message is longer than 3 bytes")]


def test_a_message_that_is_longer_than_a_new_max_payload_ends_at_its_next_frame() -> None:
    reader = MessageReader(100)
    assert read_all(reader, client_frame(TEXT_STARTS, bytes(50))) == []

    reader.max_payload = 49
    assert read_all(reader, client_frame(PING, b"p")) == [Ping(b"p")]
    assert read_all(reader, client_frame(ENDS)) == [
        Violation(1009, "a message is longer than 49 bytes")
    ]


def test_a_message_may_grow_to_a_new_max_payload() -> None:
    reader = MessageReader(4)
    assert read_all(reader, client_frame(TEXT_STARTS, b"abcd")) == []

    reader.max_payload = 5
    assert read_all(reader, client_frame(ENDS, b"e")) == ["abcde"]


def test_a_message_that_has_more_frames_than_a_new_limit_allows_is_told_that_limit() -> None:
    reader = MessageReader(100, max_fragments=9)
    assert read_all(reader, client_frame(TEXT_STARTS) + client_frame(GOES_ON) * 4) == []

    reader.max_fragments = 3
    assert read_all(reader, client_frame(ENDS)) == [
        Violation(1009, "a message has at most 3 frames")
    ]


def test_a_message_may_have_as_many_frames_as_a_new_limit_allows() -> None:
    reader = MessageReader(100, max_fragments=2)
    assert read_all(reader, client_frame(TEXT_STARTS, b"a") + client_frame(GOES_ON, b"b")) == []

    reader.max_fragments = 3
    assert read_all(reader, client_frame(ENDS, b"c")) == ["abc"]


# max_frames


@pytest.mark.parametrize("max_frames", [1, 2, 3, 7])
def test_a_read_stops_at_max_frames_and_has_more(reader: MessageReader, max_frames: int) -> None:
    reader.feed(client_frame(PING) + client_frame(TEXT) * 5 + client_frame(PING))
    counts: list[int] = []
    while not counts or reader.has_more:
        counts.append(len(reader.read(max_frames)))

    assert counts[:-1] == [max_frames] * (7 // max_frames - (7 % max_frames == 0))
    assert sum(counts) == 7


def test_fragments_count_as_frames(reader: MessageReader) -> None:
    reader.feed(client_frame(TEXT_STARTS, b"a") + client_frame(ENDS, b"b"))

    assert reader.read(1) == []
    assert reader.has_more
    assert reader.read(1) == ["ab"]
    assert not reader.has_more


@pytest.mark.parametrize("rest", [1, 6, 10])
def test_a_reader_has_no_more_when_a_frame_is_incomplete(reader: MessageReader, rest: int) -> None:
    frame = client_frame(PING, b"abcde")

    assert read_all(reader, frame + frame[:rest], max_frames=1) == [Ping(b"abcde")]
    assert read_all(reader, frame[rest:], max_frames=1) == [Ping(b"abcde")]


@pytest.mark.parametrize("count", [1, 100])
def test_bytes_that_come_while_there_is_more_are_read_after_it(
    reader: MessageReader, count: int
) -> None:
    """As well if the frames that were there already end in the middle of one."""
    segments = cut(b"".join(client_frame(TEXT, b"%d" % n) for n in range(3 * count)), 7 * count)
    items: list[Item] = []
    for segment in segments:
        reader.feed(segment)
        items += reader.read(1)
    while reader.has_more:
        items += reader.read(max(1, count // 3))

    assert items == [str(n) for n in range(3 * count)]


# The straight line, and the general way


@pytest.mark.parametrize("first", [TEXT, BINARY])
def test_what_is_read_as_a_whole_is_what_the_general_way_reads(first: int) -> None:
    """Whatever the second byte says, wherever a segment ends, and whatever a longer length is."""
    whole = 0
    for second, end in itertools.product(range(256), range(300)):
        for length in (end - 8, 1000):
            data = (bytes((first, second)) + max(length, 0).to_bytes(2, "big")).ljust(end, b"\0")
            message = MessageReader(1 << 20).read_whole(data[:end])
            if message is not None:
                whole += 1
                assert read_all(MessageReader(1 << 20), data[:end]) == [message], (second, end)

    assert whole > 126
