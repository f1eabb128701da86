"""What recv and send cost above a transport that only writes down what it gets.

Each benchmark does so 1000 times: microseconds of it are nanoseconds of an echo. An echo takes two
turns of the service's event loop or more; `test_turns_of_the_loop` says what 1000 turns cost.
"""

import asyncio

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from websockets.frames import Opcode

from app.websocket.connection import WebSocketConnection
from tests.helpers.direct_connection import Connection, connect
from tests.helpers.raw_client import encode

TEXT = "a message of a chat, 32 bytes .."
FRAME = encode(Opcode.TEXT, TEXT.encode())
ECHOES = 1000


async def echo(connection: Connection) -> None:
    chat = WebSocketConnection(connection.protocol, None)
    async for message in chat:
        await chat.send(message)


async def turns() -> None:
    for _ in range(ECHOES):
        await asyncio.sleep(0)


async def exchange(connection: Connection, segment: bytes) -> int:
    """Let a segment come many times, and return how many bytes were written."""
    transport, protocol, written = connection.transport, connection.protocol, 0
    for _ in range(ECHOES):
        protocol.data_received(segment)
        while not transport.writes:  # noqa: ASYNC110 - turns of the loop are what is measured
            await asyncio.sleep(0)
        written += sum(map(len, transport.writes))
        transport.writes.clear()
    return written


def test_turns_of_the_loop(loop: asyncio.AbstractEventLoop, benchmark: BenchmarkFixture) -> None:
    benchmark(lambda: loop.run_until_complete(turns()))


@pytest.mark.parametrize("messages", [1, 16])
def test_echo(messages: int, loop: asyncio.AbstractEventLoop, benchmark: BenchmarkFixture) -> None:
    connection = loop.run_until_complete(connect())
    task = loop.create_task(echo(connection))

    segment = FRAME * messages
    written = benchmark(lambda: loop.run_until_complete(exchange(connection, segment)))

    assert written == ECHOES * messages * (2 + len(TEXT))
    task.cancel()
    loop.run_until_complete(asyncio.wait([task], timeout=1))
