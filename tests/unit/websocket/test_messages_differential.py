"""Our reader and the sans-I/O protocol of `websockets` read the same frames to the same end.

Meant differences:

- A control frame does not count for the limit of a message: `websockets` refuses one that is
  longer than what is left of it.
- A frame that breaks the protocol and is too long besides breaks the protocol (1002):
  `websockets` looks at the length first (1009), also where its top bit is set.
- A length that is not encoded in the fewest bytes is refused (1002): `websockets` accepts it.
- A close frame within a fragmented message is a close frame, since control frames may stand
  there (RFC 6455 section 5.4): `websockets` refuses it (1002).
- A wrong head is refused before its payload is there, wrong UTF-8 in a text where it is wrong:
  `websockets` waits for the frame and leaves the UTF-8 of texts to others. So here whole frames
  are compared, and what it leaves to others is done with a decoder of the standard library.
"""

import codecs
import struct
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.utils import apply_mask

from app.websocket.messages import Close, Item, MessageReader, Ping, Pong, Violation
from tests.helpers.raw_client import encode

MAX_SIZE = 300
CONTROL_BIT = 0x08
TEXT_STARTS, TEXT, CLOSE, PING = 0x01, 0x81, 0x88, 0x89


class ClientFrame(NamedTuple):
    """A frame of a client, which may be wrong."""

    first: int
    payload: bytes
    masked: bool = True

    def encode(self) -> bytes:
        if self.masked:
            return encode(self.first & 0x7F, self.payload, fin=self.first >= 0x80)
        return bytes((self.first, min(len(self.payload), 125))) + self.payload[:125]


class WebsocketsReader:
    """Reads with `websockets` and tells in our items what it found."""

    def __init__(self) -> None:
        self.protocol = ServerProtocol(state=State.OPEN, max_size=MAX_SIZE)
        self.text_decoder: codecs.IncrementalDecoder | None = None
        self.text = ""
        self.binary = b""

    def read(self, data: bytes) -> list[Item]:
        self.protocol.receive_data(data)
        items: list[Item] = []
        for frame in self.protocol.events_received():
            assert isinstance(frame, Frame)
            try:
                items += self.items(frame)
            except UnicodeDecodeError:
                return [*items, Violation(1007, "")]
        if self.protocol.parser_exc is not None:
            assert self.protocol.close_sent is not None
            items.append(Violation(self.protocol.close_sent.code, ""))
        return items

    def items(self, frame: Frame) -> list[Item]:
        data = bytes(frame.data)
        match frame.opcode:
            case Opcode.PING:
                return [Ping(data)]
            case Opcode.PONG:
                return [Pong(data)]
            case Opcode.CLOSE:
                assert self.protocol.close_rcvd is not None
                return [Close(self.protocol.close_rcvd.code, self.protocol.close_rcvd.reason)]
            case Opcode.TEXT:
                self.text_decoder, self.text = codecs.getincrementaldecoder("utf-8")(), ""
            case Opcode.BINARY:
                self.text_decoder, self.binary = None, b""
        if self.text_decoder is None:
            self.binary += data
            return [self.binary] if frame.fin else []
        self.text += self.text_decoder.decode(data, frame.fin)
        return [self.text] if frame.fin else []


def read_ours(reader: MessageReader, data: bytes) -> list[Item]:
    """What our reader finds, without the words of a violation."""
    reader.feed(data)
    items = reader.read(100)
    return [Violation(item.code, "") if isinstance(item, Violation) else item for item in items]


def is_meant(frame: ClientFrame, ours: list[Item], theirs: list[Item]) -> bool:
    if theirs == [Violation(1009, "")]:
        return bool(frame.first & CONTROL_BIT) or ours == [Violation(1002, "")]
    return theirs == [Violation(1002, "")] and isinstance(ours[0], Close)


frames = st.builds(
    ClientFrame,
    st.sampled_from([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x89, 0x8A]) | st.integers(0, 255),
    st.text(max_size=20).map(str.encode)
    | st.binary(max_size=20)
    | st.binary(max_size=MAX_SIZE + 1),
    st.sampled_from([True] * 9 + [False]),
)
close_payloads = st.builds(
    lambda code, reason: struct.pack("!H", code) + reason,
    st.integers(990, 1020) | st.integers(0, 0xFFFF),
    st.text(max_size=20).map(str.encode) | st.binary(max_size=5),
)
close_frames = st.builds(ClientFrame, st.just(CLOSE), close_payloads | st.binary(max_size=2))


@settings(max_examples=300, deadline=None)
@given(st.lists(frames | frames | close_frames, max_size=12))
def test_every_sequence_of_frames_is_read_alike(sequence: list[ClientFrame]) -> None:
    our_reader, their_reader = MessageReader(MAX_SIZE), WebsocketsReader()
    for frame in sequence:
        data = frame.encode()
        ours, theirs = read_ours(our_reader, data), their_reader.read(data)
        if ours != theirs:
            assert is_meant(frame, ours, theirs)
            return
        if our_reader.ended:
            return


@pytest.mark.parametrize(
    ("data", "ours", "theirs"),
    [
        (
            ClientFrame(TEXT_STARTS, bytes(MAX_SIZE)).encode() + ClientFrame(PING, b"a").encode(),
            [Ping(b"a")],
            [Violation(1009, "")],
        ),
        (
            b"\x80\xfe" + struct.pack("!H", MAX_SIZE + 1),
            [Violation(1002, "")],
            [Violation(1009, "")],
        ),
        (
            b"\x82\xff" + struct.pack("!Q", 1 << 63),
            [Violation(1002, "")],
            [Violation(1009, "")],
        ),
        (b"\x82\xfe\x00\x01mask" + apply_mask(b"a", b"mask"), [Violation(1002, "")], [b"a"]),
        (
            ClientFrame(TEXT_STARTS, b"a").encode() + ClientFrame(CLOSE, b"").encode(),
            [Close(1005, "")],
            [Violation(1002, "")],
        ),
        (ClientFrame(0xC1, b"a").encode()[:2], [Violation(1002, "")], []),
        (ClientFrame(TEXT, b"\xff\xff").encode()[:-1], [Violation(1007, "")], []),
    ],
    ids=[
        "control frame over what is left",
        "wrong and too long",
        "top bit of a length",
        "length in too many bytes",
        "close within a message",
        "wrong head without payload",
        "wrong text without its end",
    ],
)
def test_a_meant_difference_is_still_one(data: bytes, ours: list[Item], theirs: list[Item]) -> None:
    assert read_ours(MessageReader(MAX_SIZE), data) == ours
    assert WebsocketsReader().read(data) == theirs
