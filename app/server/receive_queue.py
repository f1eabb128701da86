"""What a connection has received and its handler has not taken yet: bounded by bytes and count."""

import asyncio
from collections import deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_MESSAGES: Final = 256
MAX_BYTES: Final = 256 * 1024
"""Messages, and bytes of them, from which on the queue is full; one message of the largest size
may come on top. It has room again when it is down to half of both."""


class ReceiveQueue(Generic[T]):
    """Messages in order, and at last what ended them, for the one task that takes them out.

    It only keeps count: to put nothing in while it is `full` is up to who fills it.
    """

    __slots__ = ("_bytes", "_items", "_waiter")

    def __init__(self) -> None:
        self._items: deque[str | bytes | T] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def full(self) -> bool:
        """True if reading should pause."""
        return self._bytes >= MAX_BYTES or len(self._items) >= MAX_MESSAGES

    @property
    def has_room(self) -> bool:
        """True if reading that has paused should go on."""
        return self._bytes <= MAX_BYTES // 2 and len(self._items) <= MAX_MESSAGES // 2

    def put_message(self, message: str | bytes) -> None:
        """Add a message. Call `wake` when all that has come at once is in."""
        self._items.append(message)
        self._bytes += len(message)

    def put_end(self, end: T) -> None:
        """Add what ended the messages, and wake the task that waits."""
        self._items.append(end)
        self.wake()

    def take(self) -> str | bytes | T:
        """Return the next item; there must be one."""
        item = self._items.popleft()
        if isinstance(item, str | bytes):
            self._bytes -= len(item)
        return item

    def last(self) -> str | bytes | T:
        """Return the item that was put in last; there must be one."""
        return self._items[-1]

    def clear(self) -> None:
        """Drop all items."""
        self._items.clear()
        self._bytes = 0

    async def wait(self) -> None:
        """Wait until `wake` is called; check then whether there is an item. For one task only."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Let the task go on that waits, if one does."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
