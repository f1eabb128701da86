"""The three rules of closing, the handshake, and what is bounded.

The transport shows every step, and the clock jumps from one timer to the next.
"""

import asyncio
import contextlib
from typing import Any

import pytest

from app.server.ending import SHUTDOWN_TIMEOUT
from app.server.leaving import DEFAULT_LIMITS
from app.server.receive_queue import MAX_BYTES, MAX_MESSAGES
from app.server.send_buffer import BYTES_PER_TURN
from app.server.turns import FRAMES_PER_SHARE
from app.server.websocket_protocol import COMPRESSION_COST
from app.websocket.channel import Acceptance, ConcurrentRecvError
from app.websocket.close import CloseCause, ClosedBy, CloseRecord, ConnectionClosed
from app.websocket.compression import CompressionConfig, negotiate
from app.websocket.frames import Opcode, encode_close, encode_control, encode_message
from app.websocket.limits import Limits
from app.websocket.traffic import Traffic
from tests.helpers.direct_connection import (
    HANDSHAKE_TIMEOUT,
    TIMEOUT,
    Connection,
    connect,
    end_of,
    turn,
)
from tests.helpers.raw_client import encode
from tests.helpers.raw_client import encode_close as close_of_client
from tests.helpers.virtual_time import VIRTUAL_TIME

CLOSE_TIMEOUT = 5.0

PING = encode_control(Opcode.PING, b"")
MISTAKE = b"\x81\x02hi"  # a frame without a mask


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


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


@pytest.mark.parametrize(("size", "turns_between"), [(65536, True), (10, False)])
async def test_sender_of_compressed_messages_gives_others_a_turn(
    size: int, turns_between: bool
) -> None:
    """To compress takes longer than to send what little comes of it."""
    connection = await connect_compressing()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    for _ in range(64):
        await connection.protocol.send(b"x" * size)
    counting.cancel()
    await turn()
    assert len(connection.transport.written) < 64 * 1024, "by its bytes it would never wait"

    # A quarter of the bytes that may be sent without.
    assert turns == (64 * size * COMPRESSION_COST // BYTES_PER_TURN // 2 if turns_between else 0)


async def connect_compressing() -> Connection:
    agreement = negotiate([b"permessage-deflate"], CompressionConfig(enabled=True, threshold=0))
    assert agreement is not None
    connection = Connection()
    await connection.protocol.accept(Acceptance(Limits(ping_interval=0), compression=agreement))
    connection.transport.writes.clear()
    return connection


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
    count = FRAMES_PER_SHARE * 3
    connection.receive_bytes(*(encode(Opcode.TEXT, b"%d" % n) for n in range(count)))

    first = []
    while (message := connection.protocol.receive_nowait()) is not None:
        first.append(message)
    assert first == [str(n) for n in range(FRAMES_PER_SHARE)]
    assert not connection.transport.reading

    rest = [
        await asyncio.wait_for(connection.protocol.receive(), TIMEOUT)
        for _ in range(count - FRAMES_PER_SHARE)
    ]
    assert rest == [str(n) for n in range(FRAMES_PER_SHARE, count)]
    assert connection.transport.reading


async def test_bytes_behind_the_head_of_the_request_are_received() -> None:
    connection = await connect(encode(Opcode.TEXT, b"early"))

    assert connection.protocol.receive_nowait() == "early"


# Slow peers.


async def take(connection: Connection, size: int, times: int) -> None:
    """Let the peer take so many bytes, three times within the send timeout."""
    for _ in range(times):
        await asyncio.sleep(9)
        connection.transport.unsent -= size


async def stalled(**limits: Any) -> Connection:
    """Return a connection whose peer has taken nothing of much that it was sent."""
    connection = await connect(send_timeout=30, send_buffer_high=900, send_buffer_low=0, **limits)
    await connection.protocol.send(b"x" * 100_000)
    await turn()
    connection.transport.unsent = 100_000
    connection.protocol.pause_writing()
    return connection


async def test_peer_that_takes_as_much_as_may_wait_within_the_send_timeout_lives() -> None:
    connection = await stalled()
    await take(connection, 301, times=100)
    assert connection.protocol.closed is None

    await asyncio.sleep(61)
    assert connection.end.cause is CloseCause.SLOW_CONSUMER


async def test_peer_that_takes_less_is_given_up() -> None:
    connection = await stalled()
    await take(connection, 299, times=4)

    assert connection.end.cause is CloseCause.SLOW_CONSUMER
    assert connection.end.duration == pytest.approx(30)


async def test_peer_that_took_too_little_of_the_handshake_already_is_given_up() -> None:
    """A transport tells only once that it has enough."""
    connection = Connection()
    connection.transport.unsent = 100_000
    connection.protocol.pause_writing()
    await connection.accept(send_timeout=30)
    await connection.lives(29)
    assert connection.protocol.closed is None

    await connection.lives(31)
    assert connection.end.cause is CloseCause.SLOW_CONSUMER


async def test_peer_that_takes_all_in_time_lives() -> None:
    connection = await stalled()
    await connection.lives(29)
    connection.transport.unsent = 0
    connection.protocol.resume_writing()
    await connection.lives(1000)

    assert connection.protocol.closed is None


async def test_slow_peer_is_neither_given_up_nor_pinged_meanwhile() -> None:
    connection = await stalled(ping_interval=5, ping_timeout=1)
    await connection.lives(29)
    assert PING not in connection.transport.written
    assert connection.protocol.closed is None


# Idle connections.


async def test_connection_on_which_only_we_send_is_not_idle() -> None:
    connection = await connect(idle_timeout=60, ping_interval=20, ping_timeout=0)
    for count in range(1, 10):
        await connection.lives(count * 50)
        await connection.protocol.send("news")
    assert connection.protocol.closed is None

    await connection.lives(450 + 76)
    assert connection.end.cause is CloseCause.IDLE_TIMEOUT
    assert connection.end.duration == pytest.approx(525)


async def test_connection_on_which_only_the_client_sends_is_not_idle() -> None:
    connection = await connect(idle_timeout=60, ping_interval=20, ping_timeout=0)
    for count in range(1, 10):
        await connection.lives(count * 50)
        connection.receive_bytes(encode(Opcode.TEXT, b"news"))
    assert connection.protocol.closed is None


async def test_connection_whose_messages_nobody_receives_is_not_idle() -> None:
    connection = await connect(idle_timeout=60)
    connection.receive_bytes(encode(Opcode.TEXT, b"news"))
    await connection.lives(1000)
    assert connection.protocol.receive_nowait() == "news"
    await connection.lives(1044)
    assert connection.protocol.closed is None

    await connection.lives(1076)
    assert connection.end.cause is CloseCause.IDLE_TIMEOUT


async def test_connection_whose_peer_is_waited_for_is_not_idle() -> None:
    connection = await connect(idle_timeout=60, send_timeout=0)
    connection.protocol.pause_writing()
    await connection.lives(1000)
    assert connection.protocol.closed is None

    connection.protocol.resume_writing()
    await connection.lives(1076)
    assert connection.end.cause is CloseCause.IDLE_TIMEOUT


async def test_connection_with_nothing_but_pings_is_idle() -> None:
    connection = await connect(idle_timeout=60, ping_interval=20, ping_timeout=5)
    for count in range(1, 60):
        await connection.lives(count)
        connection.receive_bytes(encode(Opcode.PING), encode(Opcode.PONG))
        await connection.protocol.ping(b"")
    await connection.lives(61)

    assert connection.end.cause is CloseCause.IDLE_TIMEOUT


# Peers that are held back.


async def test_peer_that_is_held_back_and_goes_is_a_lost_connection_behind_what_it_sent() -> None:
    connection = await connect(max_messages_per_second=1)
    connection.receive_bytes(*(encode(Opcode.TEXT, b"%d" % n) for n in range(4)))
    await turn()
    assert not connection.transport.reading
    connection.protocol.connection_lost(ConnectionResetError())
    assert connection.protocol.closed is None

    for number in range(4):
        message = await asyncio.wait_for(connection.protocol.receive(), TIMEOUT)
        assert message == str(number)
        assert connection.now == pytest.approx(number, abs=0.01)
    assert await end_of(connection) == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert connection.now == pytest.approx(3, abs=0.01)
    assert connection.end.traffic.messages_received == 4


async def test_peer_that_is_held_back_is_not_taken_for_silent() -> None:
    connection = await connect(max_bytes_per_second=10, ping_interval=5, ping_timeout=1)
    connection.receive_bytes(encode(Opcode.BINARY, b"x" * 1000))
    await connection.lives(99)
    assert connection.protocol.closed is None
    assert not connection.transport.reading

    await connection.lives(99.9)
    assert connection.transport.reading
    assert connection.protocol.receive_nowait() == b"x" * 1000


async def test_peer_that_is_held_back_can_be_sent_messages_and_be_closed() -> None:
    connection = await connect(max_messages_per_second=1)
    connection.receive_bytes(*[encode(Opcode.TEXT)] * 10, close_of_client(1000))
    await connection.protocol.send("hello")
    await connection.protocol.close(4000, "done", CloseCause.HANDLER_CLOSE)
    assert connection.transport.written == encode_message("hello", 0) + encode_close(4000, "done")
    await turn()

    assert connection.transport.is_closing(), "the peer's close has not been found"


async def test_what_came_before_the_rate_was_exceeded_is_delivered_and_may_be_answered() -> None:
    connection = await connect(max_messages_per_second=2, on_rate_limit="close")
    connection.receive_bytes(*(encode(Opcode.TEXT, b"%d" % n) for n in range(10)))

    assert [await connection.protocol.receive() for _ in range(2)] == ["0", "1"]
    await connection.protocol.send("answer")
    record = await end_of(connection)
    assert record.cause is CloseCause.RATE_LIMIT
    assert record.traffic == Traffic(2, 2, 1, len("answer"))
    assert connection.transport.written == encode_message("answer", 0) + encode_close(
        1008, record.reason
    )
    await turn()
    assert connection.transport.reading, "what else comes is discarded"
    assert not connection.transport.is_closing()
    connection.receive_bytes(close_of_client(1008))
    assert connection.transport.is_closing()


# Rule 1: order.


async def test_close_of_the_peer_is_answered_when_the_reader_reaches_it() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"last"), close_of_client(4001, "bye"))

    assert await connection.protocol.receive() == "last"
    await connection.protocol.send("answer")
    assert await end_of(connection) == CloseRecord(CloseCause.CLIENT_CLOSE, 4001, "bye")
    assert connection.transport.written == encode_message("answer", 0) + encode_close(4001, "bye")
    assert connection.transport.is_closing()


async def test_close_that_no_reader_reaches_is_answered_in_time() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"unread"), close_of_client(1000))
    await connection.lives(CLOSE_TIMEOUT - 0.1)
    assert connection.transport.written == b""
    await connection.lives(CLOSE_TIMEOUT + 0.1)
    assert connection.transport.is_closing()

    assert connection.transport.written == encode_close(1000, "")
    with pytest.raises(ConnectionClosed):
        await connection.protocol.send("too late")
    assert await connection.protocol.receive() == "unread"
    assert (await end_of(connection)).code == 1000


async def test_handler_that_returns_answers_a_close_it_has_not_read() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"unread"), close_of_client(4001, "bye"))
    await connection.protocol.close(1000, "", CloseCause.HANDLER_RETURNED)

    assert connection.protocol.closed == CloseRecord(CloseCause.CLIENT_CLOSE, 4001, "bye")
    assert connection.transport.written == encode_close(4001, "bye")


async def test_mistake_of_the_peer_is_answered_behind_what_came_before_it() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"good"), MISTAKE)

    assert await connection.protocol.receive() == "good"
    record = await end_of(connection)
    assert (record.closed_by, record.code) == (ClosedBy.SERVER, 1002)
    assert connection.transport.written == encode_close(1002, record.reason)


async def test_end_of_the_stream_is_a_lost_connection_behind_what_came_before_it() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"last"))

    assert connection.protocol.eof_received()
    assert await connection.protocol.receive() == "last"
    assert await end_of(connection) == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert connection.transport.is_closing()


async def test_end_of_a_tls_stream_is_the_end_of_the_transport() -> None:
    connection = await connect(can_write_eof=False)

    assert not connection.protocol.eof_received()


async def test_what_was_received_before_the_transport_went_is_delivered() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"last"))
    connection.protocol.connection_lost(ConnectionResetError())

    assert await connection.protocol.receive() == "last"
    assert await end_of(connection) == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
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
    count = FRAMES_PER_SHARE * 3
    connection.receive_bytes(*[encode(Opcode.TEXT, b"x")] * count, close_of_client(4000, "bye"))
    if ending == "eof":
        connection.protocol.eof_received()
    connection.protocol.connection_lost(None)

    for _ in range(count):
        assert await asyncio.wait_for(connection.protocol.receive(), TIMEOUT) == "x"
    assert await end_of(connection) == CloseRecord(CloseCause.CLIENT_CLOSE, 4000, "bye")


# What came before the transport went.


MUCH = 3 * MAX_MESSAGES
"""Messages that take many shares, and more room than the queue has."""


async def lost_amid(*frames: bytes, **limits: Any) -> Connection:
    """Return a connection that was lost when all this had come but was not read yet."""
    connection = await connect(**limits)
    connection.receive_bytes(*frames)
    connection.transport.close()
    connection.protocol.connection_lost(ConnectionResetError())
    assert connection.protocol.closed is None
    return connection


async def test_connection_that_is_lost_ends_behind_all_that_had_come() -> None:
    connection = await lost_amid(*(encode(Opcode.TEXT, b"%d" % n) for n in range(MUCH)))
    for number in range(MUCH):
        assert await asyncio.wait_for(connection.protocol.receive(), TIMEOUT) == str(number)

    assert await end_of(connection) == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert connection.now < 0.1
    assert connection.end.traffic == Traffic(MUCH, sum(len(str(n)) for n in range(MUCH)))
    assert connection.lost == [connection.protocol]
    assert len(connection.ends) == 1


async def test_connection_that_is_lost_is_read_no_faster_than_it_is_received() -> None:
    connection = await lost_amid(*[encode(Opcode.TEXT)] * MUCH)
    await connection.lives(CLOSE_TIMEOUT - 0.1)
    assert connection.protocol.closed is None
    assert connection.lost == []

    await connection.lives(CLOSE_TIMEOUT + 0.1)
    assert connection.end == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert connection.lost == [connection.protocol]
    received = connection.end.traffic.messages_received
    assert MAX_MESSAGES <= received < MAX_MESSAGES + FRAMES_PER_SHARE
    for _ in range(received):
        assert await connection.protocol.receive() == ""
    assert await end_of(connection) is connection.end


async def test_handler_that_is_slow_does_not_keep_a_lost_connection() -> None:
    connection = await lost_amid(*[encode(Opcode.TEXT)] * 100 * MUCH)
    for _ in range(50):
        await asyncio.sleep(0.1)
        await connection.protocol.receive()
    await asyncio.sleep(0.1)

    assert connection.end.cause is CloseCause.CONNECTION_LOST
    assert connection.end.duration == pytest.approx(CLOSE_TIMEOUT)


async def test_close_frame_among_the_rest_is_the_peers() -> None:
    messages = [encode(Opcode.TEXT)] * MUCH
    connection = await lost_amid(*messages, close_of_client(4001, "bye"), encode(Opcode.TEXT))
    for _ in range(MUCH):
        await asyncio.wait_for(connection.protocol.receive(), TIMEOUT)

    assert await end_of(connection) == CloseRecord(CloseCause.CLIENT_CLOSE, 4001, "bye")
    assert connection.transport.written == b""


async def test_mistake_among_the_rest_is_the_end() -> None:
    connection = await lost_amid(*[encode(Opcode.TEXT)] * MUCH, MISTAKE)
    for _ in range(MUCH):
        await asyncio.wait_for(connection.protocol.receive(), TIMEOUT)

    assert (await end_of(connection)).cause is CloseCause.PROTOCOL_ERROR
    assert connection.transport.written == b""


async def test_rate_cannot_be_got_around_by_leaving() -> None:
    messages = [encode(Opcode.TEXT)] * 10_000
    connection = await lost_amid(*messages, max_messages_per_second=100, on_rate_limit="close")
    for _ in range(100):
        assert await asyncio.wait_for(connection.protocol.receive(), TIMEOUT) == ""

    record = await end_of(connection)
    assert record.cause is CloseCause.RATE_LIMIT
    assert record.traffic.messages_received == 100
    assert connection.now < 0.1


@pytest.mark.parametrize("way", ["close", "leave", "shutdown"])
async def test_lost_connection_that_is_closed_by_us_was_lost(way: str) -> None:
    connection = await lost_amid(*[encode(Opcode.TEXT)] * MUCH)
    await connection.protocol.receive()
    if way == "close":
        await connection.protocol.close(4000, "done", CloseCause.HANDLER_CLOSE)
    elif way == "leave":
        connection.protocol.leave(CloseCause.HANDLER_RETURNED)
    else:
        connection.protocol.shutdown()

    assert connection.end == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert connection.transport.written == b""
    assert connection.ends == [connection.end]
    assert connection.lost == [connection.protocol]
    await connection.lives(100)
    assert connection.lost == [connection.protocol]
    assert not connection.transport.aborted.is_set()


async def test_what_is_sent_to_a_lost_connection_goes_nowhere() -> None:
    connection = await lost_amid(*[encode(Opcode.TEXT)] * MUCH)
    await connection.protocol.send("hello")
    await connection.protocol.ping(b"")
    await turn()
    assert connection.transport.written == b""

    await connection.lives(CLOSE_TIMEOUT + 0.1)
    with pytest.raises(ConnectionClosed):
        await connection.protocol.send("hello")


async def test_loss_of_a_peer_that_took_nothing_is_told_at_once() -> None:
    """Who sends waits for nothing any more; what had come can still be received."""
    connection = await connect()
    connection.receive_bytes(*[encode(Opcode.TEXT, b"hello")] * MUCH)
    connection.protocol.pause_writing()
    sending = [asyncio.ensure_future(connection.protocol.send("slow")) for _ in range(3)]
    await turn()
    assert not any(each.done() for each in sending)
    connection.protocol.connection_lost(None)

    assert connection.end == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    await turn()
    assert connection.now < 0.1
    for each in sending:
        with pytest.raises(ConnectionClosed):
            await each
    for _ in range(connection.end.traffic.messages_received):
        assert await connection.protocol.receive() == "hello"
    assert await end_of(connection) is connection.end


async def test_reader_that_waits_for_its_rate_gets_what_comes_of_a_lost_connection() -> None:
    connection = await lost_amid(*[encode(Opcode.TEXT)] * 2, max_messages_per_second=1)
    await connection.protocol.receive()
    receiving = asyncio.ensure_future(connection.protocol.receive())
    await connection.lives(0.5)
    assert not receiving.done()

    assert await asyncio.wait_for(receiving, TIMEOUT) == ""
    assert connection.now == pytest.approx(1, abs=0.01)


async def test_end_of_the_stream_waits_for_what_is_to_be_read_and_can_be_answered() -> None:
    connection = await connect()
    connection.receive_bytes(*[encode(Opcode.TEXT, b"x")] * MUCH)
    assert connection.protocol.eof_received()
    await connection.lives(10 * CLOSE_TIMEOUT)
    assert connection.protocol.closed is None

    for _ in range(MUCH):
        assert await asyncio.wait_for(connection.protocol.receive(), TIMEOUT) == "x"
    await connection.protocol.send("answer")
    assert await end_of(connection) == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert connection.transport.written.startswith(encode_message("answer", 0) + b"\x88")
    assert connection.transport.is_closing()


@pytest.mark.parametrize("limits", [{}, {"max_messages_per_second": 10, "on_rate_limit": "close"}])
async def test_end_of_the_stream_that_has_been_seen_is_not_waited_for(
    limits: dict[str, Any],
) -> None:
    """Also if there was more to be read when it came: no other end of the stream comes."""
    connection = await connect(**limits)
    connection.receive_bytes(*[encode(Opcode.TEXT)] * MUCH)
    assert connection.protocol.eof_received()
    await connection.protocol.close(4000, "done", CloseCause.HANDLER_CLOSE)
    await connection.lives(0.1)

    assert connection.transport.is_closing()
    assert not connection.transport.aborted.is_set()


@pytest.mark.parametrize("frame", [encode(Opcode.PING), encode(Opcode.TEXT)], ids=["ping", "text"])
async def test_close_that_came_behind_too_much_is_found_at_once_when_we_close(
    frame: bytes,
) -> None:
    connection = await connect(max_messages_per_second=1, max_control_frames_per_second=1)
    connection.receive_bytes(*[frame] * 10, close_of_client(1000))
    await connection.lives(0.1)
    await connection.protocol.close(4000, "done", CloseCause.HANDLER_CLOSE)

    assert connection.transport.is_closing()
    assert connection.end.cause is CloseCause.HANDLER_CLOSE


# Rule 2: lingering.


async def test_after_our_close_the_transport_stays_until_the_peer_has_closed() -> None:
    connection = await connect()
    await connection.protocol.close(4000, "done", CloseCause.HANDLER_CLOSE)
    assert connection.transport.written == encode_close(4000, "done")
    connection.receive_bytes(encode(Opcode.TEXT, b"crossing"), encode(Opcode.PING, b"x"))
    assert not connection.transport.is_closing()
    connection.receive_bytes(close_of_client(4000))

    assert connection.transport.is_closing()
    assert connection.transport.written == encode_close(4000, "done")


async def test_peer_that_does_not_close_is_waited_for_in_bounds() -> None:
    connection = await connect()
    await connection.protocol.close(1000, "", CloseCause.HANDLER_RETURNED)
    await connection.lives(CLOSE_TIMEOUT - 0.1)
    assert not connection.transport.is_closing()

    await connection.lives(CLOSE_TIMEOUT + 0.1)
    assert connection.transport.aborted.is_set()


async def test_peer_that_still_takes_what_it_was_sent_is_waited_for_longer() -> None:
    connection = await connect(send_buffer_high=1000, send_buffer_low=0)
    await connection.protocol.send(b"x" * 10_000)
    await turn()
    connection.transport.unsent = 10_000
    await connection.protocol.close(1000, "", CloseCause.HANDLER_RETURNED)
    for count in range(1, 6):
        connection.transport.unsent -= 1000
        await connection.lives(CLOSE_TIMEOUT * count + 0.1)
        assert not connection.transport.is_closing()

    await connection.lives(CLOSE_TIMEOUT * 6 + 0.1)
    assert connection.transport.aborted.is_set()


async def test_peer_that_takes_too_little_of_what_it_was_sent_is_not_waited_for() -> None:
    connection = await connect(send_buffer_high=1000, send_buffer_low=0)
    await connection.protocol.send(b"x" * 10_000)
    await turn()
    connection.transport.unsent = 10_000
    await connection.protocol.close(1000, "", CloseCause.HANDLER_RETURNED)
    connection.transport.unsent -= 999

    await connection.lives(CLOSE_TIMEOUT + 0.1)
    assert connection.transport.aborted.is_set()


async def test_after_our_close_the_end_of_the_stream_ends_the_transport() -> None:
    connection = await connect()
    await connection.protocol.close(1000, "", CloseCause.HANDLER_RETURNED)
    connection.protocol.eof_received()

    assert connection.transport.is_closing()


async def test_reading_that_was_paused_goes_on_after_our_close() -> None:
    connection = await connect()
    for _ in range(MAX_MESSAGES):
        connection.receive_bytes(encode(Opcode.TEXT, b"unread"))
    assert not connection.transport.reading
    await connection.protocol.close(1000, "", CloseCause.HANDLER_RETURNED)

    assert connection.transport.reading


async def test_after_a_mistake_the_peer_sees_that_nothing_more_comes() -> None:
    connection = await connect()
    connection.receive_bytes(MISTAKE)
    await end_of(connection)

    assert connection.transport.eof_written
    assert not connection.transport.is_closing()
    connection.receive_bytes(b"whatever follows is discarded" * 1000)
    connection.protocol.eof_received()
    assert connection.transport.is_closing()


async def test_after_a_mistake_on_tls_the_peer_has_a_moment_to_read_why() -> None:
    connection = await connect(can_write_eof=False)
    connection.receive_bytes(MISTAKE)
    await end_of(connection)
    await connection.lives(0.9)
    assert not connection.transport.is_closing()

    await connection.lives(1.1)
    assert connection.transport.is_closing()
    await connection.lives(1 + CLOSE_TIMEOUT - 0.1)
    assert not connection.transport.aborted.is_set()
    await connection.lives(1 + CLOSE_TIMEOUT + 0.1)
    assert connection.transport.aborted.is_set(), "it may wait for the peer much longer"


async def test_mistake_after_our_close_ends_the_wait_for_the_peers() -> None:
    connection = await connect()
    await connection.protocol.close(1000, "", CloseCause.HANDLER_RETURNED)
    connection.receive_bytes(MISTAKE)

    assert connection.transport.eof_written


async def test_closing_twice_is_harmless() -> None:
    connection = await connect()
    await connection.protocol.close(4000, "first", CloseCause.HANDLER_CLOSE)
    await connection.protocol.close(4001, "second", CloseCause.HANDLER_CLOSE)

    assert connection.protocol.closed == CloseRecord(CloseCause.HANDLER_CLOSE, 4000, "first")
    assert connection.transport.written == encode_close(4000, "first")


async def test_shutdown_says_1001_and_does_not_wait_for_a_handler_that_waits() -> None:
    connection = await connect()
    connection.protocol.task = asyncio.create_task(wait_for_ever())
    connection.protocol.shutdown()

    assert connection.transport.written == encode_close(1001, "")
    await connection.lives(SHUTDOWN_TIMEOUT - 0.1)
    assert not connection.transport.is_closing()
    await connection.lives(SHUTDOWN_TIMEOUT + 0.1)
    assert connection.transport.aborted.is_set()
    assert connection.protocol.task.cancelled()


async def test_task_that_outlives_its_connection_is_found_by_a_shutdown() -> None:
    connection = await connect()
    connection.protocol.task = task = asyncio.create_task(wait_for_ever())
    connection.protocol.connection_lost(None)
    assert connection.lost == []
    connection.protocol.shutdown()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)
    await turn()

    assert connection.lost == [connection.protocol]
    assert not connection.transport.aborted.is_set()


async def test_everybody_who_waits_for_the_end_is_told() -> None:
    connection = await connect()
    waiting = [asyncio.ensure_future(connection.protocol.wait_closed()) for _ in range(2)]
    await turn()
    await connection.protocol.close(4000, "done", CloseCause.HANDLER_CLOSE)

    records = await asyncio.wait_for(asyncio.gather(*waiting), TIMEOUT)
    assert records == [CloseRecord(CloseCause.HANDLER_CLOSE, 4000, "done")] * 2


# Rule 3: paused reading.


async def test_peer_that_is_silent_after_a_ping_is_given_up() -> None:
    connection = await connect(ping_interval=20, ping_timeout=5)
    record = await asyncio.wait_for(connection.protocol.wait_closed(), TIMEOUT)

    assert (record.closed_by, record.code) == (ClosedBy.SERVER, 1011)
    assert connection.transport.written == PING + encode_close(1011, "keepalive ping timeout")
    assert 20 <= connection.now <= 25.1


async def test_anything_that_comes_after_a_ping_counts_as_life() -> None:
    connection = await connect(ping_interval=20, ping_timeout=5)
    frames = [encode(Opcode.PONG), encode(Opcode.PONG, b"unasked"), encode(Opcode.TEXT), b"\x81"]
    for pings, frame in enumerate(frames, 1):
        await pinged(connection, pings)
        connection.receive_bytes(frame)
        await asyncio.sleep(5)
        assert connection.protocol.closed is None


async def test_what_came_before_a_ping_does_not_count_as_life() -> None:
    connection = await connect(ping_interval=20, ping_timeout=5)
    await connection.lives(14.9)
    connection.receive_bytes(encode(Opcode.TEXT, b"hello"))
    record = await asyncio.wait_for(connection.protocol.wait_closed(), TIMEOUT)

    assert record.cause is CloseCause.PING_TIMEOUT


async def test_pong_is_not_missed_while_we_do_not_read_but_pings_go_on() -> None:
    connection = await connect(ping_interval=20, ping_timeout=5)
    for _ in range(MAX_MESSAGES):
        connection.receive_bytes(encode(Opcode.TEXT, b"unread"))
    assert not connection.transport.reading
    await connection.lives(100)

    assert connection.transport.written.count(PING) in (4, 5, 6)
    assert connection.protocol.closed is None


async def test_silence_counts_from_when_we_read_again() -> None:
    connection = await connect(ping_interval=20, ping_timeout=5)
    for _ in range(MAX_MESSAGES):
        connection.receive_bytes(encode(Opcode.TEXT, b"unread"))
    await pinged(connection, 1)
    while not connection.transport.reading:
        connection.protocol.receive_nowait()
    await asyncio.sleep(6)
    assert connection.protocol.closed is None

    record = await asyncio.wait_for(connection.protocol.wait_closed(), TIMEOUT)
    assert record.cause is CloseCause.PING_TIMEOUT


async def test_pong_to_a_ping_that_could_not_be_sent_is_not_missed() -> None:
    connection = await connect(ping_interval=20, ping_timeout=5, send_timeout=0)
    connection.protocol.pause_writing()
    await connection.lives(1000)
    connection.protocol.resume_writing()
    await turn()

    assert connection.protocol.closed is None
    assert PING not in connection.transport.written


async def pinged(connection: Connection, times: int) -> None:
    """Let the time pass up to that ping."""
    while connection.transport.written.count(PING) < times:  # noqa: ASYNC110 (time only jumps)
        await asyncio.sleep(1)


async def test_two_tasks_cannot_wait_for_messages_at_once() -> None:
    connection = await connect()
    first = asyncio.ensure_future(connection.protocol.receive())
    await turn()

    with pytest.raises(ConcurrentRecvError):
        await connection.protocol.receive()
    connection.receive_bytes(encode(Opcode.TEXT, b"for the first"))
    assert await asyncio.wait_for(first, TIMEOUT) == "for the first"


# The opening handshake.


async def test_handshake_that_is_not_answered_is_refused_in_time() -> None:
    connection = Connection()
    await connection.lives(HANDSHAKE_TIMEOUT - 0.1)
    assert connection.transport.written == b""

    await connection.lives(HANDSHAKE_TIMEOUT + 0.1)
    assert connection.transport.written.startswith(b"HTTP/1.1 503 ")
    record = CloseRecord(CloseCause.HANDSHAKE_TIMEOUT, 1006, "refused with 503")
    assert connection.end == record
    with pytest.raises(ConnectionClosed) as caught:
        await connection.accept()
    assert caught.value.record == record
    with pytest.raises(ConnectionClosed):
        await connection.protocol.refuse(401, [], b"")


async def test_application_that_takes_too_long_for_the_handshake_is_cancelled() -> None:
    connection = Connection()
    connection.protocol.task = asyncio.create_task(wait_for_ever())
    await connection.lives(HANDSHAKE_TIMEOUT - 0.1)
    assert not connection.protocol.task.done()

    await connection.lives(HANDSHAKE_TIMEOUT + 0.1)
    assert connection.protocol.task.cancelled()


async def test_handshake_that_is_answered_in_time_is_not_refused() -> None:
    connection = Connection()
    await connection.lives(HANDSHAKE_TIMEOUT - 0.1)
    await connection.accept()
    await connection.lives(HANDSHAKE_TIMEOUT + 100)

    assert connection.protocol.closed is None
    assert connection.transport.written.startswith(b"HTTP/1.1 101 ")


async def test_refusal_is_the_last_that_the_client_is_sent() -> None:
    connection = Connection(early=encode(Opcode.TEXT, b"early"))
    await connection.protocol.refuse(401, [(b"x-why", b"no")], b"say please")

    assert connection.transport.written.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nx-why: no\r\n" in connection.transport.written
    assert connection.transport.written.endswith(b"\r\n\r\nsay please")
    assert connection.transport.eof_written
    assert connection.end == CloseRecord(CloseCause.HANDSHAKE_REFUSED, 1006, "refused with 401")
    with pytest.raises(ConnectionClosed):
        await connection.protocol.send("too late")


async def test_refusal_may_be_more_than_the_client_takes_at_once() -> None:
    connection = Connection()
    connection.transport.unsent = 700_000
    await connection.protocol.refuse(401, [], b"x" * 700_000)
    connection.protocol.pause_writing()
    for count in range(1, 10):
        await connection.lives(CLOSE_TIMEOUT * count - 0.1)
        assert not connection.transport.is_closing()
        connection.transport.unsent -= DEFAULT_LIMITS.send_buffer_high

    connection.protocol.resume_writing()
    assert connection.transport.reading, "or the end of the stream is not seen"
    await connection.lives(CLOSE_TIMEOUT * 11 + 0.1)
    assert connection.transport.aborted.is_set()


async def test_ping_leaves_with_its_payload() -> None:
    connection = await connect()
    await connection.protocol.ping(b"there?")
    await turn()

    assert connection.transport.written == encode_control(Opcode.PING, b"there?")


async def test_application_that_leaves_the_handshake_unanswered_is_refused_with_500() -> None:
    connection = Connection()
    connection.protocol.leave(CloseCause.HANDLER_RETURNED)

    assert connection.transport.written.startswith(b"HTTP/1.1 500 ")
    assert connection.end == CloseRecord(CloseCause.HANDSHAKE_REFUSED, 1006, "refused with 500")


async def test_shutdown_during_the_handshake_refuses_with_503() -> None:
    connection = Connection()
    connection.protocol.shutdown()

    assert connection.transport.written.startswith(b"HTTP/1.1 503 ")
    assert connection.end == CloseRecord(CloseCause.SHUTDOWN, 1006, "refused with 503")
    await connection.lives(SHUTDOWN_TIMEOUT + 0.1)
    assert connection.transport.aborted.is_set()


async def test_client_that_goes_during_the_handshake_is_a_lost_connection() -> None:
    connection = Connection()
    assert not connection.protocol.eof_received()
    connection.protocol.connection_lost(None)

    assert connection.transport.written == b""
    assert connection.end == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    with pytest.raises(ConnectionClosed):
        await connection.accept()


async def test_handshake_that_cannot_be_accepted_so_can_still_be_refused() -> None:
    connection = Connection()
    with pytest.raises(ValueError, match="header"):
        await connection.protocol.accept(Acceptance(Limits(), headers=[(b"x", b"a\r\nb: c")]))
    assert connection.transport.written == b""

    await connection.protocol.refuse(500, [], b"")
    assert connection.transport.written.startswith(b"HTTP/1.1 500 ")


async def test_transport_has_the_handlers_limits_from_the_beginning() -> None:
    connection = await connect(send_buffer_high=1000, send_buffer_low=10)

    assert connection.transport.write_limits == (10, 1000)


async def test_compression_that_was_agreed_on_holds_both_ways() -> None:
    agreement = negotiate([b"permessage-deflate"], CompressionConfig(enabled=True, threshold=0))
    assert agreement is not None
    connection = Connection()
    acceptance = Acceptance(Limits(), compression=agreement)
    await connection.protocol.accept(acceptance)
    assert b": permessage-deflate" in connection.transport.written
    connection.transport.writes.clear()

    await connection.protocol.send("Hello" * 100)
    await turn()
    (frame,) = connection.transport.writes
    assert len(frame) < 100
    connection.receive_bytes(encode(0x40 | Opcode.TEXT, frame[2:]))
    assert connection.protocol.receive_nowait() == "Hello" * 100
