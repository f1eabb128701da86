"""The three rules of closing, and what is bounded, on a transport that shows every step."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from app.server import websocket_protocol
from app.server.keepalive import KeepaliveOptions
from app.server.receive_queue import MAX_BYTES, MAX_MESSAGES
from app.server.websocket_protocol import FRAMES_PER_TURN, ServerHooks, WebSocketProtocol
from app.websocket.close import ClosedBy, CloseRecord, ConnectionClosed
from app.websocket.connection import ConcurrentRecvError
from app.websocket.frames import Opcode, encode_close, encode_control, encode_message
from app.websocket.limits import CLOSE_TIMEOUT, Limits
from tests.helpers.raw_client import encode
from tests.helpers.raw_client import encode_close as close_of_client
from tests.helpers.recording_transport import RecordingTransport

TIMEOUT = 5.0
SOON = 0.01

PING = encode_control(Opcode.PING, b"")


class Connection:
    """A protocol on a recording transport, with its handshake accepted."""

    def __init__(self, transport: RecordingTransport, protocol: WebSocketProtocol) -> None:
        self.transport = transport
        self.protocol = protocol
        self.lost: list[WebSocketProtocol] = []

    def receive_bytes(self, *frames: bytes) -> None:
        self.protocol.data_received(b"".join(frames))

    async def sent(self) -> bytes:
        """Return what has been written once this turn of the event loop is over."""
        await turn()
        return self.transport.written


async def turn() -> None:
    """Let the event loop do what it has been asked to do."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def connect(
    *,
    early: bytes = b"",
    fragment_size: int = 0,
    keepalive: KeepaliveOptions | None = None,
    can_write_eof: bool = True,
    close_timeout: float = CLOSE_TIMEOUT,
) -> Connection:
    transport = RecordingTransport(can_write_eof=can_write_eof)
    lost: list[WebSocketProtocol] = []
    hooks = ServerHooks(lambda: [], lost.append, keepalive or KeepaliveOptions(None, None))
    protocol = WebSocketProtocol(transport, b"key", early, hooks)
    connection = Connection(transport, protocol)
    connection.lost = lost
    assert not transport.reading, "nothing is read before the handshake is answered"
    await protocol.accept(None, [], Limits(MAX_BYTES * 2, fragment_size, close_timeout))
    assert transport.written.startswith(b"HTTP/1.1 101 ")
    transport.writes.clear()
    return connection


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def end_of(connection: Connection) -> CloseRecord:
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(connection.protocol.receive(), TIMEOUT)
    return closed.value.record


async def test_replies_of_one_turn_leave_in_one_write() -> None:
    connection = await connect()
    for text in ("one", "two", "three"):
        await connection.protocol.send(text)

    assert connection.transport.writes == []
    await turn()
    assert connection.transport.writes == [
        encode_message("one", 0) + encode_message("two", 0) + encode_message("three", 0)
    ]


async def test_sender_that_never_waits_gives_others_a_turn() -> None:
    connection = await connect()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    for _ in range(64):
        await connection.protocol.send(b"x" * 65536)
    counting.cancel()

    assert turns > 5


async def test_sender_waits_while_the_peer_does_not_keep_up() -> None:
    connection = await connect()
    connection.protocol.pause_writing()
    sending = asyncio.ensure_future(connection.protocol.send("hello"))
    await turn()

    assert not sending.done()
    connection.protocol.resume_writing()
    await asyncio.wait_for(sending, TIMEOUT)


async def test_sender_that_waits_is_told_when_the_transport_has_gone() -> None:
    connection = await connect()
    connection.protocol.pause_writing()
    sending = asyncio.ensure_future(connection.protocol.send("hello"))
    await turn()
    connection.protocol.connection_lost(None)

    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(sending, TIMEOUT)


async def test_nothing_is_read_while_the_peer_does_not_keep_up() -> None:
    """Its pings would be answered into a buffer that only grows."""
    connection = await connect()
    connection.protocol.pause_writing()
    assert not connection.transport.reading

    connection.protocol.resume_writing()
    assert connection.transport.reading


@pytest.mark.parametrize("message", [b"x", b"x" * (MAX_BYTES // 4)], ids=["by-count", "by-bytes"])
async def test_reading_pauses_when_the_queue_is_full_and_goes_on_when_it_has_room(
    message: bytes,
) -> None:
    connection = await connect()
    sent = 0
    while connection.transport.reading:
        connection.receive_bytes(encode(Opcode.BINARY, message))
        sent += 1
        assert sent <= MAX_MESSAGES
    received = 0
    while not connection.transport.reading:
        assert await connection.protocol.receive() == message
        received += 1

    assert sent == min(MAX_MESSAGES, MAX_BYTES // len(message))
    assert received == sent // 2
    for _ in range(sent - received):
        assert connection.protocol.receive_nowait() == message


async def test_many_frames_at_once_are_read_in_several_turns_and_in_order() -> None:
    connection = await connect()
    count = FRAMES_PER_TURN * 3
    connection.receive_bytes(*(encode(Opcode.TEXT, b"%d" % n) for n in range(count)))

    first = []
    while (message := connection.protocol.receive_nowait()) is not None:
        first.append(message)
    assert first == [str(n) for n in range(FRAMES_PER_TURN)]
    assert not connection.transport.reading

    rest = [
        await asyncio.wait_for(connection.protocol.receive(), TIMEOUT) for _ in range(count - 64)
    ]
    assert rest == [str(n) for n in range(FRAMES_PER_TURN, count)]
    assert connection.transport.reading


async def test_bytes_behind_the_head_of_the_request_are_received() -> None:
    connection = await connect(early=encode(Opcode.TEXT, b"early"))

    assert connection.protocol.receive_nowait() == "early"


# Rule 1: order.


async def test_close_of_the_peer_is_answered_when_the_reader_reaches_it() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"last"), close_of_client(4001, "bye"))

    assert await connection.protocol.receive() == "last"
    await connection.protocol.send("answer")
    assert await end_of(connection) == CloseRecord(ClosedBy.CLIENT, 4001, "bye")
    assert connection.transport.written == encode_message("answer", 0) + encode_close(4001, "bye")
    assert connection.transport.is_closing()


async def test_close_that_no_reader_reaches_is_answered_in_time() -> None:
    connection = await connect(close_timeout=SOON)
    connection.receive_bytes(encode(Opcode.TEXT, b"unread"), close_of_client(1000))
    await asyncio.wait_for(connection.transport.closing.wait(), TIMEOUT)

    assert connection.transport.written == encode_close(1000, "")
    with pytest.raises(ConnectionClosed):
        await connection.protocol.send("too late")
    assert await connection.protocol.receive() == "unread"
    assert (await end_of(connection)).code == 1000


async def test_handler_that_returns_answers_a_close_it_has_not_read() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"unread"), close_of_client(4001, "bye"))
    await connection.protocol.close(1000, "")

    assert connection.protocol.closed == CloseRecord(ClosedBy.CLIENT, 4001, "bye")
    assert connection.transport.written == encode_close(4001, "bye")


async def test_mistake_of_the_peer_is_answered_behind_what_came_before_it() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"good"), b"\x81\x02hi")

    assert await connection.protocol.receive() == "good"
    record = await end_of(connection)
    assert (record.closed_by, record.code) == (ClosedBy.SERVER, 1002)
    assert connection.transport.written == encode_close(1002, record.reason)


async def test_end_of_the_stream_is_a_lost_connection_behind_what_came_before_it() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"last"))

    assert connection.protocol.eof_received()
    assert await connection.protocol.receive() == "last"
    assert await end_of(connection) == CloseRecord(ClosedBy.TRANSPORT, 1006)
    assert connection.transport.is_closing()


async def test_end_of_a_tls_stream_is_the_end_of_the_transport() -> None:
    connection = await connect(can_write_eof=False)

    assert not connection.protocol.eof_received()


async def test_what_was_received_before_the_transport_went_is_delivered() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"last"))
    connection.protocol.connection_lost(ConnectionResetError())

    assert await connection.protocol.receive() == "last"
    assert await end_of(connection) == CloseRecord(ClosedBy.TRANSPORT, 1006)
    assert connection.lost == [connection.protocol]


async def test_reader_that_waits_is_told_when_the_transport_has_gone() -> None:
    connection = await connect()
    receiving = asyncio.ensure_future(end_of(connection))
    await turn()
    connection.protocol.connection_lost(None)

    assert (await asyncio.wait_for(receiving, TIMEOUT)).code == 1006


async def test_reader_whose_wait_is_cancelled_loses_nothing() -> None:
    connection = await connect()
    receiving = asyncio.ensure_future(connection.protocol.receive())
    await turn()
    connection.receive_bytes(encode(Opcode.TEXT, b"hello"))
    receiving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await receiving

    assert connection.protocol.receive_nowait() == "hello"


@pytest.mark.parametrize("ending", ["eof", "lost"])
async def test_end_of_the_stream_does_not_overtake_what_is_still_to_be_read(ending: str) -> None:
    """A transport with TLS tells of the end although reading is paused."""
    connection = await connect(can_write_eof=False)
    count = FRAMES_PER_TURN * 3
    connection.receive_bytes(*[encode(Opcode.TEXT, b"x")] * count, close_of_client(4000, "bye"))
    if ending == "eof":
        connection.protocol.eof_received()
    connection.protocol.connection_lost(None)

    for _ in range(count):
        assert connection.protocol.receive_nowait() == "x"
    assert await end_of(connection) == CloseRecord(ClosedBy.CLIENT, 4000, "bye")


# Rule 2: lingering.


async def test_after_our_close_the_transport_stays_until_the_peer_has_closed() -> None:
    connection = await connect()
    await connection.protocol.close(4000, "done")
    assert connection.transport.written == encode_close(4000, "done")
    connection.receive_bytes(encode(Opcode.TEXT, b"crossing"), encode(Opcode.PING, b"x"))
    assert not connection.transport.is_closing()
    connection.receive_bytes(close_of_client(4000))

    assert connection.transport.is_closing()
    assert connection.transport.written == encode_close(4000, "done")


async def test_peer_that_does_not_close_is_waited_for_in_bounds() -> None:
    connection = await connect(close_timeout=SOON)
    await connection.protocol.close(1000, "")

    await asyncio.wait_for(connection.transport.aborted.wait(), TIMEOUT)


async def test_after_our_close_the_end_of_the_stream_ends_the_transport() -> None:
    connection = await connect()
    await connection.protocol.close(1000, "")
    connection.protocol.eof_received()

    assert connection.transport.is_closing()


async def test_reading_that_was_paused_goes_on_after_our_close() -> None:
    connection = await connect()
    for _ in range(MAX_MESSAGES):
        connection.receive_bytes(encode(Opcode.TEXT, b"unread"))
    assert not connection.transport.reading
    await connection.protocol.close(1000, "")

    assert connection.transport.reading


async def test_after_a_mistake_the_peer_sees_that_nothing_more_comes() -> None:
    connection = await connect()
    connection.receive_bytes(b"\x81\x02hi")
    await end_of(connection)

    assert connection.transport.eof_written
    assert not connection.transport.is_closing()
    connection.receive_bytes(b"whatever follows is discarded" * 1000)
    connection.protocol.eof_received()
    assert connection.transport.is_closing()


async def test_after_a_mistake_on_tls_the_peer_has_a_moment_to_read_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "NOT_UNDERSTOOD_TIMEOUT", 0.3)
    connection = await connect(can_write_eof=False)
    connection.receive_bytes(b"\x81\x02hi")
    await end_of(connection)
    assert not connection.transport.is_closing()

    await asyncio.wait_for(connection.transport.closing.wait(), TIMEOUT)
    assert not connection.transport.aborted.is_set()


async def test_mistake_after_our_close_ends_the_wait_for_the_peers() -> None:
    connection = await connect()
    await connection.protocol.close(1000, "")
    connection.receive_bytes(b"\x81\x02hi")

    assert connection.transport.eof_written


async def test_closing_twice_is_harmless() -> None:
    connection = await connect()
    await connection.protocol.close(4000, "first")
    await connection.protocol.close(4001, "second")

    assert connection.protocol.closed == CloseRecord(ClosedBy.SERVER, 4000, "first")
    assert connection.transport.written == encode_close(4000, "first")


async def test_shutdown_says_1001_and_does_not_wait_for_a_handler_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "SHUTDOWN_TIMEOUT", SOON)
    connection = await connect()
    connection.protocol.task = asyncio.create_task(wait_for_ever())
    connection.protocol.shutdown()

    assert connection.transport.written == encode_close(1001, "")
    await asyncio.wait_for(connection.transport.aborted.wait(), TIMEOUT)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(connection.protocol.task, TIMEOUT)


async def test_task_that_outlives_its_connection_is_found_by_a_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "SHUTDOWN_TIMEOUT", SOON)
    connection = await connect()
    connection.protocol.task = task = asyncio.create_task(wait_for_ever())
    connection.protocol.connection_lost(None)
    assert connection.lost == []
    connection.protocol.shutdown()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)
    await turn()

    assert connection.lost == [connection.protocol]


async def test_handshake_that_is_not_answered_is_refused_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "HANDSHAKE_TIMEOUT", SOON)
    transport = RecordingTransport()
    hooks = ServerHooks(lambda: [], lambda _: None, KeepaliveOptions(None, None))
    protocol = WebSocketProtocol(transport, b"key", b"", hooks)
    await asyncio.wait_for(protocol.wait_closed(), TIMEOUT)

    assert transport.written.startswith(b"HTTP/1.1 503 ")
    with pytest.raises(ConnectionClosed):
        await protocol.accept(None, [], Limits(1, 0))


async def test_everybody_who_waits_for_the_end_is_told() -> None:
    connection = await connect()
    waiting = [asyncio.ensure_future(connection.protocol.wait_closed()) for _ in range(2)]
    await turn()
    await connection.protocol.close(4000, "done")

    records = await asyncio.wait_for(asyncio.gather(*waiting), TIMEOUT)
    assert records == [CloseRecord(ClosedBy.SERVER, 4000, "done")] * 2


# Rule 3: paused reading.


async def test_peer_that_is_silent_after_a_ping_is_given_up() -> None:
    connection = await connect(keepalive=KeepaliveOptions(SOON, SOON))
    record = await asyncio.wait_for(connection.protocol.wait_closed(), TIMEOUT)

    assert (record.closed_by, record.code) == (ClosedBy.SERVER, 1011)
    assert connection.transport.written == PING + encode_close(1011, "keepalive ping timeout")


async def test_anything_that_comes_after_a_ping_counts_as_life() -> None:
    # The timeout is long enough for a machine that is busy with something else.
    connection = await connect(keepalive=KeepaliveOptions(SOON, 0.3))
    for pings in range(1, 4):
        await until(lambda: connection.transport.written.count(PING) == pings)  # noqa: B023
        connection.receive_bytes(encode(Opcode.PONG))

    assert connection.protocol.closed is None


async def test_pong_is_not_missed_while_we_do_not_read_but_pings_go_on() -> None:
    connection = await connect(keepalive=KeepaliveOptions(SOON, SOON))
    for _ in range(MAX_MESSAGES):
        connection.receive_bytes(encode(Opcode.TEXT, b"unread"))
    assert not connection.transport.reading
    await until(lambda: connection.transport.written.count(PING) >= 3)

    assert connection.protocol.closed is None


async def test_pong_to_a_ping_that_could_not_be_sent_is_not_missed() -> None:
    connection = await connect(keepalive=KeepaliveOptions(SOON, SOON))
    connection.protocol.pause_writing()
    timers = 0

    def tick() -> None:
        nonlocal timers
        timers += 1
        asyncio.get_running_loop().call_later(SOON, tick)

    tick()
    await until(lambda: timers > 5)
    connection.protocol.resume_writing()
    await turn()

    assert connection.protocol.closed is None
    assert PING not in connection.transport.written


async def test_two_tasks_cannot_wait_for_messages_at_once() -> None:
    connection = await connect()
    first = asyncio.ensure_future(connection.protocol.receive())
    await turn()

    with pytest.raises(ConcurrentRecvError):
        await connection.protocol.receive()
    connection.receive_bytes(encode(Opcode.TEXT, b"for the first"))
    assert await asyncio.wait_for(first, TIMEOUT) == "for the first"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110 (turns of the loop are what is waited for)
            await asyncio.sleep(0)
