import json
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.websocket import deflate
from app.websocket.deflate import Deflater, Inflater
from app.websocket.frames import FrameError, encode_message

MIB = 1 << 20
STEP = 16384


def inflate(inflater: Inflater, payload: bytes, max_payload: int = 1000, size: int = 1000) -> bytes:
    """Inflate a message that comes in parts of this size."""
    inflater.begin(max_payload)
    inflated = bytearray()
    while payload:
        piece, taken = inflater.inflate(payload[:size])
        assert taken > 0
        inflated += piece
        payload = payload[taken:]
    inflated += inflater.finish()
    assert inflater.size == len(inflated)
    return bytes(inflated)


def refusal(inflater: Inflater, payload: bytes, max_payload: int = 1000) -> FrameError:
    with pytest.raises(FrameError) as caught:
        inflate(inflater, payload, max_payload)
    return caught.value


def raw_deflate(payload: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(payload) + stream.flush(flush)


@pytest.fixture
def inflater() -> Inflater:
    return Inflater(15, keeps_window=True)


@pytest.fixture
def deflater() -> Deflater:
    return Deflater(15, keeps_window=True, level=6, threshold=0)


# The examples of RFC 7692 section 7.2.3

EXAMPLES = {
    "one block": ["f2 48 cd c9 c9 07 00"],
    "sharing the window": ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00"],
    "a block without compression": ["00 05 00 fa ff 48 65 6c 6c 6f 00"],
    "a final block": ["f3 48 cd c9 c9 07 00 00"],
    "a final block and a further message": ["f3 48 cd c9 c9 07 00 00", "f2 48 cd c9 c9 07 00"],
    "two blocks": ["f2 48 05 00 00 00 ff ff ca c9 c9 07 00"],
}


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("payloads", EXAMPLES.values(), ids=EXAMPLES)
def test_each_example_of_the_rfc_says_hello(
    inflater: Inflater, payloads: list[str], size: int
) -> None:
    for payload in payloads:
        assert inflate(inflater, bytes.fromhex(payload), size=size) == b"Hello"


def test_messages_are_compressed_as_in_the_examples(deflater: Deflater) -> None:
    assert deflater.compress(b"Hello").hex(" ") == "f2 48 cd c9 c9 07 00"
    assert deflater.compress(b"Hello").hex(" ") == "f2 00 11 00 00"
    assert deflater.compress(b"").hex(" ") == "00"


# Deflater


def test_empty_messages_may_follow_each_other(deflater: Deflater, inflater: Inflater) -> None:
    for message in (b"", b"", b"a", b"", b"", b"a"):
        assert inflate(inflater, deflater.compress(message)) == message


def test_without_its_window_each_message_is_compressed_for_itself() -> None:
    deflater = Deflater(15, keeps_window=False, level=6, threshold=0)

    assert {deflater.compress(b"Hello").hex(" ") for _ in range(3)} == {"f2 48 cd c9 c9 07 00"}


@pytest.mark.parametrize("window_bits", [9, 12, 15])
def test_a_message_refers_no_further_back_than_its_window(window_bits: int) -> None:
    deflater = Deflater(window_bits, keeps_window=True, level=9, threshold=0)
    stream = zlib.decompressobj(wbits=-window_bits)
    for number in range(200):
        message = bytes(range(256)) * 20 + b"%d" % number

        assert stream.decompress(deflater.compress(message) + b"\x00\x00\xff\xff") == message


@pytest.mark.parametrize(
    ("message", "frames"),
    [
        ("Hello", "c1 07 f2 48 cd c9 c9 07 00"),
        (b"Hello", "c2 07 f2 48 cd c9 c9 07 00"),
        (bytearray(b"Hello"), "c2 07 f2 48 cd c9 c9 07 00"),
        (memoryview(b"H-e-l-l-o-")[::2], "c2 07 f2 48 cd c9 c9 07 00"),
        ("", "c1 01 00"),
    ],
    ids=["text", "bytes", "bytearray", "view with gaps", "empty text"],
)
def test_a_compressed_message_has_its_bit(
    deflater: Deflater, message: str | bytes | bytearray | memoryview, frames: str
) -> None:
    assert deflater.encode(message, 0).hex(" ") == frames


def test_fragments_carry_the_compressed_payload(deflater: Deflater) -> None:
    frames = deflater.encode("Hello", 3).hex(" ")

    assert frames == "41 03 f2 48 cd" + " 00 03 c9 c9 07" + " 80 01 00"


@pytest.mark.parametrize("fragment_size", [0, 2])
@pytest.mark.parametrize("message", ["x" * 9, "é" * 4 + "x", b"x" * 9, ""])
def test_a_message_below_the_threshold_is_sent_as_it_is(
    message: str | bytes, fragment_size: int
) -> None:
    deflater = Deflater(15, keeps_window=True, level=6, threshold=10)

    assert deflater.encode(message, fragment_size) == encode_message(message, fragment_size)


@pytest.mark.parametrize("message", ["x" * 10, "é" * 5, b"x" * 10])
def test_the_threshold_is_counted_in_bytes(message: str | bytes) -> None:
    deflater = Deflater(15, keeps_window=True, level=6, threshold=10)

    assert deflater.encode(message, 0)[0] & 0x40


def test_what_cannot_be_sent_leaves_no_trace(deflater: Deflater) -> None:
    with pytest.raises(UnicodeEncodeError):
        deflater.encode("\ud800", 0)
    with pytest.raises(TypeError):
        deflater.encode(5, 0)  # type: ignore[arg-type]  # the misuse is what is tested

    assert deflater.compress(b"Hello").hex(" ") == "f2 48 cd c9 c9 07 00"


# Inflater


@pytest.mark.parametrize("payload", ["00", "01", "01 00 00 ff ff", "01 00 00 ff ff 00", "03 00"])
def test_nothing_may_be_compressed(inflater: Inflater, payload: str) -> None:
    for _ in range(2):
        assert inflate(inflater, bytes.fromhex(payload)) == b""


def test_a_message_that_ends_with_its_final_block_is_whole(inflater: Inflater) -> None:
    """Though the RFC would have a byte after it: nothing can be missing."""
    for _ in range(2):
        assert inflate(inflater, bytes.fromhex("f3 48 cd c9 c9 07 00")) == b"Hello"


def test_a_final_block_may_be_the_empty_one_whose_last_bytes_are_not_sent(
    inflater: Inflater,
) -> None:
    payload = bytes.fromhex("f2 48 cd c9 c9 07 00 00 00 ff ff 01")

    assert inflate(inflater, payload) == b"Hello"
    assert inflate(inflater, payload, size=1) == b"Hello"
    assert refusal(inflater, bytes.fromhex("f2 00 11 00 00")).code == 1002, "it ended the window"


def test_there_may_be_many_final_blocks(inflater: Inflater) -> None:
    payload = raw_deflate(b"Hello", zlib.Z_FINISH) * 50

    assert inflate(inflater, payload, size=3) == b"Hello" * 50
    assert inflate(inflater, payload) == b"Hello" * 50


def test_without_its_window_a_message_may_not_refer_to_the_one_before() -> None:
    inflater = Inflater(15, keeps_window=False)

    for _ in range(2):
        assert inflate(inflater, bytes.fromhex("f2 48 cd c9 c9 07 00")) == b"Hello"
    assert refusal(inflater, bytes.fromhex("f2 00 11 00 00")).code == 1002


def test_a_message_may_not_refer_back_beyond_a_final_block(inflater: Inflater) -> None:
    assert inflate(inflater, bytes.fromhex("f3 48 cd c9 c9 07 00 00")) == b"Hello"
    assert refusal(inflater, bytes.fromhex("f2 00 11 00 00")).code == 1002


def test_a_window_of_eight_bits_may_in_truth_have_nine() -> None:
    message = bytes(300) + b"Hello" + bytes(300) + b"Hello"
    stream = zlib.compressobj(wbits=-9)
    payload = stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)

    assert inflate(Inflater(8, keeps_window=True), payload[:-4]) == message


NOT_VALID = {
    "nothing": "",
    "reserved kind of block": "06",
    "length that is not confirmed": "00 05 00 00 00",
    "distance into nothing": "f2 00 11 00 00",
    "without its last byte": "f2 48 cd c9 c9 07",
    "half": "f2 48 cd",
    "half of a block without compression": "00 05 00 fa ff 48 65",
    "half of a length": "00 05",
    "with the bytes that are not sent": "f2 48 cd c9 c9 07 00 00 00 ff ff",
    "half of a table": "05 c0",
    "half of a table that the unsent bytes go on with": "c4 04",
    "a byte after a final block": "f3 48 cd c9 c9 07 00 02",
}


@pytest.mark.parametrize("payload", NOT_VALID.values(), ids=NOT_VALID)
def test_what_is_not_validly_compressed_is_a_protocol_error(
    inflater: Inflater, payload: str
) -> None:
    error = refusal(inflater, bytes.fromhex(payload))

    assert (error.code, error.reason) == (1002, "a message is not validly compressed")


@pytest.mark.parametrize("length", [1, 100, 5000])
def test_a_message_that_is_cut_off_is_a_protocol_error(length: int) -> None:
    payload = raw_deflate(bytes(range(256)) * (length // 256) + bytes(range(length % 256)))[:-4]

    for stop in range(len(payload)):
        assert refusal(Inflater(15, keeps_window=True), payload[:stop], 10_000).code == 1002


def document() -> bytes:
    """A message that is compressed with a table of its own."""
    numbers = random.Random(5)
    rows = [{"id": n, "name": f"{numbers.getrandbits(40):x}"} for n in range(40)]
    return json.dumps(rows).encode()


@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("size", [1, 1000])
def test_a_message_that_is_cut_off_within_its_table_is_a_protocol_error(
    level: int, size: int
) -> None:
    stream = zlib.compressobj(level, wbits=-15)
    payload = (stream.compress(document()) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert payload[0] >> 1 & 3 == 2, "a block with its own table"
    assert inflate(Inflater(15, keeps_window=True), payload, 10_000, size) == document()

    for stop in range(len(payload)):
        inflater = Inflater(15, keeps_window=True)
        with pytest.raises(FrameError) as caught:
            inflate(inflater, payload[:stop], 10_000, size)
        assert caught.value.code == 1002


@pytest.mark.parametrize("max_payload", [0, 1, 100, STEP - 1, STEP, STEP + 1, 3 * STEP])
def test_a_message_inflates_to_at_most_max_payload_bytes(
    inflater: Inflater, max_payload: int
) -> None:
    most = raw_deflate(bytes(max_payload))[:-4]
    assert inflate(inflater, most, max_payload) == bytes(max_payload)

    error = refusal(inflater, raw_deflate(bytes(max_payload + 1))[:-4], max_payload)

    assert (error.code, error.reason) == (
        1009,
        f"a message inflates to more than {max_payload} bytes",
    )
    assert inflater.size == max_payload + 1


def test_a_new_limit_holds_from_the_next_message_on(inflater: Inflater) -> None:
    payload = bytes.fromhex("f2 48 cd c9 c9 07 00")

    assert inflate(inflater, payload, 5) == b"Hello"
    assert refusal(inflater, payload, 4).code == 1009


def test_a_step_gives_little_of_much(inflater: Inflater) -> None:
    payload = raw_deflate(bytes(MIB))[:-4]
    inflater.begin(MIB)
    pieces = []
    while payload:
        piece, taken = inflater.inflate(payload)
        pieces.append(len(piece))
        payload = payload[taken:]

    assert sum(pieces) + len(inflater.finish()) == MIB
    assert max(pieces) <= 2 * STEP


small_steps = st.integers(1, 40)
payloads = st.binary(max_size=300) | st.integers(0, 60).map(lambda n: b"ab" * n * n)


@st.composite
def compressed(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A message in blocks of all kinds, some of them final, and as it is sent."""
    message = sent = b""
    for payload in draw(st.lists(payloads, max_size=4)):
        level = draw(st.integers(0, 9))
        stream = zlib.compressobj(level, wbits=-15)
        flush = draw(st.sampled_from([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_FINISH]))
        message += payload
        sent += stream.compress(payload) + stream.flush(flush)
    return message, sent + b"\x00"


@settings(max_examples=300, deadline=None)
@given(st.lists(compressed(), max_size=3), small_steps, st.integers(1, 50))
def test_how_a_message_is_cut_and_stepped_through_does_not_matter(
    messages: list[tuple[bytes, bytes]], step: int, size: int
) -> None:
    inflater = Inflater(15, keeps_window=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deflate, "_STEP", step)
        for message, sent in messages:
            assert inflate(inflater, sent, len(message), size) == message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), small_steps, st.integers(0, 100))
def test_garbage_inflates_or_is_refused(garbage: bytes, step: int, max_payload: int) -> None:
    inflater = Inflater(15, keeps_window=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deflate, "_STEP", step)
        code = None
        try:
            assert len(inflate(inflater, garbage, max_payload)) <= max_payload
        except FrameError as error:
            code = error.code

    assert code in (None, 1002, 1009)


# Memory


def held(make: Callable[[], object]) -> float:
    """Bytes that one of what this makes holds: many are made, to tell them from all else."""
    kept = [make() for _ in range(20)]
    tracemalloc.start()
    kept += [make() for _ in range(20)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / 20


def after_a_message(inflater: Inflater) -> Inflater:
    assert inflate(inflater, bytes.fromhex("f2 48 cd c9 c9 07 00")) == b"Hello"
    return inflater


def test_a_connection_without_messages_holds_nothing() -> None:
    assert held(lambda: Deflater(15, keeps_window=True, level=6, threshold=0)) < 500
    assert held(lambda: Inflater(15, keeps_window=True)) < 500


def test_nothing_is_held_between_messages_without_a_window() -> None:
    def after_one() -> tuple[Deflater, Inflater]:
        deflater = Deflater(15, keeps_window=False, level=6, threshold=0)
        deflater.compress(b"Hello")
        return deflater, after_a_message(Inflater(15, keeps_window=False))

    assert held(after_one) < 2000


@pytest.mark.parametrize("bits", [9, 12, 15])
def test_windows_take_the_memory_that_their_options_say(bits: int) -> None:
    def deflating() -> Deflater:
        deflater = Deflater(bits, keeps_window=True, level=6, threshold=0)
        deflater.compress(bytes(100_000))
        return deflater

    def inflating() -> Inflater:
        inflater = Inflater(bits, keeps_window=True)
        assert inflate(inflater, raw_deflate(bytes(100_000))[:-4], 100_000) == bytes(100_000)
        return inflater

    assert held(deflating) == pytest.approx((2 ** (bits - 8) + 22) * 1024, rel=0.1)
    assert held(inflating) == pytest.approx((2 ** (bits - 10) + 7) * 1024, rel=0.15)


def zeros(size: int) -> Iterator[bytes]:
    stream = zlib.compressobj(9, wbits=-15)
    for _ in range(size // MIB):
        yield stream.compress(bytes(MIB))
    yield stream.flush(zlib.Z_SYNC_FLUSH)[:-4]


def test_a_bomb_takes_no_more_memory_than_one_step(inflater: Inflater) -> None:
    bomb = b"".join(zeros(64 * MIB))
    assert 60_000 < len(bomb) < 70_000
    inflater.begin(64 * MIB)
    tracemalloc.start()
    while bomb:
        _, taken = inflater.inflate(bomb[:4096])
        bomb = bomb[taken:]
    inflater.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert inflater.size == 64 * MIB
    assert peak < 300_000
