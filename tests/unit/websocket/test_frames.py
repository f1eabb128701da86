import struct

import pytest

from app.websocket.frames import (
    Close,
    FrameError,
    Opcode,
    Ping,
    Pong,
    check_head,
    decode_control,
    decode_length,
    encode_close,
    encode_compressed,
    encode_control,
    encode_message,
    is_wire_close_code,
)

# encode_message


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x82\x00"),
        (1, b"\x82\x01"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (0xFFFF, b"\x82\x7e\xff\xff"),
        (0x10000, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_length_is_encoded_in_the_fewest_bytes(length: int, head: bytes) -> None:
    assert encode_message(bytes(length), 0) == head + bytes(length)


def test_a_str_becomes_a_text_frame_in_utf_8() -> None:
    assert encode_message("h€", 0) == b"\x81\x04h\xe2\x82\xac"


def test_a_long_str_becomes_a_text_frame_in_utf_8() -> None:
    assert encode_message("é" * 100, 0) == b"\x81\x7e\x00\xc8" + b"\xc3\xa9" * 100


@pytest.mark.parametrize(
    "message",
    [
        b"abcd",
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(b"a-b-c-d-")[::2],
        memoryview(b"abcd").cast("H"),
    ],
    ids=["bytes", "bytearray", "memoryview", "view with gaps", "view of wide items"],
)
def test_any_bytes_become_a_binary_frame(message: bytes | bytearray | memoryview) -> None:
    assert encode_message(message, 0) == b"\x82\x04abcd"


@pytest.mark.parametrize(
    ("fragment_size", "frames"),
    [
        (1, b"\x02\x01a\x00\x01b\x00\x01c\x00\x01d\x80\x01e"),
        (2, b"\x02\x02ab\x00\x02cd\x80\x01e"),
        (4, b"\x02\x04abcd\x80\x01e"),
        (5, b"\x82\x05abcde"),
        (6, b"\x82\x05abcde"),
    ],
)
def test_fragments_are_full_except_for_the_last(fragment_size: int, frames: bytes) -> None:
    assert encode_message(b"abcde", fragment_size) == frames


def test_the_last_fragment_is_not_empty_when_the_size_divides_the_message() -> None:
    assert encode_message("abcd", 2) == b"\x01\x02ab\x80\x02cd"


def test_long_fragments_have_long_lengths() -> None:
    frames = encode_message(bytes(300), 200)

    assert frames == b"\x02\x7e\x00\xc8" + bytes(200) + b"\x80\x64" + bytes(100)


def test_a_fragment_may_end_within_a_character() -> None:
    assert encode_message("€", 1) == b"\x01\x01\xe2\x00\x01\x82\x80\x01\xac"


@pytest.mark.parametrize("fragment_size", [0, 1, 10])
def test_an_empty_message_is_one_empty_frame(fragment_size: int) -> None:
    assert encode_message("", fragment_size) == b"\x81\x00"


def test_a_text_that_has_no_utf_8_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_message("\ud800", 0)


def test_a_message_that_is_neither_text_nor_bytes_is_refused() -> None:
    with pytest.raises(TypeError):
        encode_message(5, 0)  # type: ignore[arg-type]  # the misuse is what is tested


# encode_compressed


@pytest.mark.parametrize(
    ("fragment_size", "frames"),
    [
        (0, b"\xc2\x05abcde"),
        (2, b"\x42\x02ab\x00\x02cd\x80\x01e"),
        (5, b"\xc2\x05abcde"),
    ],
)
def test_the_first_frame_tells_that_a_message_is_compressed(
    fragment_size: int, frames: bytes
) -> None:
    assert encode_compressed(Opcode.BINARY, b"abcde", fragment_size) == frames


def test_a_compressed_text_is_a_text() -> None:
    assert encode_compressed(Opcode.TEXT, b"abcde", 0) == b"\xc1\x05abcde"
    assert encode_compressed(Opcode.TEXT, bytes(300), 0) == b"\xc1\x7e\x01\x2c" + bytes(300)


# encode_control, encode_close


@pytest.mark.parametrize(
    ("opcode", "first"), [(Opcode.CLOSE, 0x88), (Opcode.PING, 0x89), (Opcode.PONG, 0x8A)]
)
def test_a_control_frame_is_one_short_frame(opcode: Opcode, first: int) -> None:
    assert encode_control(opcode, b"abc") == bytes((first, 3)) + b"abc"


def test_a_control_frame_carries_at_most_125_bytes() -> None:
    assert encode_control(Opcode.PING, bytes(125)) == b"\x89\x7d" + bytes(125)
    with pytest.raises(ValueError, match="at most 125 bytes, not 126"):
        encode_control(Opcode.PING, bytes(126))


def test_a_close_frame_has_code_and_reason() -> None:
    assert encode_close(1001, "häh") == b"\x88\x06\x03\xe9h\xc3\xa4h"


def test_a_close_frame_without_a_code_is_empty() -> None:
    assert encode_close(None, "") == b"\x88\x00"


def test_a_close_reason_needs_a_code() -> None:
    with pytest.raises(ValueError, match="without a close code"):
        encode_close(None, "why")


def test_a_close_reason_has_at_most_123_bytes_of_utf_8() -> None:
    assert len(encode_close(1000, "é" * 61 + "e")) == 127
    with pytest.raises(ValueError, match="at most 125 bytes, not 126"):
        encode_close(1000, "é" * 62)


@pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 2999, 5000, 70000])
def test_a_close_code_that_nobody_may_send_is_not_sent(code: int) -> None:
    with pytest.raises(ValueError, match=f"close code {code} must not be sent"):
        encode_close(code, "")


def test_the_codes_on_the_wire_are_those_of_the_registry() -> None:
    allowed = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}

    assert {code for code in range(0x10000) if is_wire_close_code(code)} == allowed


# check_head


@pytest.mark.parametrize("first", [0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A])
def test_the_head_of_every_masked_frame_passes(first: int) -> None:
    check_head(first, 0x80)
    check_head(first, 0x80 | 125)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (0xC1, 0x80, "a reserved bit is set"),
        (0xA1, 0x80, "a reserved bit is set"),
        (0x91, 0x80, "a reserved bit is set"),
        (0x83, 0x80, "opcode 3 is reserved"),
        (0x87, 0x80, "opcode 7 is reserved"),
        (0x8B, 0x80, "opcode 11 is reserved"),
        (0x8F, 0x80, "opcode 15 is reserved"),
        (0x81, 0x05, "the frame is not masked"),
        (0x09, 0x80, "a control frame is fragmented"),
        (0x89, 0xFE, "a control frame is longer than 125 bytes"),
        (0x88, 0xFF, "a control frame is longer than 125 bytes"),
    ],
)
def test_a_wrong_head_is_a_protocol_error(first: int, second: int, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        check_head(first, second)

    assert (caught.value.code, caught.value.reason) == (1002, reason)


# decode_length


@pytest.mark.parametrize(
    ("field", "length"),
    [
        (b"\x80", 0),
        (b"\xfd", 125),
        (b"\xfe\x00\x7e", 126),
        (b"\xfe\xff\xff", 0xFFFF),
        (b"\xff" + struct.pack("!Q", 0x10000), 0x10000),
        (b"\xff" + struct.pack("!Q", 2**63 - 1), 2**63 - 1),
    ],
)
def test_a_length_is_read_as_soon_as_it_is_there(field: bytes, length: int) -> None:
    frame = b"before" + b"\x82" + field

    assert decode_length(frame, 6) == (length, len(frame))
    for missing in range(1, len(field)):
        assert decode_length(frame[:-missing], 6) is None


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (b"\xfe\x00\x7d", "a payload length is not encoded in the fewest bytes"),
        (
            b"\xff" + struct.pack("!Q", 0xFFFF),
            "a payload length is not encoded in the fewest bytes",
        ),
        (b"\xff" + struct.pack("!Q", 2**63), "a payload length has its top bit set"),
    ],
)
def test_a_wrong_length_is_a_protocol_error(field: bytes, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode_length(b"\x82" + field, 0)

    assert (caught.value.code, caught.value.reason) == (1002, reason)


# decode_control


@pytest.mark.parametrize(
    ("opcode", "payload", "item"),
    [
        (Opcode.PING, b"abc", Ping(b"abc")),
        (Opcode.PONG, b"", Pong(b"")),
        (Opcode.CLOSE, b"", Close(1005, "")),
        (Opcode.CLOSE, b"\x03\xe8", Close(1000, "")),
        (Opcode.CLOSE, b"\x0f\xa0h\xc3\xa4h", Close(4000, "häh")),
    ],
)
def test_a_control_frame_is_read(opcode: Opcode, payload: bytes, item: object) -> None:
    assert decode_control(opcode, payload) == item


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"\x03", 1002, "a close frame has half a close code"),
        (b"\x03\xed", 1002, "close code 1005 must not be sent"),
        (b"\xff\xff", 1002, "close code 65535 must not be sent"),
        (b"\x03\xe8\xff", 1007, "a close reason is not valid UTF-8"),
    ],
)
def test_a_wrong_close_frame_is_refused(payload: bytes, code: int, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode_control(Opcode.CLOSE, payload)

    assert (caught.value.code, caught.value.reason) == (code, reason)
