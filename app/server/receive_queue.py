"""What a connection has received and its handler has not taken yet: bounded by bytes and count."""

from typing import Final

from app.websocket.channel import Message

MAX_MESSAGES: Final = 256
MAX_BYTES: Final = 256 * 1024
"""Messages, and bytes of them, from which on the queue is full; one message of the largest size
may come on top. It has room again when it is down to half of both."""


class ReceiveQueue:
    """Messages in order, for the one task that takes them out.

    To put nothing in while it is `full` is up to who fills it.
    """

    __slots__ = ("messages", "received")

    def __init__(self) -> None:
        # To look whether there are any; a `__bool__` would cost a call for each. A list: an empty
        # deque takes 760 bytes of each connection, and to move up what is behind the first costs
        # next to nothing.
        self.messages: list[Message] = []
        # How many there have been.
        self.received = 0

    # Nearly always there is one message, or none: bytes are counted when somebody asks.

    @property
    def full(self) -> bool:
        """True if reading should pause."""
        return len(self.messages) >= MAX_MESSAGES or self._bytes() >= MAX_BYTES

    @property
    def has_room(self) -> bool:
        """True if reading that has paused should go on."""
        return len(self.messages) <= MAX_MESSAGES // 2 and self._bytes() <= MAX_BYTES // 2

    def put(self, message: Message) -> None:
        """Add a message."""
        self.messages.append(message)
        self.received += 1

    def take(self) -> Message:
        """Return the next message; there must be one."""
        return self.messages.pop(0)

    def take_back(self) -> Message:
        """Return the last message, as if it had not come; there must be one."""
        self.received -= 1
        return self.messages.pop()

    def clear(self) -> None:
        """Drop all messages."""
        self.messages.clear()

    def _bytes(self) -> int:
        return sum(map(_size, self.messages))


def _size(message: Message) -> int:
    """Return the bytes of memory that the content takes: up to four for each of its characters."""
    if isinstance(message, str) and not message.isascii():
        return 4 * len(message)
    return len(message)
