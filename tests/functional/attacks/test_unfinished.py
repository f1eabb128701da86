"""Clients that leave unfinished what they, or we, have begun."""

import contextlib
import time

import pytest
from websockets.frames import Opcode

from tests.helpers.attacks import PING
from tests.helpers.raw_client import TIMEOUT, RawClient, encode, encode_close
from tests.helpers.service_process import ServiceProcess
from tests.helpers.worker_memory import MIB, WorkerMemory

TOO_BIG = encode(Opcode.BINARY, b"x" * 100_001)[:14]


def is_cut_off(client: RawClient) -> bool:
    """Send pings until the connection is reset; False if it is not in time."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            client.send(PING * 10_000)
        except ConnectionError:
            return True
    return False


def test_closing_handshake_that_is_never_answered_ends_in_time(
    impatient_service: ServiceProcess,
) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(impatient_service.port).open()) for _ in range(20)]
        for client in clients:
            client.send(TOO_BIG)

        for client in clients:
            assert client.read_frame().close_code == 1009
            assert client.at_end()


def test_client_that_goes_on_after_our_close_is_cut_off_in_time(
    impatient_service: ServiceProcess,
) -> None:
    with RawClient(impatient_service.port).open() as client:
        client.send(TOO_BIG)
        assert client.read_frame().close_code == 1009

        assert is_cut_off(client)


def test_client_that_has_closed_need_not_end_its_stream(impatient_service: ServiceProcess) -> None:
    with RawClient(impatient_service.port).open() as client:
        client.send(encode_close(1000))

        assert client.read_frame().close_code == 1000
        assert client.at_end()


def test_announced_length_takes_no_memory(
    plain_service: ServiceProcess, plain_memory: WorkerMemory
) -> None:
    announced = encode(Opcode.BINARY, b"x" * 100_000)[:14]
    with plain_memory.growth() as growth, contextlib.ExitStack() as stack:
        for _ in range(200):
            client = stack.enter_context(RawClient(plain_service.port).open())
            client.send(announced)
            client.send(encode(Opcode.PING)[:1])
        client.send(b"")
    assert growth.peak < 16 * MIB


@pytest.mark.parametrize("length", [100_001, 2**31, 2**32, 2**63 - 1])
def test_huge_announced_length_is_closed_with_1009_before_anything_of_it_comes(
    length: int, plain_service: ServiceProcess
) -> None:
    with RawClient(plain_service.port).open() as client:
        client.send(b"\x82\xff" + length.to_bytes(8, "big") + b"mask")

        assert client.read_frame().close_code == 1009


def test_messages_that_are_never_finished_hold_no_more_than_a_message_may_have(
    plain_service: ServiceProcess, plain_memory: WorkerMemory
) -> None:
    unfinished = encode(Opcode.TEXT, b"", fin=False) + encode(Opcode.CONT, b"x", fin=False) * 60_000
    with plain_memory.growth() as growth, contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(RawClient(plain_service.port).open())
            client.send(unfinished + encode(Opcode.PING, b"done"))
            assert client.read_frame().payload == b"done"

    assert growth.peak < 16 * MIB
