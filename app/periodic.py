"""Something that is done again and again."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger(__name__)

Seconds = float

Step = Callable[[], Awaitable[bool]]
"""What is done; returns whether that went well. It has to end by itself."""

Randomness = Callable[[], float]
"""Returns numbers from 0 up to 1, all of them alike."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long the pauses are, from the end of a step to the beginning of the next, in seconds.

    Args:
        interval: After a step that went well; more than 0.
        jitter: By how much that is more or less, at most; not more than the interval.
        after_failure: Instead of the interval, with its share of the jitter, after a step that did
            not go well; more than 0.
    """

    interval: Seconds
    jitter: Seconds
    after_failure: Seconds

    def first_pause(self, randomness: Randomness) -> Seconds:
        """Return the pause before the first step: many that start together get out of step."""
        return self.interval * randomness()

    def pause(self, went_well: bool, randomness: Randomness) -> Seconds:
        """Return the pause after a step."""
        share = self.jitter / self.interval * (2.0 * randomness() - 1.0)
        return (self.interval if went_well else self.after_failure) * (1.0 + share)


class PeriodicTask:
    """Does a step again and again, one at a time, until it is stopped.

    What the step raises is logged, and counts as a step that did not go well. Time is the event
    loop's: a clock that is set anew changes nothing. Belongs to one event loop's thread.

    Args:
        name: What is done, for the log.
        step: See `Step`.
        schedule: When.
        randomness: What spreads the pauses.
    """

    def __init__(
        self,
        name: str,
        step: Step,
        schedule: Schedule,
        randomness: Randomness = random.random,
    ) -> None:
        self._name: Final = name
        self._step: Final = step
        self._schedule: Final = schedule
        self._randomness: Final = randomness
        self._wanted_now: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with the first pause."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End at once, be it in the middle of a step; harmless if it does not run."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def run_now(self) -> None:
        """End the pause. While a step is on: let one more follow at once, however often called."""
        self._wanted_now.set()

    async def _run(self) -> None:
        await self._pause(self._schedule.first_pause(self._randomness))
        while True:
            self._wanted_now.clear()
            went_well = await self._do()
            await self._pause(self._schedule.pause(went_well, self._randomness))

    async def _do(self) -> bool:
        try:
            return await self._step()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody has cancelled this task: it was something that the step waited for.
            logger.exception("%s failed", self._name)
        except Exception:
            logger.exception("%s failed", self._name)
        return False

    async def _pause(self, seconds: Seconds) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted_now.wait()
