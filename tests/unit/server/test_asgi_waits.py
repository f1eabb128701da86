"""Waits that are broken off, beside cancellations of somebody else."""

import asyncio
from collections.abc import Awaitable

import pytest

from app.server.asgi_waits import Waits
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed

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
