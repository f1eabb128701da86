"""What a connection has received and its handler has not taken yet: bounded by bytes and count."""

import asyncio
from collections import deque
from typing import Final

from app.websocket.channel import Message
from app.websocket.connection import ConcurrentRecvError

MAX_MESSAGES: Final = 256
MAX_BYTES: Final = 256 * 1024
"""Messages, and bytes of them, from which on the queue is full; one message of the largest size
may come on top. It has room again when it is down to half of both."""


class ReceiveQueue:
    """Messages in order, for the one task that takes them out.

    It only keeps count: to put nothing in while it is `full` is up to who fills it.
    """

    __slots__ = ("_bytes", "_waiter", "messages", "received")

    def __init__(self) -> None:
        # To look whether there are any; a `__bool__` would cost a call for each.
        self.messages: deque[Message] = deque()
        # How many there have been.
        self.received = 0
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """True if reading should pause."""
        return self._bytes >= MAX_BYTES or len(self.messages) >= MAX_MESSAGES

    @property
    def has_room(self) -> bool:
        """True if reading that has paused should go on."""
        return self._bytes <= MAX_BYTES // 2 and len(self.messages) <= MAX_MESSAGES // 2

    def put(self, message: Message) -> None:
        """Add a message. Call `wake` when all that has come at once is in."""
        self.messages.append(message)
        self.received += 1
        self._bytes += _size(message)

    def take(self) -> Message:
        """Return the next message; there must be one."""
        message = self.messages.popleft()
        self._bytes -= _size(message)
        return message

    def take_back(self) -> Message:
        """Return the last message, as if it had not come; there must be one."""
        message = self.messages.pop()
        self.received -= 1
        self._bytes -= _size(message)
        return message

    def clear(self) -> None:
        """Drop all messages."""
        self.messages.clear()
        self._bytes = 0

    def waiter(self) -> asyncio.Future[None]:
        """Return what to await until `wake` is called; look then for a message. For one task only.

        Call `forget_waiter` after that.

        Raises:
            ConcurrentRecvError: a task is waiting already.
        """
        if self._waiter is not None:
            raise ConcurrentRecvError
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def forget_waiter(self) -> None:
        """Nobody waits any more."""
        self._waiter = None

    def wake(self) -> None:
        """Let the task go on that waits, if one does."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _size(message: Message) -> int:
    """Return the bytes of memory that the content takes: up to four for each of its characters."""
    if isinstance(message, str) and not message.isascii():
        return 4 * len(message)
    return len(message)
