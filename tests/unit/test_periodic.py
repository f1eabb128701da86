import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.periodic import PeriodicTask, Schedule
from tests.helpers.virtual_time import VIRTUAL_TIME

SCHEDULE = Schedule(interval=10.0, jitter=2.0, after_failure=5.0)


@pytest.fixture
def anyio_backend() -> Any:
    return VIRTUAL_TIME


def chances(*numbers: float) -> Callable[[], float]:
    """Return what gives these numbers, and the last of them for ever."""
    given = itertools.chain(numbers, itertools.repeat(numbers[-1]))
    return lambda: next(given)


class Steps:
    """Steps that note when they began, and take their time."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.takes = 0.0
        self.outcome: Callable[[], bool] = lambda: True

    async def step(self) -> bool:
        self.began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes)
        return self.outcome()

    def pauses(self) -> list[float]:
        return [round(later - one, 6) for one, later in itertools.pairwise(self.began)]


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Awaitable[PeriodicTask]]]:
    """Runs tasks until the end of the test."""
    tasks: list[PeriodicTask] = []

    async def run(
        step: Callable[[], Awaitable[bool]],
        randomness: Callable[[], float],
        seconds: float,
        schedule: Schedule = SCHEDULE,
    ) -> PeriodicTask:
        tasks.append(PeriodicTask("test", step, schedule, randomness))
        tasks[-1].start()
        await asyncio.sleep(seconds)
        return tasks[-1]

    yield run
    for task in tasks:
        await task.stop()


Run = Callable[..., Awaitable[PeriodicTask]]


def interrupt() -> bool:
    raise RuntimeError("no fuel")


def give_up() -> bool:
    raise asyncio.CancelledError


# When


@given(st.floats(0, 1, exclude_max=True), st.floats(0.001, 1e9), st.data())
def test_pauses_stay_within_the_interval_and_its_jitter(
    chance: float, interval: float, data: st.DataObject
) -> None:
    jitter = data.draw(st.floats(0, interval))
    schedule = Schedule(interval, jitter, after_failure=2 * interval)

    assert 0 <= schedule.first_pause(lambda: chance) <= interval
    pause = schedule.pause(went_well=True, randomness=lambda: chance)
    assert 0 <= pause <= (interval + jitter) * (1 + 1e-9)
    assert pause >= (interval - jitter) * (1 - 1e-9) - 1e-9 * interval
    failed = schedule.pause(went_well=False, randomness=lambda: chance)
    assert failed == pytest.approx(2 * pause, abs=1e-9 * interval)


async def test_first_pause_is_a_part_of_the_interval_and_later_ones_are_with_jitter(
    steps: Steps, run: Run
) -> None:
    began = asyncio.get_running_loop().time()

    await run(steps.step, chances(0.25, 0.0, 0.5, 1.0), 45.0)

    assert steps.began[0] == pytest.approx(began + 2.5)
    assert steps.pauses() == [8.0, 10.0, 12.0, 12.0]


async def test_pause_begins_when_the_step_has_ended(steps: Steps, run: Run) -> None:
    steps.takes = 3.0

    await run(steps.step, chances(0.5), 35.0)

    assert steps.pauses() == [13.0, 13.0]


@pytest.mark.parametrize("outcome", [lambda: False, interrupt, give_up])
async def test_pause_after_a_failure_is_another(
    steps: Steps, run: Run, outcome: Callable[[], bool]
) -> None:
    steps.outcome = outcome

    await run(steps.step, chances(0.5), 16.0)
    assert steps.pauses() == [5.0, 5.0]

    steps.outcome = lambda: True
    await asyncio.sleep(30.0)
    assert steps.pauses() == [5.0, 5.0, 5.0, 10.0, 10.0]


async def test_what_a_step_raises_is_logged_with_its_name(
    steps: Steps, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    steps.outcome = interrupt

    await run(steps.step, chances(0.5), 6.0)

    assert "test failed" in caplog.text
    assert "no fuel" in caplog.text


async def test_many_that_start_together_get_out_of_step_and_stay_so(run: Run) -> None:
    numbers = random.Random(8)
    all_steps = [Steps() for _ in range(100)]
    for each in all_steps:
        await run(each.step, numbers.random, 0.0)

    await asyncio.sleep(10.0 * 20)

    began = asyncio.get_running_loop().time() - 10.0 * 20
    times = [at - began for each in all_steps for at in each.began]
    in_tenths = [sum(second <= at < second + 1 for at in times) for second in range(200)]
    # 10 in each on the average.
    assert max(in_tenths) < 25
    assert sum(count == 0 for count in in_tenths) < 5


async def test_clock_that_is_set_anew_changes_nothing(
    steps: Steps, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = itertools.cycle([0.0, 1e6, -1e6])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + next(days))

    await run(steps.step, chances(0.5), 106.0)

    assert steps.pauses() == [10.0] * 10


# Now


async def test_run_now_ends_the_pause(steps: Steps, run: Run) -> None:
    task = await run(steps.step, chances(0.5), 7.0)

    task.run_now()
    await asyncio.sleep(15.0)

    assert steps.pauses() == [2.0, 10.0]


async def test_run_now_while_a_step_is_on_lets_one_more_follow(steps: Steps, run: Run) -> None:
    steps.takes = 4.0
    task = await run(steps.step, chances(0.5), 6.0)

    for _ in range(5):
        task.run_now()
        await asyncio.sleep(0.1)
    await asyncio.sleep(20.0)

    assert steps.pauses() == [4.0, 14.0]


async def test_run_now_before_the_start_leaves_the_first_pause_out(steps: Steps) -> None:
    task = PeriodicTask("test", steps.step, SCHEDULE, chances(0.5))
    task.run_now()
    began = asyncio.get_running_loop().time()

    task.start()
    await asyncio.sleep(1.0)
    await task.stop()

    assert steps.began == [began]


# The end


async def test_stop_ends_a_step_in_its_middle(steps: Steps, run: Run) -> None:
    steps.takes = 1e6
    task = await run(steps.step, chances(0.5), 6.0)
    began = asyncio.get_running_loop().time()

    await task.stop()

    assert asyncio.get_running_loop().time() == began
    await asyncio.sleep(100.0)
    assert len(steps.began) == 1


async def test_stop_ends_a_pause_and_run_now_begins_nothing_after_it(
    steps: Steps, run: Run
) -> None:
    task = await run(steps.step, chances(0.5), 6.0)

    await task.stop()
    task.run_now()
    await asyncio.sleep(100.0)

    assert len(steps.began) == 1


async def test_stop_is_harmless_before_the_start_and_a_second_time(steps: Steps, run: Run) -> None:
    task = PeriodicTask("test", steps.step, SCHEDULE, chances(0.5))

    await task.stop()
    task.start()
    await task.stop()
    await task.stop()

    assert steps.began == []


async def test_stop_that_is_given_up_does_not_take_the_caller_along(steps: Steps) -> None:
    """Who stops it may itself be cancelled, as at a shutdown that takes too long."""
    task = PeriodicTask("test", steps.step, SCHEDULE, chances(0.5))
    task.start()

    stopping = asyncio.ensure_future(task.stop())
    await asyncio.sleep(0)
    stopping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await stopping
