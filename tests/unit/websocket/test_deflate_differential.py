"""Our codec and that of `websockets` understand each other, whatever was agreed on.

Meant differences, each of which has a test:

- A message that is cut off is refused (1002): `websockets` returns what is there of it. Only if the
  four bytes that are not sent happen to complete a block is nothing seen of a cut: of some millions
  that was so of a few dozen.
- A message may go on after a final block: `websockets` returns nothing more, for ever.
"""

import zlib
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from app.websocket.deflate import Deflater, Inflater
from app.websocket.frames import FrameError

Parameters = tuple[int, int, bool, bool, int]
"""Window bits of the server and the client, whether each has no context takeover, the level."""

PARAMETERS = [*product((9, 12, 15), (8, 9, 12, 15), (False, True), (False, True), (1, 6, 9))]

parameters = st.sampled_from(PARAMETERS)
messages = st.lists(
    st.binary(max_size=100) | st.sampled_from([b"", b"Hello", b"Hello" * 5000, bytes(70_000)]),
    max_size=6,
)


def their_client(agreed: Parameters) -> PerMessageDeflate:
    server_bits, client_bits, server_alone, client_alone, level = agreed
    # It cannot write a window of 8 bits, but 9 is what a client has then that can with zlib.
    return PerMessageDeflate(
        server_alone, client_alone, server_bits, max(client_bits, 9), {"level": level}
    )


def our_deflater(agreed: Parameters) -> Deflater:
    server_bits, _, server_alone, _, level = agreed
    return Deflater(server_bits, not server_alone, level, threshold=0)


def our_inflater(agreed: Parameters) -> Inflater:
    _, client_bits, _, client_alone, _ = agreed
    return Inflater(client_bits, not client_alone)


def inflate(inflater: Inflater, payload: bytes, max_payload: int = 1 << 20) -> bytes:
    inflater.begin(max_payload)
    inflated = b""
    while payload:
        piece, taken = inflater.inflate(payload[:3000])
        inflated, payload = inflated + piece, payload[taken:]
    return inflated + inflater.finish()


def say(theirs: PerMessageDeflate, message: bytes, size: int) -> bytes:
    """What they send for a message in frames of this size."""
    parts = [message[start : start + size] for start in range(0, len(message), size)] or [b""]
    sent = b""
    for number, part in enumerate(parts):
        opcode, fin = Opcode.CONT if number else Opcode.BINARY, number == len(parts) - 1
        sent += theirs.encode(Frame(opcode, part, fin)).data
    return sent


def read(theirs: PerMessageDeflate, payload: bytes) -> bytes:
    return bytes(theirs.decode(Frame(Opcode.BINARY, payload, rsv1=True)).data)


CONVERSATION = [b"Hello", b"Hello", b"", b"", bytes(range(256)) * 200, b"Hello"]


@pytest.mark.parametrize("agreed", PARAMETERS, ids=str)
def test_both_understand_each_other_with_all_parameters(agreed: Parameters) -> None:
    theirs, deflater, inflater = their_client(agreed), our_deflater(agreed), our_inflater(agreed)

    for message in CONVERSATION:
        assert read(theirs, deflater.compress(message)) == message
        assert inflate(inflater, say(theirs, message, 10_000)) == message


@settings(max_examples=200, deadline=None)
@given(parameters, messages, st.integers(1, 300) | st.integers(20_000, 80_000))
def test_both_understand_each_other_whatever_is_said(
    agreed: Parameters, messages: list[bytes], size: int
) -> None:
    theirs, deflater, inflater = their_client(agreed), our_deflater(agreed), our_inflater(agreed)

    for message in messages:
        assert read(theirs, deflater.compress(message)) == message
        assert inflate(inflater, say(theirs, message[: 100 * size], size)) == message[: 100 * size]


def test_both_send_the_same_bytes() -> None:
    for agreed in PARAMETERS:
        server_bits, _, server_alone, _, level = agreed
        theirs = PerMessageDeflate(
            False, server_alone, 15, server_bits, {"level": level, "memLevel": 5}
        )
        deflater = our_deflater(agreed)
        for message in CONVERSATION:
            assert deflater.compress(message) == say(theirs, message, 1 << 20)


def test_a_message_that_is_cut_off_is_refused_though_they_accept_it() -> None:
    agreed = (15, 15, False, False, 6)
    payload = zlib.compress(b"Hello", wbits=-15)[:-2]

    assert read(their_client(agreed), payload) != b""
    with pytest.raises(FrameError, match="not validly compressed"):
        inflate(our_inflater(agreed), payload)


def test_a_conversation_goes_on_after_a_final_block_though_they_fall_silent() -> None:
    agreed = (15, 15, False, False, 6)
    theirs, inflater = their_client(agreed), our_inflater(agreed)
    final, hello = bytes.fromhex("f348cdc9c9070000"), bytes.fromhex("f248cdc9c90700")

    assert [inflate(inflater, payload) for payload in (final, hello)] == [b"Hello", b"Hello"]
    assert [read(theirs, payload) for payload in (final, hello)] == [b"Hello", b""]
