"""Why a connection ends: what is recorded, whom it is told, what the peer is sent, what stays."""

import asyncio
import contextlib
import gc
import logging
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config

from app.server.asgi_adapter import serve_application
from app.server.intake import Intake
from app.server.receive_queue import MAX_MESSAGES, ReceiveQueue
from app.server.send_buffer import SendBuffer
from app.server.turns import FRAMES_PER_SHARE
from app.server.watch import Watch
from app.server.websocket_protocol import WebSocketProtocol
from app.websocket.channel import Acceptance
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.frames import Opcode, encode_close, encode_control
from app.websocket.limits import Limits
from app.websocket.messages import MessageReader
from tests.helpers.direct_connection import Connection, connect, turn
from tests.helpers.raw_client import encode
from tests.helpers.raw_client import encode_close as close_of_client
from tests.helpers.virtual_time import VIRTUAL_TIME

PING = encode_control(Opcode.PING, b"")
MISTAKE = b"\x81\x02hi"  # a frame without a mask


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


async def receive_all(connection: Connection) -> None:
    """Receive until the end."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await connection.protocol.receive()


def wait_for_the_peer(connection: Connection) -> None:
    """Let as much wait for the peer as may, or more."""
    connection.transport.unsent = 100_000
    connection.protocol.pause_writing()


# What may happen to a connection.


async def client_closes(connection: Connection) -> None:
    connection.receive_bytes(close_of_client(4001, "bye"))
    await receive_all(connection)


async def client_closes_without_a_code(connection: Connection) -> None:
    connection.receive_bytes(encode(Opcode.CLOSE))
    await receive_all(connection)


async def stream_ends(connection: Connection) -> None:
    connection.protocol.eof_received()
    await receive_all(connection)


async def transport_is_lost(connection: Connection) -> None:
    connection.protocol.connection_lost(ConnectionResetError())


async def transport_is_lost_amid_messages(connection: Connection) -> None:
    connection.receive_bytes(*[encode(Opcode.TEXT)] * 3 * FRAMES_PER_SHARE)
    connection.protocol.connection_lost(ConnectionResetError())
    await receive_all(connection)


async def transport_is_lost_behind_a_close(connection: Connection) -> None:
    messages = [encode(Opcode.TEXT)] * 3 * FRAMES_PER_SHARE
    connection.receive_bytes(*messages, close_of_client(4001, "bye"))
    connection.protocol.connection_lost(ConnectionResetError())
    await receive_all(connection)


async def transport_is_lost_and_nobody_reads(connection: Connection) -> None:
    connection.receive_bytes(*[encode(Opcode.TEXT)] * 3 * MAX_MESSAGES)
    connection.protocol.connection_lost(ConnectionResetError())
    await asyncio.sleep(5.1)
    await receive_all(connection)


LOSSES = (
    transport_is_lost,
    transport_is_lost_amid_messages,
    transport_is_lost_behind_a_close,
    transport_is_lost_and_nobody_reads,
)


async def handler_closes(connection: Connection) -> None:
    await connection.protocol.close(4000, "enough", CloseCause.HANDLER_CLOSE)


async def handler_returns(connection: Connection) -> None:
    connection.protocol.leave(CloseCause.HANDLER_RETURNED)


async def handler_raises(connection: Connection) -> None:
    connection.protocol.leave(CloseCause.HANDLER_ERROR)


async def service_leaves(connection: Connection) -> None:
    connection.protocol.shutdown()


async def client_sends_no_mask(connection: Connection) -> None:
    connection.receive_bytes(MISTAKE)
    await receive_all(connection)


async def client_sends_no_text(connection: Connection) -> None:
    connection.receive_bytes(encode(Opcode.TEXT, b"\xff"))
    await receive_all(connection)


async def client_sends_no_close_reason(connection: Connection) -> None:
    connection.receive_bytes(encode(Opcode.CLOSE, b"\x03\xe8\xff"))
    await receive_all(connection)


async def client_sends_much(connection: Connection) -> None:
    connection.receive_bytes(encode(Opcode.BINARY, b"x" * 101))
    await receive_all(connection)


async def client_sends_fragments(connection: Connection) -> None:
    connection.receive_bytes(
        encode(Opcode.BINARY, fin=False), *[encode(Opcode.CONTINUATION, fin=False)] * 2
    )
    await receive_all(connection)


async def client_sends_messages(connection: Connection) -> None:
    connection.receive_bytes(*[encode(Opcode.TEXT)] * 3)
    await receive_all(connection)


async def client_sends_bytes(connection: Connection) -> None:
    connection.receive_bytes(encode(Opcode.BINARY, b"x" * 94), encode(Opcode.BINARY, fin=False))
    await receive_all(connection)


async def client_takes_nothing(connection: Connection) -> None:
    if not connection.transport.unsent:
        wait_for_the_peer(connection)
    await connection.lives(31)


async def time_passes(connection: Connection) -> None:
    await connection.lives(100)


@dataclass(frozen=True)
class Ending:
    """How a connection may end, and what comes of it.

    Args:
        cause: Of the record.
        happen: What happens.
        code: Of the record.
        reason: Of the record; None: any.
        sent: What the peer is sent; None: a close frame with code and reason of the record.
        limits: Of the connection.
    """

    cause: CloseCause
    happen: Callable[[Connection], Awaitable[None]]
    code: int
    reason: str | None = ""
    sent: bytes | None = None
    limits: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.cause.value}-{self.happen.__name__}"


TOO_FAST = "more per second than is allowed"
TOO_SLOW = "too slow to take what is sent"
TOO_QUIET = "keepalive ping timeout"
TOO_LONG = "the session has lasted as long as it may"
NOT_CLOSED = "the stream ended without a close frame"

ENDINGS = [
    Ending(CloseCause.CLIENT_CLOSE, client_closes, 4001, "bye"),
    Ending(CloseCause.CLIENT_CLOSE, client_closes_without_a_code, 1005, sent=b"\x88\x00"),
    Ending(CloseCause.CONNECTION_LOST, stream_ends, 1006, sent=encode_close(1002, NOT_CLOSED)),
    Ending(CloseCause.CONNECTION_LOST, transport_is_lost, 1006, sent=b""),
    Ending(CloseCause.CONNECTION_LOST, transport_is_lost_amid_messages, 1006, sent=b""),
    Ending(CloseCause.CONNECTION_LOST, transport_is_lost_and_nobody_reads, 1006, sent=b""),
    Ending(CloseCause.CLIENT_CLOSE, transport_is_lost_behind_a_close, 4001, "bye", sent=b""),
    Ending(CloseCause.HANDLER_CLOSE, handler_closes, 4000, "enough"),
    Ending(CloseCause.HANDLER_RETURNED, handler_returns, 1000),
    Ending(CloseCause.HANDLER_ERROR, handler_raises, 1011),
    Ending(CloseCause.SHUTDOWN, service_leaves, 1001),
    Ending(CloseCause.PROTOCOL_ERROR, client_sends_no_mask, 1002, "the frame is not masked"),
    Ending(CloseCause.INVALID_UTF8, client_sends_no_text, 1007, None),
    Ending(CloseCause.INVALID_UTF8, client_sends_no_close_reason, 1007, None),
    Ending(CloseCause.TOO_BIG, client_sends_much, 1009, None, limits={"max_remote_payload": 100}),
    Ending(CloseCause.TOO_BIG, client_sends_fragments, 1009, None, limits={"max_fragments": 2}),
    Ending(
        CloseCause.RATE_LIMIT,
        client_sends_messages,
        1008,
        TOO_FAST,
        limits={"max_messages_per_second": 2, "on_rate_limit": "close"},
    ),
    Ending(
        CloseCause.RATE_LIMIT,
        client_sends_bytes,
        1008,
        TOO_FAST,
        limits={"max_bytes_per_second": 100, "on_rate_limit": "close"},
    ),
    Ending(
        CloseCause.SLOW_CONSUMER, client_takes_nothing, 1008, TOO_SLOW, limits={"send_timeout": 30}
    ),
    Ending(
        CloseCause.PING_TIMEOUT,
        time_passes,
        1011,
        TOO_QUIET,
        PING + encode_close(1011, TOO_QUIET),
        {"ping_interval": 20, "ping_timeout": 5},
    ),
    Ending(
        CloseCause.IDLE_TIMEOUT,
        time_passes,
        1001,
        "no message for too long",
        limits={"idle_timeout": 60},
    ),
    Ending(CloseCause.SESSION_TIME, time_passes, 1001, TOO_LONG, limits={"max_session_time": 60}),
]

every_ending = pytest.mark.parametrize("ending", ENDINGS, ids=str)


def test_every_cause_of_an_open_connection_is_tested_here() -> None:
    of_handshakes = {CloseCause.HANDSHAKE_REFUSED, CloseCause.HANDSHAKE_TIMEOUT}

    assert {ending.cause for ending in ENDINGS} == set(CloseCause) - of_handshakes


@every_ending
async def test_cause_is_recorded_and_the_peer_is_told_why(ending: Ending) -> None:
    connection = await connect(**ending.limits)
    await ending.happen(connection)

    record = connection.end
    assert (record.cause, record.code) == (ending.cause, ending.code)
    assert ending.reason in (record.reason, None)
    sent = encode_close(record.code, record.reason) if ending.sent is None else ending.sent
    assert connection.transport.written == sent


@every_ending
async def test_end_is_told_once_whatever_happens_after_it(ending: Ending) -> None:
    connection = await connect(**ending.limits)
    await ending.happen(connection)
    record = connection.end
    assert connection.ends == [record]

    await connection.protocol.close(4000, "late", CloseCause.HANDLER_CLOSE)
    connection.protocol.leave(CloseCause.HANDLER_RETURNED)
    connection.protocol.shutdown()
    if ending.happen not in LOSSES:
        connection.protocol.connection_lost(None)
    await turn()
    assert connection.ends == [record]
    assert connection.protocol.closed is record
    assert connection.lost == [connection.protocol]


async def test_whom_the_end_is_told_is_not_kept() -> None:
    class Log:
        def closed(self, record: CloseRecord) -> None:
            assert record.code == 4000

    connection = Connection()
    log = Log()
    kept = weakref.ref(log)
    await connection.protocol.accept(Acceptance(Limits(), on_end=log.closed))
    del log
    assert kept() is not None

    await handler_closes(connection)
    assert kept() is None


@every_ending
async def test_after_the_end_everything_raises_at_once(ending: Ending) -> None:
    connection = await connect(**ending.limits)
    await ending.happen(connection)
    written, now = connection.transport.written, connection.now

    for wanted in (
        connection.protocol.send("too late"),
        connection.protocol.ping(b""),
        connection.protocol.receive(),
        connection.protocol.refuse(401, [], b""),
        connection.accept(),
    ):
        with pytest.raises(ConnectionClosed) as caught:
            await wanted
        assert caught.value.record is connection.end
    await turn()
    assert connection.now == now
    assert connection.transport.written == written


@pytest.mark.parametrize(
    "ending",
    # Who does not take what was sent before is not pinged, and not idle.
    [
        ending
        for ending in ENDINGS
        if ending.cause not in (CloseCause.PING_TIMEOUT, CloseCause.IDLE_TIMEOUT)
    ],
    ids=str,
)
async def test_sender_that_waits_for_a_slow_peer_is_told_of_the_end(ending: Ending) -> None:
    connection = await connect(**{"send_timeout": 0, **ending.limits})
    wait_for_the_peer(connection)
    sending = [asyncio.create_task(connection.protocol.send("slow")) for _ in range(3)]
    await turn()
    assert not any(each.done() for each in sending)
    await ending.happen(connection)
    await turn()

    assert all(each.done() for each in sending)
    for each in sending:
        with pytest.raises(ConnectionClosed) as caught:
            await each
        assert caught.value.record is connection.end


@every_ending
async def test_end_leaves_no_timer_and_nothing_for_the_garbage_collector(ending: Ending) -> None:
    loop: Any = asyncio.get_running_loop()
    gc.collect()
    gc.disable()
    try:
        before = parts_alive()
        connection = await connect(**ending.limits)
        assert parts_alive() != before
        await connection.protocol.send("hello")
        connection.receive_bytes(encode(Opcode.PING), encode(Opcode.TEXT, b"hello"))
        assert await connection.protocol.receive() == "hello"
        await ending.happen(connection)
        if ending.happen not in LOSSES:
            connection.protocol.connection_lost(None)
        await turn()
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

        connection.lost.clear()
        del connection
        await turn()
        assert parts_alive() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
async def test_connection_and_the_task_that_served_it_need_no_garbage_collector(
    fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            if fails:
                raise RuntimeError("not well")

    caplog.set_level(logging.CRITICAL)  # or the traceback is kept
    gc.collect()
    gc.disable()
    try:
        before = parts_alive()
        connection = Connection(encode(Opcode.TEXT, b"hello") + close_of_client(1000))
        connection.protocol.task = asyncio.create_task(
            serve_application(app, {}, connection.protocol, Config(app))
        )
        await connection.protocol.task
        connection.protocol.connection_lost(None)
        await turn()
        assert connection.lost == [connection.protocol]

        connection.lost.clear()
        del connection
        await turn()
        assert parts_alive() == before
    finally:
        gc.enable()


def parts_alive() -> dict[type, int]:
    """Return how many there are of what connections are made of."""
    alive = Counter(type(each) for each in gc.get_objects())
    parts = (WebSocketProtocol, Intake, MessageReader, ReceiveQueue, SendBuffer, Watch)
    return {part: alive[part] for part in parts}
