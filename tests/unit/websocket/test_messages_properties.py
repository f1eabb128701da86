"""What holds for all messages, all ways to fragment them and all ways to cut the bytes.

That the cost of a byte does not depend on the cut is not timed but counted in allocated bytes.
"""

import struct
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.utils import apply_mask

from app.websocket.frames import encode_message
from app.websocket.messages import Close, Item, MessageReader, Ping, Pong, Violation

MAX_PAYLOAD = 400
GOES_ON, TEXT, BINARY, PING, PONG, FIN = 0x00, 0x01, 0x02, 0x89, 0x8A, 0x80

properties = settings(max_examples=150, deadline=None)


def masked(first: int, payload: bytes, mask: bytes = b"mask") -> bytes:
    """A frame of a client that says it is `first`, whether or not it may."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", first, 0x80 | length)
    elif length < 0x10000:
        head = struct.pack("!BBH", first, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, length)
    return head + mask + apply_mask(payload, mask)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The data in pieces of these sizes, and what is left in one."""
    bounds = [0, *accumulate(sizes), max(len(data), sum(sizes))]
    return (data[start:stop] for start, stop in pairwise(bounds))


def read_all(pieces: Iterator[bytes], max_frames: int, patient: bool) -> list[Item]:
    """All items; a patient owner of the reader feeds only when the reader has no more."""
    reader = MessageReader(MAX_PAYLOAD)
    items: list[Item] = []
    for piece in pieces:
        reader.feed(piece)
        items += reader.read(max_frames)
        while patient and reader.has_more:
            items += reader.read(max_frames)
    while reader.has_more:
        items += reader.read(max_frames)
    return items


sizes = st.lists(st.integers(1, 300) | st.integers(1, 9), max_size=40)
max_frames = st.integers(1, 10)
masks = st.binary(min_size=4, max_size=4)
messages = st.text(max_size=100) | st.binary(max_size=MAX_PAYLOAD)
controls = st.builds(Ping, st.binary(max_size=125)) | st.builds(Pong, st.binary(max_size=125))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Item], bytes]:
    """Messages in fragments with control frames between them: the items, and the bytes."""
    items: list[Item] = []
    frames: list[bytes] = []
    for message in draw(st.lists(messages, max_size=5)):
        payload = message.encode() if isinstance(message, str) else message
        fragments = list(cut(payload, draw(sizes)))
        first = TEXT if isinstance(message, str) else BINARY
        for number, fragment in enumerate(fragments):
            for control in draw(st.lists(controls, max_size=1)):
                items.append(control)
                opcode = PING if isinstance(control, Ping) else PONG
                frames.append(masked(opcode, control.payload, draw(masks)))
            final = FIN if number == len(fragments) - 1 else 0
            frames.append(masked(first | final, fragment, draw(masks)))
            first = GOES_ON
        items.append(message)
    return items, b"".join(frames)


wrong_or_right_frames = st.builds(
    masked,
    st.sampled_from([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A]) | st.integers(0, 255),
    st.binary(max_size=20) | st.text(max_size=20).map(str.encode) | st.binary(max_size=500),
    masks,
)
streams = st.lists(wrong_or_right_frames | st.binary(max_size=20), max_size=12).map(b"".join)


@properties
@given(conversations(), sizes, max_frames, st.booleans())
def test_what_a_client_says_comes_out_however_it_is_cut(
    conversation: tuple[list[Item], bytes], sizes: list[int], max_frames: int, patient: bool
) -> None:
    items, data = conversation

    assert read_all(cut(data, sizes), max_frames, patient) == items


@properties
@given(streams, sizes, max_frames, st.booleans())
@example(b"\x81\x80mask\xff\x80", [1], 1, False)
def test_how_bytes_are_cut_does_not_change_what_they_say(
    data: bytes, sizes: list[int], max_frames: int, patient: bool
) -> None:
    at_once = read_all(iter([data]), 1000, True)

    assert read_all(cut(data, sizes), max_frames, patient) == at_once
    assert read_all(cut(data, [1] * len(data)), 1, True) == at_once


@properties
@given(streams, max_frames)
def test_any_bytes_are_read_to_at_most_one_end(data: bytes, max_frames: int) -> None:
    reader = MessageReader(MAX_PAYLOAD)
    reader.feed(data)
    reads = [reader.read(max_frames)]
    while reader.has_more:
        reads.append(reader.read(max_frames))

    assert max(map(len, reads)) <= max_frames
    items = list(chain.from_iterable(reads))
    ends = [item for item in items if isinstance(item, Close | Violation)]
    assert ends in ([], items[-1:])
    assert reader.ended == bool(ends)
    assert all(len(item) <= MAX_PAYLOAD for item in items if isinstance(item, str | bytes))


@properties
@given(messages, st.integers(0, 450))
def test_what_the_server_encodes_is_what_a_client_may_send(
    message: str | bytes, fragment_size: int
) -> None:
    """But for the mask, which a client adds."""
    frames, offset, sent = encode_message(message, fragment_size), 0, b""
    while offset < len(frames):
        first, length, start = frames[offset], frames[offset + 1], offset + 2
        if length == 126:
            length, start = int.from_bytes(frames[start : start + 2]), start + 2
        offset = start + length
        sent += masked(first, frames[start:offset])

    assert read_all(iter([sent]), 1000, True) == [message]


# Costs


def allocated(steps: Iterable[object]) -> int:
    """Bytes allocated by all steps: for each, the highest level above the level before it."""
    total = before = 0
    tracemalloc.start()
    for _ in steps:
        level, peak = tracemalloc.get_traced_memory()
        total += peak - before
        tracemalloc.reset_peak()
        before = level
    tracemalloc.stop()
    return total


def feed_and_read(reader: MessageReader, pieces: Iterable[bytes]) -> Iterator[object]:
    for piece in pieces:
        reader.feed(piece)
        yield reader.read(1)


@pytest.mark.parametrize("kind", [TEXT, BINARY])
@pytest.mark.parametrize("size", [50, 1460, 200_000])
def test_a_large_frame_is_not_copied_again_for_each_piece(kind: int, size: int) -> None:
    reader = MessageReader(200_000)
    frame = masked(FIN | kind, bytes(200_000))
    count = len(frame) // size
    pieces = list(cut(frame, [size] * count))

    assert allocated(feed_and_read(reader, pieces)) < 1_000_000 + 3_000 * count


def test_a_segment_is_not_copied_again_for_each_read() -> None:
    reader = MessageReader(MAX_PAYLOAD)
    segment = masked(FIN | BINARY, b"x") * 5_000
    reader.feed(segment)

    assert allocated(reader.read(1) for _ in range(5_000)) < 200 * len(segment)
    assert not reader.has_more


def test_what_is_unread_is_not_copied_again_for_each_feed() -> None:
    reader = MessageReader(MAX_PAYLOAD)
    segment = masked(FIN | BINARY, b"x") * 100

    assert allocated(feed_and_read(reader, [segment] * 500)) < 10 * 500 * len(segment)


@pytest.mark.parametrize(("payload", "most"), [(b"", 2_500), (b"a", 30_000), (b"ab", 40_000)])
@pytest.mark.parametrize("kind", [TEXT, BINARY])
def test_small_fragments_take_little_more_memory_than_they_carry(
    kind: int, payload: bytes, most: int
) -> None:
    reader = MessageReader(10_000)
    reader.feed(masked(kind, b""))
    assert reader.read(1) == []
    fragment = masked(GOES_ON, payload)

    tracemalloc.start()
    for _ in range(5_000):
        reader.feed(fragment)
        reader.read(1)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < most


def test_the_rest_of_a_segment_does_not_keep_the_segment() -> None:
    reader = MessageReader(MAX_PAYLOAD)
    segment = masked(FIN | TEXT, b"a") * 10 + masked(FIN | TEXT, b"b")[:1]
    held_by_others = sys.getrefcount(segment)
    reader.feed(segment)
    reader.read(100)

    assert sys.getrefcount(segment) == held_by_others


segments = st.builds(
    masked,
    st.sampled_from([TEXT, BINARY, GOES_ON, PING]).flatmap(
        lambda opcode: st.sampled_from([opcode | FIN, opcode, opcode | FIN | 0x40])
    ),
    st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | st.just(b"x" * MAX_PAYLOAD),
    masks,
) | st.binary(max_size=20)


@properties
@example([masked(TEXT | FIN, b"whole")], 0)
@example([masked(TEXT | FIN, b"\xff")], 0)
@example([masked(TEXT | FIN, b"x" * 126), masked(TEXT | FIN, b"x" * MAX_PAYLOAD)], 0)
@example([masked(TEXT | FIN, b"x" * (MAX_PAYLOAD + 1))], 0)
@example([b"\x81\xfe\x00\x01mask?"], 0)  # a length that a shorter field could hold
@example([b"\x81\x05mask?"], 0)  # no mask
@given(st.lists(segments, min_size=1, max_size=5), st.integers(0, 12))
def test_straight_line_reads_what_the_general_way_reads(data: list[bytes], lost: int) -> None:
    data[-1] = data[-1][: len(data[-1]) - lost or None]
    straight, general = MessageReader(MAX_PAYLOAD), MessageReader(MAX_PAYLOAD)
    for segment in data:
        general.feed(segment)
        expected = general.read(100)
        message = straight.read_whole(segment)
        if message is None:
            straight.feed(segment)
            items = straight.read(100)
        else:
            items = [message]

        assert items == expected
        assert straight.payload_bytes == general.payload_bytes


@pytest.mark.parametrize("size", [0, 1, 125, 126, MAX_PAYLOAD])
def test_straight_line_takes_whole_messages_of_any_size(size: int) -> None:
    reader = MessageReader(MAX_PAYLOAD)

    assert reader.read_whole(masked(TEXT | FIN, b"x" * size)) == "x" * size
    assert reader.read_whole(masked(BINARY | FIN, b"x" * size)) == b"x" * size


def test_straight_line_takes_nothing_behind_what_waits_or_after_the_end() -> None:
    whole = masked(TEXT | FIN, b"whole")
    reader = MessageReader(MAX_PAYLOAD)
    reader.feed(whole[:4])
    reader.read(1)
    assert reader.read_whole(whole) is None

    reader = MessageReader(MAX_PAYLOAD)
    reader.feed(masked(TEXT, b"fragment"))
    reader.read(1)
    assert reader.read_whole(whole) is None

    reader = MessageReader(MAX_PAYLOAD)
    reader.feed(masked(0x88, b""))
    reader.read(1)
    assert reader.read_whole(whole) is None
