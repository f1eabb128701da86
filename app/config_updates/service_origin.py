"""A config service as the origin of values."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from app.config_updates.answers import values_document
from app.config_updates.merging import (
    DEDUPLICATED,
    Deduplication,
    Known,
    UpdateType,
    is_older,
    is_same,
    merged,
)
from app.config_updates.protocol import ValuesAnswer, ValuesRequest
from app.config_updates.updates import Unchanged, Values

logger = logging.getLogger(__name__)


class Ask(Protocol):
    """Asks the config service; raises UpdateError."""

    async def __call__(self, request: ValuesRequest, /, *, briefly: bool = False) -> ValuesAnswer:
        """Return its answer; `briefly`: or that of one attempt."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked for, and what becomes of the answers.

    Args:
        request: What is asked for when everything is.
        full_interval: Seconds from one full update to the next; 0: only the first one is full.
        deduplication: Which updates are passed over when they bring nothing new.
    """

    request: ValuesRequest
    full_interval: float
    deduplication: Deduplication


@dataclass(frozen=True, slots=True)
class _State:
    """What is known, and when everything was asked for last, by the event loop's clock."""

    known: Known
    full_at: float


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class ServiceOrigin:
    """The values of a config service: all at first, then what has changed, now and then all again.

    What has been refused is not known: it is asked for again.

    Args:
        ask: Asks the config service.
        url: What to call it.
        asking: What it is asked.
        clock: Seconds that no one sets.
    """

    def __init__(
        self, ask: Ask, url: str, asking: Asking, clock: Callable[[], float] = _loop_time
    ) -> None:
        self._ask: Final = ask
        self._url: Final = url
        self._asking: Final = asking
        self._clock: Final = clock
        self._state: _State | None = None
        # What the last answer makes of it, if it is good.
        self._next: _State | None = None
        self._has_told_of_older = False

    async def fetch(self, *, briefly: bool = False) -> Values | Unchanged | None:
        """Return the values that are there now; None if the answer is of an earlier time.

        Args:
            briefly: Whether one attempt is enough.

        Raises:
            UpdateError: they cannot be had.
        """
        now, state = self._clock(), self._state
        if state is None or self._is_full_due(state, now):
            answer = await self._ask(self._asking.request, briefly=briefly)
            return self._offer(_State(merged(None, answer), now), "full")
        since = state.known.updated_at
        request = self._asking.request.model_copy(update={"updated_since": since})
        answer = await self._ask(request, briefly=briefly)
        if is_older(answer, state.known):
            self._tell_of_older(answer, state.known)
            return None
        self._has_told_of_older = False
        later = _State(merged(state.known, answer), state.full_at)
        if not answer.configs and not answer.removed:
            return self._unchanged(later)
        return self._offer(later, "incremental")

    def taken(self) -> None:
        """Go on from the last answer: it was good."""
        self._state = self._next

    def _is_full_due(self, state: _State, now: float) -> bool:
        interval = self._asking.full_interval
        return interval > 0 and now - state.full_at >= interval

    def _offer(self, new: _State, update_type: UpdateType) -> Values | Unchanged:
        state = self._state
        passes_over = update_type in DEDUPLICATED[self._asking.deduplication]
        if passes_over and state and is_same(state.known, new.known):
            return self._unchanged(new)
        self._next = new
        document = values_document(new.known.values, self._url)
        return Values(document, self._url, new.known.updated_at, known_only=True)

    def _unchanged(self, new: _State) -> Unchanged:
        self._state = new
        return Unchanged(new.known.updated_at)

    def _tell_of_older(self, answer: ValuesAnswer, known: Known) -> None:
        if not self._has_told_of_older:
            self._has_told_of_older = True
            logger.warning(
                "%s: the answer is of %r, and what is known of %r: passed over, until the next full"
                " update",
                self._url,
                answer.updated_at,
                known.updated_at,
            )
