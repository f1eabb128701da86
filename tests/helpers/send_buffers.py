"""What waits for a client that reads slowly in a service with `tests/services/pouring.py`."""

from typing import Final

from websockets.frames import Opcode

from tests.helpers.kernel_buffers import in_kernel
from tests.helpers.raw_client import RawClient, encode
from tests.services.pouring import MESSAGE_SIZE

_FRAME_SIZE: Final = MESSAGE_SIZE + 4

_STRIDE: Final = 16
"""Messages that a client reads between two looks at what is left."""


class SendBuffer:
    """The send buffer of one connection, from outside.

    Args:
        port: Of the service.
        client: To which it sends.
        counting: A connection to the handler that tells how much it has sent.
        name: Under which it counts that.
    """

    def __init__(self, port: int, client: RawClient, counting: RawClient, name: str) -> None:
        self._port = port
        self._client = client
        self._counting = counting
        self._name = name

    def sent(self) -> int:
        """Return how many messages the sender need not wait for any more."""
        self._counting.send(encode(Opcode.TEXT, self._name.encode()))
        return int(self._counting.read_frame().payload)

    def left(self, sent: int, read: int) -> int:
        """Return the bytes that wait in the service; one message more is that of the sender."""
        own_port: int = self._client.socket.getsockname()[1]
        kernel = in_kernel(self._port, own_port)
        return (sent + 1 - read) * _FRAME_SIZE - self._client.unread - kernel

    def read_until_more_is_sent(self) -> list[int]:
        """Read what was sent until the sender goes on; return what was left on the way."""
        before = self.sent()
        lefts: list[int] = []
        for read in range(_STRIDE, before, _STRIDE):
            for _ in range(_STRIDE):
                self._client.read_frame()
            if self.sent() > before:
                return lefts
            lefts.append(self.left(before, read))
        raise AssertionError("the sender does not go on")
