"""The limits of a connection on the portable path, at their times: the clock jumps."""

import asyncio
import contextlib
from typing import Any

import pytest

from app.server.asgi_channel import AsgiChannel
from app.server.watch import IDLE_CHECKS
from app.websocket.channel import Acceptance
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.limits import Limits
from app.websocket.traffic import Traffic
from tests.helpers.scripted_server import CONNECT, Event, ScriptedServer, close, disconnect, text
from tests.helpers.virtual_time import VIRTUAL_TIME

FOR_EVER = 86400.0

IDLE = CloseRecord(CloseCause.IDLE_TIMEOUT, 1001, "no message for too long")
SESSION = CloseRecord(CloseCause.SESSION_TIME, 1001, "the session has lasted as long as it may")
SLOW = CloseRecord(CloseCause.SLOW_CONSUMER, 1008, "too slow to take what is sent")
RATE = CloseRecord(CloseCause.RATE_LIMIT, 1008, "more per second than is allowed")


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


@pytest.fixture(params=[True, False], ids=["known", "any-other"])
def known(request: pytest.FixtureRequest) -> bool:
    """Whether something is known of the server."""
    return bool(request.param)


class Link:
    """An accepted connection with these limits, and seconds since."""

    def __init__(self, known: bool, **limits: Any) -> None:
        self.server = ScriptedServer(CONNECT, known=known)
        self.channel = AsgiChannel({}, self.server.receive, self.server.send)
        self._limits = Limits.model_construct(**{"send_timeout": 0.0, **limits})
        self._loop = asyncio.get_running_loop()
        self._began = 0.0

    @property
    def now(self) -> float:
        return self._loop.time() - self._began

    async def open(self) -> "Link":
        self._tasks = asyncio.all_tasks()
        await self.channel.accept(Acceptance(self._limits))
        self._began = self._loop.time()
        self.server.sent.clear()
        return self

    async def end_of_receiving(self) -> CloseRecord:
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(self.channel.receive(), FOR_EVER)
        return caught.value.record

    async def end_of_sending(self) -> CloseRecord:
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(self.channel.send("hello"), FOR_EVER)
        return caught.value.record

    async def finish(self) -> list[Event]:
        """Do what is done when the handler has returned; return what the server was given."""
        async with asyncio.timeout(FOR_EVER):
            await self.channel.close(1000, "", CloseCause.HANDLER_RETURNED)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == self._tasks, "no task outlives the handler"
        return self.server.sent


# Time


async def test_connection_without_a_message_ends_and_wakes_its_reader(known: bool) -> None:
    link = await Link(known, idle_timeout=8.0).open()

    assert await link.end_of_receiving() == IDLE
    assert 8.0 <= link.now <= 8.0 * (1 + 1 / IDLE_CHECKS)
    assert await link.finish() == [close(1001, IDLE.reason)]


@pytest.mark.parametrize("way", ["in", "out"])
async def test_message_either_way_lets_an_idle_connection_go_on(known: bool, way: str) -> None:
    link = await Link(known, idle_timeout=8.0).open()
    for _ in range(4):
        await asyncio.sleep(6)
        if way == "in":
            link.server.give(text("hello"))
            await link.channel.receive()
        else:
            await link.channel.send("hello")

    assert link.channel.closed is None
    assert await link.end_of_receiving() == IDLE
    assert 24.0 + 8.0 <= link.now <= 24.0 + 8.0 * (1 + 2 / IDLE_CHECKS)
    await link.finish()


async def test_session_ends_at_its_time_whatever_is_said(known: bool) -> None:
    link = await Link(known, max_session_time=30.0).open()
    for _ in range(4):
        await asyncio.sleep(7)
        await link.channel.send("hello")
        link.server.give(text("hello"))
        await link.channel.receive()

    assert await link.end_of_receiving() == SESSION
    assert link.now == pytest.approx(30.0)
    assert (await link.finish())[-1] == close(1001, SESSION.reason)


async def test_handler_that_does_neither_can_wait_for_the_end(known: bool) -> None:
    link = await Link(known, max_session_time=30.0).open()

    assert await asyncio.wait_for(link.channel.wait_closed(), FOR_EVER) == SESSION
    assert await link.end_of_sending() == SESSION
    assert await link.end_of_receiving() == SESSION
    await link.finish()


async def test_event_that_receive_nowait_waits_for_does_not_outlive_the_session(
    known: bool,
) -> None:
    link = await Link(known, max_session_time=30.0).open()
    assert link.channel.receive_nowait() is None
    await asyncio.sleep(29)
    assert link.channel.receive_nowait() is None
    await asyncio.sleep(2)

    with pytest.raises(ConnectionClosed):
        link.channel.receive_nowait()
    await link.finish()


async def test_connection_that_has_ended_before_is_left_alone(known: bool) -> None:
    link = await Link(known, max_session_time=30.0, idle_timeout=8.0).open()
    link.server.give(disconnect(code=1000, reason="bye"))
    record = await link.end_of_receiving()
    await asyncio.sleep(60)

    assert record == CloseRecord(CloseCause.CLIENT_CLOSE, 1000, "bye")
    assert await link.finish() == []


# Clients that do not take what they are sent


async def test_client_that_takes_nothing_ends_all_that_waits_for_it(known: bool) -> None:
    link = await Link(known, send_timeout=30.0).open()
    link.server.takes.clear()

    ends = await asyncio.gather(
        link.end_of_sending(), link.end_of_receiving(), link.end_of_sending()
    )

    assert list(ends) == [SLOW, SLOW, SLOW]
    assert link.now == pytest.approx(30.0)


async def test_close_frame_that_is_not_taken_is_given_up(known: bool) -> None:
    link = await Link(known, send_timeout=30.0, close_timeout=5.0).open()
    link.server.takes.clear()
    assert await link.end_of_sending() == SLOW

    assert await link.finish() == []
    assert link.now == pytest.approx(35.0)


async def test_close_of_a_handler_waits_no_longer_than_the_close_timeout(known: bool) -> None:
    link = await Link(known, close_timeout=5.0).open()
    link.server.takes.clear()

    assert await link.finish() == []
    assert link.now == pytest.approx(5.0)
    assert link.channel.closed == CloseRecord(CloseCause.HANDLER_RETURNED, 1000)


async def test_sender_is_woken_when_the_session_ends(known: bool) -> None:
    link = await Link(known, max_session_time=30.0).open()
    link.server.takes.clear()

    assert await link.end_of_sending() == SESSION
    assert link.now == pytest.approx(30.0)
    link.server.takes.set()
    assert await link.finish() == [close(1001, SESSION.reason)]


async def test_sender_is_woken_when_another_task_closes(known: bool) -> None:
    link = await Link(known).open()
    link.server.takes.clear()
    sender = asyncio.create_task(link.end_of_sending())
    await asyncio.sleep(1)

    await link.channel.close(4000, "enough", CloseCause.HANDLER_CLOSE)

    assert await sender == CloseRecord(CloseCause.HANDLER_CLOSE, 4000, "enough")
    await link.finish()


async def test_client_that_is_slow_but_takes_each_message_in_time_stays(known: bool) -> None:
    link = await Link(known, send_timeout=30.0).open()
    for _ in range(4):
        link.server.takes.clear()
        asyncio.get_running_loop().call_later(29, link.server.takes.set)
        await link.channel.send("hello")
        await asyncio.sleep(10)

    assert link.channel.closed is None
    await link.finish()


async def test_time_in_which_nobody_sends_does_not_count(known: bool) -> None:
    link = await Link(known, send_timeout=30.0).open()
    await link.channel.send("hello")
    await asyncio.sleep(29)
    link.server.takes.clear()

    assert await link.end_of_sending() == SLOW
    assert link.now == pytest.approx(29.0 + 30.0)
    await link.finish()


# Clients that send too much


async def test_client_may_send_as_many_messages_per_second_as_the_limit_says(known: bool) -> None:
    link = await Link(known, max_messages_per_second=4).open()
    for number in range(12):
        link.server.give(text(str(number)))
    times: list[float] = []
    for number in range(12):
        assert await link.channel.receive() == str(number)
        times.append(link.now)

    assert times[3::4] == pytest.approx([0.0, 1.0, 2.0], abs=0.01)
    await link.finish()


async def test_client_may_send_as_many_bytes_per_second_as_the_limit_says(known: bool) -> None:
    link = await Link(known, max_bytes_per_second=100).open()
    for _ in range(3):
        link.server.give(text("ж" * 100))

    times = []
    for _ in range(3):
        await link.channel.receive()
        times.append(link.now)

    assert times == pytest.approx([0.0, 1.0, 3.0], abs=0.01)
    await link.finish()


async def test_what_comes_too_fast_stays_with_the_server() -> None:
    link = await Link(False, max_messages_per_second=1).open()
    link.server.give(text("first"))
    await link.channel.receive()
    link.server.receives = 0
    link.server.give(text("second"))
    reader = asyncio.create_task(link.channel.receive())
    await asyncio.sleep(0.5)

    assert link.server.receives == 0
    assert await asyncio.wait_for(reader, FOR_EVER) == "second"
    await link.finish()


async def test_receive_nowait_keeps_to_the_rate(known: bool) -> None:
    link = await Link(known, max_messages_per_second=2).open()
    for number in range(4):
        link.server.give(text(str(number)))
    times: dict[str | bytes, float] = {}
    while len(times) < 4:
        message = link.channel.receive_nowait()
        if message is not None:
            times[message] = link.now
        await asyncio.sleep(0.001)

    assert list(times) == ["0", "1", "2", "3"]
    assert times["3"] == pytest.approx(1.0, abs=0.1)
    await link.finish()


async def test_receive_that_is_cancelled_while_the_client_has_to_wait_loses_nothing(
    known: bool,
) -> None:
    link = await Link(known, max_messages_per_second=1).open()
    for number in range(3):
        link.server.give(text(str(number)))
    got: list[str | bytes] = []
    while len(got) < 3:
        with contextlib.suppress(TimeoutError):
            got.append(await asyncio.wait_for(link.channel.receive(), 0.3))

    assert got == ["0", "1", "2"]
    await link.finish()


async def test_end_wakes_a_reader_whose_client_has_to_wait(known: bool) -> None:
    link = await Link(known, max_bytes_per_second=1, max_session_time=30.0).open()
    link.server.give(text("x" * 1000))
    await link.channel.receive()

    assert await link.end_of_receiving() == SESSION
    assert link.now == pytest.approx(30.0)
    await link.finish()


@pytest.mark.parametrize(
    ("limit", "messages"),
    [
        ({"max_messages_per_second": 3}, ["a", "b", "c", "d"]),
        ({"max_bytes_per_second": 30}, ["x" * 10, "y" * 10, "z" * 10, "!"]),
    ],
)
async def test_client_that_sends_more_is_closed_where_the_limits_say_so(
    known: bool, limit: dict[str, int], messages: list[str]
) -> None:
    link = await Link(known, on_rate_limit="close", **limit).open()
    for message in messages:
        link.server.give(text(message))

    assert [await link.channel.receive() for _ in messages[:-1]] == messages[:-1]
    end = await link.end_of_receiving()
    assert end == RATE
    assert end.traffic == Traffic(len(messages) - 1, len("".join(messages[:-1])))
    assert await link.finish() == [close(1008, RATE.reason)]


async def test_client_that_keeps_to_the_rate_is_not_closed(known: bool) -> None:
    link = await Link(known, max_messages_per_second=3, on_rate_limit="close").open()
    for _ in range(12):
        link.server.give(text("hello"))
        await link.channel.receive()
        await asyncio.sleep(0.34)

    assert link.channel.closed is None
    await link.finish()
