"""Waiting for an ASGI server, which may take its time, or for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.websocket.close import CloseRecord, ConnectionClosed

T = TypeVar("T")


class Waits:
    """The waits of one connection, to be broken off when it has ended.

    A task waits in the server's own coroutine, which costs little, and is cancelled to break that
    off; it sees no cancellation, but that the connection has ended.
    """

    __slots__ = ("_record", "_tasks")

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._record: CloseRecord | None = None

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Await it.

        Raises:
            ConnectionClosed: the wait was broken off.
        """
        task = asyncio.current_task()
        assert task is not None
        cancellations = task.cancelling()
        self._tasks.add(task)
        try:
            return await awaitable
        finally:
            if task in self._tasks:
                self._tasks.remove(task)
            elif task.uncancel() <= cancellations:
                assert self._record is not None
                raise ConnectionClosed(self._record) from None
            # Otherwise somebody else has cancelled it, too, and is to see that.

    def break_off(self, record: CloseRecord) -> None:
        """Let all that wait see how the connection has ended."""
        self._record = record
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()


class Nap:
    """Lets one task wait for a time that may turn out to be too long."""

    __slots__ = ("_alarm",)

    def __init__(self) -> None:
        self._alarm: asyncio.Event | None = None

    async def sleep(self, seconds: float) -> None:
        """Wait for so long, or until `wake` is called."""
        alarm = self._alarm = asyncio.Event()
        timer = asyncio.get_running_loop().call_later(seconds, alarm.set)
        try:
            await alarm.wait()
        finally:
            timer.cancel()

    def wake(self) -> None:
        """Let the task go on that waits, if one does."""
        if self._alarm is not None:
            self._alarm.set()


class SendTimer:
    """Tells when none of those that send has been done for too long.

    Most are done at once, so that a timer for each would cost more than to look now and then.

    Args:
        on_stall: Called when it is so; the timer is to be stopped.
    """

    __slots__ = ("_loop", "_on_stall", "_senders", "_since", "_timeout", "_timer")

    def __init__(self, on_stall: Callable[[], None]) -> None:
        self._timeout = 0.0
        self._on_stall = on_stall
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._senders = 0
        # When one was done, or the first one began to wait.
        self._since = 0.0

    def set_timeout(self, seconds: float) -> None:
        """Take this for too long, and 0 for never; those that wait have all of it once more."""
        if seconds == self._timeout:
            return
        self._timeout = seconds
        self._cancel()
        if seconds and self._senders:
            self._look_in(seconds)

    def begin(self) -> None:
        """One more sends."""
        if self._timeout:
            if not self._senders:
                self._since = self._loop.time()
            if self._timer is None:
                self._look_in(self._timeout)
        self._senders += 1

    def end(self) -> None:
        """One is done."""
        self._senders -= 1
        if self._senders:
            self._since = self._loop.time()

    def stop(self) -> None:
        """Look no more, for ever."""
        self._timeout = 0.0
        del self._on_stall  # it holds the connection
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_in(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._senders:
            left = self._since + self._timeout - self._loop.time()
            if left > 0:
                self._look_in(left)
            else:
                self._on_stall()
