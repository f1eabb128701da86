"""Waits that are broken off, beside cancellations of somebody else."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.server.asgi_waits import Nap, SendTimer, Waits
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from tests.helpers.virtual_time import VirtualTimeLoop

TIMEOUT = 5.0

RECORD = CloseRecord(CloseCause.SESSION_TIME, 1001)


async def begun(waits: Waits, awaitable: Awaitable[object]) -> "asyncio.Task[object]":
    """Return a task that waits."""
    task = asyncio.create_task(waits.wait(awaitable))
    await asyncio.sleep(0)
    return task


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_wait_gives_what_is_waited_for() -> None:
    assert await Waits().wait(asyncio.sleep(0, "done")) == "done"


async def test_all_waits_are_broken_off_with_the_record() -> None:
    waits = Waits()
    tasks = [await begun(waits, for_ever()) for _ in range(3)]

    waits.break_off(RECORD)

    for task in tasks:
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(task, TIMEOUT)
        assert caught.value.record is RECORD
        assert not task.cancelling()


async def test_wait_that_is_over_is_not_broken_off() -> None:
    waits = Waits()
    await waits.wait(asyncio.sleep(0))

    waits.break_off(RECORD)

    await asyncio.sleep(0)


async def test_failure_of_what_is_waited_for_is_passed_on() -> None:
    async def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await Waits().wait(fail())


async def test_wait_that_somebody_cancels_is_cancelled() -> None:
    waits = Waits()
    task = await begun(waits, for_ever())

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)
    waits.break_off(RECORD)


@pytest.mark.parametrize("first", ["cancelled", "broken off"])
async def test_wait_that_is_cancelled_and_broken_off_at_once_is_cancelled(first: str) -> None:
    waits = Waits()
    task = await begun(waits, for_ever())
    if first == "cancelled":
        task.cancel()
    waits.break_off(RECORD)
    if first == "broken off":
        task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)


async def test_time_limit_around_a_wait_that_is_broken_off_has_not_run_out() -> None:
    waits = Waits()

    async def wait_shortly() -> None:
        async with asyncio.timeout(TIMEOUT):
            await waits.wait(for_ever())

    task = asyncio.create_task(wait_shortly())
    await asyncio.sleep(0)
    waits.break_off(RECORD)

    with pytest.raises(ConnectionClosed):
        await task


async def test_server_that_takes_no_notice_of_a_cancellation_is_broken_off_when_it_is_done() -> (
    None
):
    waits = Waits()
    go_on = asyncio.Event()

    async def stubborn() -> str:
        try:
            await for_ever()
        except asyncio.CancelledError:
            await go_on.wait()
        return "done"

    task = await begun(waits, stubborn())
    waits.break_off(RECORD)
    await asyncio.sleep(0)
    go_on.set()

    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(task, TIMEOUT)
    assert not task.cancelling()


# Naps


async def test_nap_is_over_in_its_time() -> None:
    await asyncio.wait_for(Nap().sleep(0.01), TIMEOUT)


async def test_nap_is_over_when_it_is_ended_and_the_next_one_is_not() -> None:
    nap = Nap()
    nap.wake()
    sleeping = asyncio.create_task(nap.sleep(3600))
    await asyncio.sleep(0)
    nap.wake()
    await asyncio.wait_for(sleeping, TIMEOUT)

    again = asyncio.create_task(nap.sleep(3600))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


# Senders


class Stalls:
    """Notes when a timer tells of a stall, in seconds."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.times: list[float] = []
        self.timer = SendTimer(self._note)

    def _note(self) -> None:
        self.times.append(self._loop.time() - self._began)


async def in_virtual_time(*steps: tuple[float, Callable[[SendTimer], None]]) -> list[float]:
    """Return when a timer told of stalls to which this was done, at these times."""
    stalls = Stalls()
    before = 0.0
    for at, step in steps:
        await asyncio.sleep(at - before)
        before = at
        step(stalls.timer)
    await asyncio.sleep(1000)
    return stalls.times


def run(*steps: tuple[float, Callable[[SendTimer], None]]) -> list[float]:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(in_virtual_time(*steps))


def timeout(seconds: float) -> Callable[[SendTimer], None]:
    return lambda timer: timer.set_timeout(seconds)


def test_stall_is_told_after_the_timeout() -> None:
    assert run((0, timeout(30)), (1, SendTimer.begin)) == [31]


@pytest.mark.parametrize(("seconds", "told"), [(5, 15), (60, 70)])
def test_sender_that_waits_has_all_of_a_new_timeout(seconds: float, told: float) -> None:
    assert run((0, timeout(30)), (0, SendTimer.begin), (10, timeout(seconds))) == [told]


def test_sender_that_waits_is_told_of_when_a_timeout_comes() -> None:
    assert run((0, SendTimer.begin), (100, timeout(30))) == [130]


def test_sender_may_wait_when_the_timeout_has_gone() -> None:
    assert run((0, timeout(30)), (0, SendTimer.begin), (29, timeout(0))) == []


def test_same_timeout_once_more_changes_nothing() -> None:
    assert run((0, timeout(30)), (0, SendTimer.begin), (29, timeout(30))) == [30]


def test_new_timeout_tells_of_nobody_if_nobody_sends() -> None:
    steps = [(0, timeout(30)), (0, SendTimer.begin), (1, SendTimer.end), (2, timeout(5))]

    assert run(*steps) == []
    assert run(*steps, (100, SendTimer.begin)) == [105]
