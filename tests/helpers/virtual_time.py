"""An event loop whose clock stands still while there is something to do, and jumps when not."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Final

from typing_extensions import override

_TURNS_PER_MILLISECOND: Final = 1000


class _JumpingSelector(selectors.DefaultSelector):
    """Passes over the time that it was to wait."""

    def __init__(self, pass_over: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_over = pass_over

    @override
    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)
        self._pass_over(timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Timers go off in order and at their time, and nobody waits for them.

    For code without a network: who sleeps here for a minute sleeps no time at all. To do much takes
    time here, too, or else a timer that is set again for this very moment would go off for ever.
    """

    def __init__(self) -> None:
        self._now = 1000.0
        self._turns = 0
        super().__init__(_JumpingSelector(self._pass_over))

    @override
    def time(self) -> float:
        return self._now

    def _pass_over(self, seconds: float) -> None:
        before = self._now
        self._now += seconds
        self._turns = self._turns + 1 if self._now == before else 0
        if self._turns == _TURNS_PER_MILLISECOND:
            self._turns = 0
            self._now += 0.001


VIRTUAL_TIME: Final = ("asyncio", {"loop_factory": VirtualTimeLoop})
"""What a test module's fixture `anyio_backend` returns to have it."""
