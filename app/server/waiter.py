"""What the task of a connection waits on until something has come for it."""

import asyncio
import contextvars
from asyncio import current_task
from collections.abc import Callable, Generator
from typing import Any, Final

from app.websocket.channel import ConcurrentRecvError


class Waiter:
    """Lets one task wait, again and again, as for a future; wakes it at once where that is allowed.

    A future lives once, and wakes its task in the next turn of the event loop: for each message
    that is an object, a callback and a turn, as much as all else that a short one costs. This keeps
    to what a task asks of whatever it waits for: `_asyncio_future_blocking`, `_loop`,
    `add_done_callback`, `result` and `cancel` (see `asyncio.isfuture`).

    Args:
        loop: The event loop of the task.
    """

    __slots__ = ("_asyncio_future_blocking", "_callback", "_cancelled", "_context", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = loop
        self._asyncio_future_blocking = False
        # While a task waits: what lets it go on, and the context that it runs in.
        self._callback: Callable[[Waiter], object] | None = None
        self._context = contextvars.Context()
        # What the task is to be told when it goes on, if it was cancelled meanwhile.
        self._cancelled: asyncio.CancelledError | None = None

    def __await__(self) -> Generator["Waiter", None, None]:
        """Wait until somebody wakes the task: it should look then whether that was for it.

        Raises:
            ConcurrentRecvError: a task is waiting already.
        """
        if self._callback is not None:
            raise ConcurrentRecvError
        self._asyncio_future_blocking = True
        yield self

    @property
    def waits(self) -> bool:
        """Whether a task waits."""
        return self._callback is not None

    def wake(self) -> None:
        """Let the task go on, if one waits, in the next turn of the event loop."""
        callback, self._callback = self._callback, None
        if callback is not None:
            self._loop.call_soon(callback, self, context=self._context)

    def wake_now(self) -> None:
        """Let the task go on, if one waits, before this returns.

        For callbacks of the event loop that need nothing to be as it was after this. Called by a
        task, it wakes as `wake` does: one cannot run within another.
        """
        if self._callback is not None:
            if current_task(self._loop) is None:
                callback, self._callback = self._callback, None
                self._context.run(callback, self)
            else:
                self.wake()

    # What a task asks for; and, since there is no `get_loop`, which costs a call, for `_loop`.

    def add_done_callback(
        self, callback: Callable[["Waiter"], object], *, context: contextvars.Context
    ) -> None:
        """Keep what lets the task go on."""
        self._callback = callback
        self._context = context

    def result(self) -> None:
        """Tell the task that goes on whether it was cancelled."""
        cancelled, self._cancelled = self._cancelled, None
        if cancelled is not None:
            raise cancelled

    def cancel(self, msg: Any = None) -> bool:
        """Let the task that waits go on as cancelled; False if none does any more."""
        if self._callback is None:
            return False
        self._cancelled = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self.wake()
        return True
