"""Compressed messages that are more, or something else, than they seem."""

import functools

import pytest
from websockets.frames import Opcode

from tests.functional.attacks.conftest import MAX_PAYLOAD
from tests.helpers.attacks import DEFLATE_OFFER, RSV1, compressed_text, deflate
from tests.helpers.raw_client import RawClient, encode, request_head
from tests.helpers.service_process import ServiceProcess
from tests.helpers.worker_memory import MIB, WorkerMemory

BAD_STREAMS = {
    "no-deflate": b"hello",
    "reserved-block-type": b"\x07",
    "length-that-contradicts-itself": b"\x00\x05\x00\x00\x00hello",
    "reference-before-the-beginning": b"\x03\x81\x00",
    "zlib-header": b"\x78\x9c\x4b\x4c\x04\x00",
    "gzip-header": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "random": bytes(range(255, 155, -1)),
}


@functools.cache
def bomb(mebibytes: int) -> bytes:
    """Return zeros, compressed."""
    return deflate(*[bytes(MIB)] * mebibytes)


def open_compressed(service: ServiceProcess) -> RawClient:
    client = RawClient(service.port)
    client.send(request_head("/chat", DEFLATE_OFFER))
    assert b"\r\nsec-websocket-extensions: permessage-deflate" in client.read_head().lower()
    return client


def in_fragments(payload: bytes, size: int) -> bytes:
    """Return a compressed text in frames of this size."""
    parts = [payload[i : i + size] for i in range(0, len(payload), size)]
    middle = [encode(Opcode.CONT, part, fin=False) for part in parts[1:]]
    return b"".join([encode(RSV1 | Opcode.TEXT, parts[0], fin=False), *middle])


@pytest.mark.parametrize("mebibytes", [64, 256])
@pytest.mark.parametrize("fragment_size", [None, 1000, 1])
def test_bomb_is_closed_with_1009_and_never_inflated(
    mebibytes: int,
    fragment_size: int | None,
    compressing_service: ServiceProcess,
    compressing_memory: WorkerMemory,
) -> None:
    payload = bomb(mebibytes)
    if fragment_size is None:
        frames = compressed_text(payload)
    else:
        frames = in_fragments(payload[:50_000], fragment_size)
    with compressing_memory.growth() as growth, open_compressed(compressing_service) as client:
        client.send(frames)

        assert client.read_frame().close_code == 1009
    assert growth.peak < 16 * MAX_PAYLOAD


def test_many_bombs_of_just_the_limit_are_echoed_without_being_inflated_all_at_once(
    compressing_service: ServiceProcess, compressing_memory: WorkerMemory
) -> None:
    largest = compressed_text(bomb(1))
    with compressing_memory.growth() as growth, open_compressed(compressing_service) as client:
        client.send(largest * 200)

        for _ in range(200):
            assert client.read_frame().opcode & Opcode.TEXT
    assert growth.peak < 32 * MIB


@pytest.mark.parametrize("name", BAD_STREAMS)
def test_bad_stream_is_closed_and_said_to_be_one(
    name: str, compressing_service: ServiceProcess
) -> None:
    with open_compressed(compressing_service) as client:
        client.send(compressed_text(BAD_STREAMS[name]))

        assert client.read_frame().close_code in (1002, 1007)
        assert client.at_end()


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(
            encode(Opcode.TEXT, b"a", fin=False) + encode(RSV1 | Opcode.CONT, b"b"),
            id="continuation",
        ),
        pytest.param(encode(RSV1 | Opcode.PING, b"a"), id="control"),
        pytest.param(encode(0x20 | Opcode.TEXT, b"a"), id="rsv2"),
        pytest.param(encode(0x10 | Opcode.TEXT, b"a"), id="rsv3"),
    ],
)
def test_compressed_bit_where_it_has_no_meaning_is_closed_with_1002(
    frames: bytes, compressing_service: ServiceProcess
) -> None:
    with open_compressed(compressing_service) as client:
        client.send(frames)

        assert client.read_frame().close_code == 1002


def test_compressed_bit_is_closed_with_1002_where_nothing_was_negotiated(
    compressing_service: ServiceProcess,
) -> None:
    with RawClient(compressing_service.port).open() as client:
        client.send(compressed_text(deflate(b"hello")))

        assert client.read_frame().close_code == 1002


def test_text_that_is_no_utf8_when_inflated_is_closed_with_1007(
    compressing_service: ServiceProcess,
) -> None:
    with open_compressed(compressing_service) as client:
        client.send(compressed_text(deflate(b"caf\xe9 au lait")))

        assert client.read_frame().close_code == 1007


def test_handler_without_compression_does_not_offer_it(plain_service: ServiceProcess) -> None:
    with RawClient(plain_service.port) as client:
        client.send(request_head("/chat", DEFLATE_OFFER))

        assert b"sec-websocket-extensions" not in client.read_head().lower()
