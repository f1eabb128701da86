import asyncio
import contextvars
from collections.abc import AsyncIterator

import pytest

from app.server.waiter import Waiter
from app.websocket.channel import ConcurrentRecvError

TIMEOUT = 10.0

WHOSE = contextvars.ContextVar("whose", default="nobody's")


class Waiting:
    """A task that waits, and counts how often it went on."""

    def __init__(self, times: int = 1) -> None:
        self.waiter = Waiter(asyncio.get_running_loop())
        self.went_on = 0
        self.contexts: list[str] = []
        self.task = asyncio.create_task(self._wait(times))

    async def _wait(self, times: int) -> None:
        WHOSE.set("the task's")
        for _ in range(times):
            await self.waiter
            self.went_on += 1
            self.contexts.append(WHOSE.get())


@pytest.fixture
async def waiting() -> AsyncIterator[Waiting]:
    waiting = Waiting(times=3)
    await asyncio.sleep(0)
    yield waiting
    waiting.task.cancel()


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def in_a_callback(waiting: Waiting) -> list[int]:
    """Wake the task in a callback of the loop; return how often it had gone on when that ended."""
    seen: list[int] = []

    def callback() -> None:
        waiting.waiter.wake_now()
        seen.append(waiting.went_on)

    asyncio.get_running_loop().call_soon(callback)
    return seen


async def test_task_goes_on_in_the_next_turn(waiting: Waiting) -> None:
    assert waiting.waiter.waits

    waiting.waiter.wake()
    assert waiting.went_on == 0
    await turn()

    assert waiting.went_on == 1


async def test_task_goes_on_at_once_in_a_callback(waiting: Waiting) -> None:
    seen = in_a_callback(waiting)
    await turn()

    assert seen == [1]
    assert waiting.waiter.waits, "it waits again"


async def test_task_goes_on_in_its_own_context(waiting: Waiting) -> None:
    WHOSE.set("the caller's")
    in_a_callback(waiting)
    await turn()
    waiting.waiter.wake()
    await turn()

    assert waiting.contexts == ["the task's", "the task's"]
    assert WHOSE.get() == "the caller's"


async def test_task_does_not_go_on_within_another(waiting: Waiting) -> None:
    waiting.waiter.wake_now()
    assert waiting.went_on == 0
    await turn()

    assert waiting.went_on == 1


async def test_task_that_was_woken_twice_goes_on_once(waiting: Waiting) -> None:
    waiting.waiter.wake()
    waiting.waiter.wake()
    waiting.waiter.wake_now()
    await turn()

    assert waiting.went_on == 1


async def test_nobody_may_wait() -> None:
    waiter = Waiter(asyncio.get_running_loop())
    assert not waiter.waits

    waiter.wake()
    waiter.wake_now()

    assert not waiter.cancel()


async def test_task_ends_when_it_has_nothing_more_to_wait_for() -> None:
    waiting = Waiting()
    await turn()
    in_a_callback(waiting)

    await asyncio.wait_for(waiting.task, TIMEOUT)


async def test_second_task_is_refused_and_does_not_disturb_the_first(waiting: Waiting) -> None:
    with pytest.raises(ConcurrentRecvError):
        await waiting.waiter
    waiting.waiter.wake()
    await turn()

    assert waiting.went_on == 1


@pytest.mark.parametrize("message", [None, "enough"])
async def test_task_that_is_cancelled_sees_it(waiting: Waiting, message: str | None) -> None:
    assert waiting.task.cancel(message)

    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.wait_for(waiting.task, TIMEOUT)
    assert caught.value.args == (() if message is None else (message,))
    assert waiting.went_on == 0
    assert not waiting.waiter.waits


async def test_task_that_was_woken_before_it_was_cancelled_goes_on_no_more(
    waiting: Waiting,
) -> None:
    waiting.waiter.wake()
    waiting.task.cancel()
    await turn()

    assert waiting.task.cancelled()
    assert waiting.went_on == 0


async def test_task_that_was_cancelled_is_not_woken(waiting: Waiting) -> None:
    waiting.task.cancel()
    in_a_callback(waiting)
    await turn()

    assert waiting.task.cancelled()
    assert waiting.went_on == 0


async def test_wait_that_was_given_up_may_be_begun_again() -> None:
    waiter = Waiter(asyncio.get_running_loop())
    gave_up = asyncio.Event()

    async def wait() -> None:
        try:
            async with asyncio.timeout(0.001):
                await waiter
        except TimeoutError:
            gave_up.set()
            await waiter

    task = asyncio.create_task(wait())
    await asyncio.wait_for(gave_up.wait(), TIMEOUT)
    await turn()
    assert waiter.waits
    waiter.wake()

    await asyncio.wait_for(task, TIMEOUT)
