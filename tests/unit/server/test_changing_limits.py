"""Limits that change while a connection is open, on both paths: what its peer sees.

The clock jumps from one timer to the next.
"""

import asyncio
import random
from typing import Any, Final

import pytest

from app.server.asgi_channel import AsgiChannel
from app.websocket.channel import Acceptance
from app.websocket.close import CloseCause, ConnectionClosed
from app.websocket.frames import Opcode, encode_message
from app.websocket.limits import Limits
from tests.helpers.direct_connection import TIMEOUT, Connection, connect, end_of, turn
from tests.helpers.raw_client import encode, encode_close
from tests.helpers.scripted_server import CONNECT, ScriptedServer, close, disconnect, text
from tests.helpers.virtual_time import VIRTUAL_TIME

FOR_EVER: Final = 86400.0

QUIET: Final[dict[str, Any]] = {"ping_interval": 0.0, "send_timeout": 0.0}
"""Options of a connection that nothing ends by itself."""


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def limits(**options: Any) -> Limits:
    return Limits.model_construct(None, **{**QUIET, **options})


# The direct path


def limit(connection: Connection, **options: Any) -> None:
    connection.protocol.set_limits(limits(**options))


async def test_next_message_that_is_longer_than_may_be_by_now_ends_the_connection() -> None:
    connection = await connect()
    connection.receive_bytes(encode(Opcode.TEXT, b"12345678"))
    limit(connection, max_remote_payload=7)
    assert await connection.protocol.receive() == "12345678", "it had come before"

    connection.receive_bytes(encode(Opcode.TEXT, b"1234567"), encode(Opcode.TEXT, b"12345678"))
    assert await connection.protocol.receive() == "1234567"
    end = await end_of(connection)
    assert (end.cause, end.code) == (CloseCause.TOO_BIG, 1009)
    assert end.reason == "a message is longer than 7 bytes"


async def test_next_message_may_be_longer_when_the_limits_say_so() -> None:
    connection = await connect(max_remote_payload=7)
    limit(connection, max_remote_payload=100_000)
    connection.receive_bytes(encode(Opcode.BINARY, bytes(100_000)))

    assert await connection.protocol.receive() == bytes(100_000)


async def test_next_message_leaves_in_frames_of_the_new_size() -> None:
    connection = await connect(fragment_size=0)
    for size in (2, 0, 3):
        limit(connection, fragment_size=size)
        await connection.protocol.send("12345")
        await turn()

    assert connection.transport.writes == [
        encode_message("12345", 2),
        encode_message("12345", 0),
        encode_message("12345", 3),
    ]


async def test_close_timeout_is_the_one_that_holds_when_the_connection_ends() -> None:
    connection = await connect(close_timeout=5)
    limit(connection, close_timeout=50.0)
    await connection.protocol.close(1000, "", CloseCause.HANDLER_CLOSE)
    await connection.lives(49)
    assert not connection.transport.aborted.is_set()

    await connection.lives(51)
    assert connection.transport.aborted.is_set()


async def test_sender_waits_where_less_may_wait_by_now_and_goes_on_where_more_may() -> None:
    connection = await connect(send_buffer_high=1000, send_buffer_low=500)
    limit(connection, send_buffer_high=100, send_buffer_low=50)
    assert connection.transport.write_limits == (50, 100)

    limit(connection, send_buffer_high=4000, send_buffer_low=0)
    assert connection.transport.write_limits == (0, 4000)


async def test_transport_that_has_more_than_may_wait_by_now_pauses_and_is_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a transport of asyncio does: within the call that sets the limits."""
    connection = await connect(send_buffer_high=1000, send_buffer_low=500)
    transport = connection.transport
    transport.unsent = 800

    def pause(*_: object) -> None:
        connection.protocol.pause_writing()

    monkeypatch.setattr(transport, "set_write_buffer_limits", pause)
    limit(connection, send_buffer_high=700, send_buffer_low=500, send_timeout=30.0)
    await connection.lives(FOR_EVER)

    assert connection.end.cause is CloseCause.SLOW_CONSUMER
    assert connection.end.duration == pytest.approx(30)


@pytest.mark.parametrize(("seconds", "end"), [(5.0, 15.0), (60.0, 70.0)])
async def test_peer_that_does_not_read_has_all_of_a_new_send_timeout(
    seconds: float, end: float
) -> None:
    connection = await connect(send_timeout=30)
    connection.transport.unsent = 1 << 20
    connection.protocol.pause_writing()
    await connection.lives(10)

    limit(connection, send_timeout=seconds)
    await connection.lives(FOR_EVER)
    assert connection.end.cause is CloseCause.SLOW_CONSUMER
    assert connection.end.duration == pytest.approx(end)


async def test_peer_that_has_taken_its_time_is_given_up_when_a_send_timeout_comes() -> None:
    connection = await connect(send_timeout=0)
    connection.transport.unsent = 1 << 20
    connection.protocol.pause_writing()
    await connection.lives(100)

    limit(connection, send_timeout=30.0)
    await connection.lives(FOR_EVER)
    assert connection.end.cause is CloseCause.SLOW_CONSUMER
    assert connection.end.duration == pytest.approx(130)


async def test_session_that_is_older_than_it_may_be_by_now_ends_with_1001() -> None:
    connection = await connect()
    await connection.lives(100)
    limit(connection, max_session_time=60.0)
    assert connection.protocol.closed is None

    end = await end_of(connection)
    assert (end.cause, end.code) == (CloseCause.SESSION_TIME, 1001)
    assert end.duration == pytest.approx(100)


async def test_reader_that_waits_is_told_of_an_end_that_new_limits_bring() -> None:
    connection = await connect()
    reading = asyncio.create_task(connection.protocol.receive())
    await connection.lives(10)
    limit(connection, idle_timeout=8.0)

    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(reading, TIMEOUT)
    assert closed.value.record.cause is CloseCause.IDLE_TIMEOUT
    assert closed.value.record.duration == pytest.approx(18)


@pytest.mark.parametrize("when", ["before", "closing", "closed", "lost", "ending"])
async def test_limits_that_come_too_early_or_too_late_do_nothing(when: str) -> None:
    connection = Connection()
    if when != "before":
        await connection.accept()
    if when in ("closing", "closed"):
        await connection.protocol.close(1000, "", CloseCause.HANDLER_CLOSE)
    if when == "closed":
        connection.receive_bytes(encode_close(1000))
    if when in ("closed", "lost"):
        connection.protocol.connection_lost(None)
    if when == "ending":
        connection.receive_bytes(encode(Opcode.TEXT, b"hello"), encode_close(1000))
    before = connection.transport.write_limits

    limit(connection, send_buffer_high=7, send_buffer_low=3, max_session_time=0.001)
    await turn()

    assert connection.transport.write_limits == before
    if when == "before":
        await connection.accept(max_session_time=60)
        await connection.lives(59)
        assert connection.protocol.closed is None


# The portable path


class Link:
    """An accepted connection of a server that is known, or not."""

    def __init__(self, known: bool, **options: Any) -> None:
        self.server = ScriptedServer(CONNECT, known=known)
        self.channel = AsgiChannel({}, self.server.receive, self.server.send)
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    async def open(self) -> "Link":
        await self.channel.accept(Acceptance(limits(**self._options)))
        self.server.sent.clear()
        return self

    def limit(self, **options: Any) -> None:
        self.channel.set_limits(limits(**options))

    @property
    def now(self) -> float:
        return self._loop.time() - self._began

    async def lives(self, until: float) -> None:
        await asyncio.sleep(until - self.now)

    async def end(self) -> CloseCause:
        record = await asyncio.wait_for(self.channel.wait_closed(), FOR_EVER)
        await self.channel.close(1000, "", CloseCause.HANDLER_RETURNED)
        return record.cause


@pytest.fixture(params=[True, False], ids=["known", "any-other"])
def known(request: pytest.FixtureRequest) -> bool:
    """Whether something is known of the server."""
    return bool(request.param)


async def test_portable_message_may_be_as_long_as_the_limits_say_by_then(known: bool) -> None:
    link = await Link(known, max_remote_payload=7).open()
    link.limit(max_remote_payload=8)
    link.server.give(text("12345678"))
    assert await link.channel.receive() == "12345678"

    link.limit(max_remote_payload=6)
    link.server.give(text("1234567"))
    with pytest.raises(ConnectionClosed) as closed:
        await link.channel.receive()
    assert closed.value.record.code == 1009
    assert closed.value.record.reason == "a message has at most 6 bytes"
    await link.end()


async def test_portable_client_that_has_to_wait_is_read_on_when_it_need_not(known: bool) -> None:
    link = await Link(known, max_messages_per_second=1).open()
    for number in range(3):
        link.server.give(text(str(number)))
    assert await link.channel.receive() == "0"
    reading = asyncio.create_task(link.channel.receive())
    await link.lives(0.5)
    assert not reading.done()

    link.limit()
    assert await reading == "1"
    assert await link.channel.receive() == "2"
    assert link.now == pytest.approx(0.5)


async def test_portable_client_that_has_to_wait_waits_longer_if_it_has_to(known: bool) -> None:
    link = await Link(known, max_messages_per_second=1).open()
    link.server.give(text("0"))
    link.server.give(text("1"))
    await link.channel.receive()
    reading = asyncio.create_task(link.channel.receive())
    await link.lives(0.5)

    link.limit(max_bytes_per_second=1, max_messages_per_second=1)
    link.server.give(text("2"))
    assert await reading == "1"
    assert link.now == pytest.approx(1.0, abs=0.01)


async def test_portable_client_gets_a_rate_and_is_closed_for_more(known: bool) -> None:
    link = await Link(known).open()
    link.limit(max_messages_per_second=2, on_rate_limit="close")
    for number in range(3):
        link.server.give(text(str(number)))

    assert [await link.channel.receive() for _ in range(2)] == ["0", "1"]
    with pytest.raises(ConnectionClosed) as closed:
        await link.channel.receive()
    assert closed.value.record.code == 1008
    await link.end()


@pytest.mark.parametrize(
    ("options", "cause", "at"),
    [
        ({"idle_timeout": 8.0}, CloseCause.IDLE_TIMEOUT, 108),
        ({"max_session_time": 130.0}, CloseCause.SESSION_TIME, 130),
        ({"max_session_time": 60.0}, CloseCause.SESSION_TIME, 100),
    ],
)
async def test_portable_connection_ends_at_the_time_that_the_limits_say(
    known: bool, options: dict[str, float], cause: CloseCause, at: float
) -> None:
    link = await Link(known, idle_timeout=200.0).open()
    await link.lives(100)
    link.limit(**options)

    assert await link.end() is cause
    assert link.now == pytest.approx(at)


async def test_portable_connection_lasts_when_its_times_have_gone(known: bool) -> None:
    link = await Link(known, idle_timeout=8.0, max_session_time=60.0).open()
    await link.lives(7)
    link.limit()
    await link.lives(FOR_EVER)

    assert link.channel.closed is None


@pytest.mark.parametrize(("seconds", "at"), [(5.0, 15.0), (60.0, 70.0)])
async def test_portable_client_that_takes_nothing_has_all_of_a_new_send_timeout(
    known: bool, seconds: float, at: float
) -> None:
    link = await Link(known, send_timeout=30.0).open()
    link.server.takes.clear()
    sending = asyncio.create_task(link.channel.send("hello"))
    await link.lives(10)
    link.limit(send_timeout=seconds, close_timeout=1.0)

    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(sending, FOR_EVER)
    assert closed.value.record.cause is CloseCause.SLOW_CONSUMER
    assert link.now == pytest.approx(at)
    await link.end()


async def test_portable_limits_that_come_too_early_or_too_late_do_nothing(known: bool) -> None:
    link = Link(known)
    link.limit(max_session_time=0.001)
    await link.open()
    await link.lives(1)
    assert link.channel.closed is None

    link.server.give(disconnect(code=1000, reason="bye"))
    with pytest.raises(ConnectionClosed):
        await link.channel.receive()
    link.limit(max_session_time=0.001, send_timeout=5.0)
    await link.lives(10)
    assert link.server.sent == []


async def test_portable_close_frame_has_as_long_as_the_limits_say_by_then(known: bool) -> None:
    link = await Link(known, close_timeout=5.0).open()
    link.limit(close_timeout=50.0)
    link.server.takes.clear()
    closing = asyncio.create_task(link.channel.close(1000, "", CloseCause.HANDLER_CLOSE))
    await link.lives(49)
    assert not closing.done()

    link.server.takes.set()
    await closing
    assert link.server.sent == [close(1000)]


# Whatever came before the last change


def choose(chooser: random.Random) -> dict[str, Any]:
    """Return limits of which each is one of a few."""
    high = chooser.choice([100, 200])
    return {
        "max_remote_payload": chooser.choice([3, 10, 1000]),
        "max_fragments": chooser.choice([1, 2, 3]),
        "fragment_size": chooser.choice([0, 1, 4]),
        "max_control_frames_per_second": chooser.choice([1, 3, 100]),
        "max_messages_per_second": chooser.choice([0, 0, 2, 5]),
        "max_bytes_per_second": chooser.choice([0, 0, 20, 40]),
        "on_rate_limit": chooser.choice(["pause", "close"]),
        "send_buffer_high": high,
        "send_buffer_low": chooser.choice([0, 50]),
        "idle_timeout": chooser.choice([0.0, 4.4]),
        "close_timeout": chooser.choice([1.5, 3.5]),
    }


async def say(connection: Connection, chooser: random.Random) -> list[object]:
    """Send and receive a few things; return what was to be seen, and when."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    seen: list[object] = []
    for _ in range(6):
        if chooser.random() < 0.3:
            connection.receive_bytes(encode(Opcode.TEXT, b"ab", fin=False))
            connection.receive_bytes(encode(Opcode.CONTINUATION, b"c"))
        size = chooser.choice([1, 3, 4, 10, 11])
        connection.receive_bytes(*[encode(Opcode.TEXT, b"x" * size)] * chooser.choice([1, 3]))
        connection.receive_bytes(*[encode(Opcode.PING, b"p")] * chooser.choice([0, 3]))
        await asyncio.sleep(chooser.choice([0.0, 0.3, 1.1]))
        try:
            while (message := connection.protocol.receive_nowait()) is not None:
                seen.append((loop.time() - began, message))
                await connection.protocol.send(message)
        except ConnectionClosed:
            break
        if connection.protocol.closed:
            break
    await asyncio.sleep(60)
    end = connection.protocol.closed
    seen.append((end and (end.cause, end.code, end.reason), connection.transport.written))
    seen.append((connection.transport.write_limits, connection.transport.aborted.is_set()))
    return seen


@pytest.mark.parametrize("seed", range(300))
async def test_connection_is_as_one_that_has_always_had_its_last_limits(seed: int) -> None:
    chooser = random.Random(seed)
    connection = await connect()
    for _ in range(chooser.randint(1, 4)):
        limit(connection, **choose(chooser))
        await asyncio.sleep(chooser.choice([0.0, 0.4]))
    last = choose(chooser)
    limit(connection, **{**last, "idle_timeout": 0.0})
    await asyncio.sleep(300)  # what it may send at once is as much as it can be
    limit(connection, **last)
    fresh = Connection()
    await fresh.protocol.accept(Acceptance(limits(**last)))
    fresh.transport.writes.clear()

    first, second = await asyncio.gather(
        say(connection, random.Random(seed)), say(fresh, random.Random(seed))
    )
    assert first == second
