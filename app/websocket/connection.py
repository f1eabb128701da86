"""The connection that a handler talks to."""

from collections.abc import Coroutine, Generator
from typing import Any, Final, Self

from app.websocket.channel import Channel, Message
from app.websocket.close import CloseCause, CloseRecord, check_close
from app.websocket.frames import MAX_CONTROL_PAYLOAD

_MESSAGE: Final = (str, bytes)


class WebSocketConnection:
    """One client's connection, from the accepted handshake to its end.

    Receive in one task at a time, send from any number; both at once is fine (full duplex). After
    the end `recv` and `send` raise `ConnectionClosed`, whose record says who ended it and why;
    a handler may let it pass: it is no error.
    """

    __slots__ = ("_channel", "remote_address")

    def __init__(self, channel: Channel, remote_address: tuple[str, int] | None) -> None:
        self._channel: Final = channel
        # Host and port of the peer, or of the client that a trusted proxy names; None for a peer
        # on a Unix socket.
        self.remote_address: Final = remote_address

    def recv(self) -> Coroutine[Any, Any, Message]:
        """Wait for the next message: `str` if it is text, `bytes` if it is binary.

        It may be cancelled, for example by a timeout, without losing a message.

        Raises:
            ConnectionClosed: the connection has ended, and all that came before has been received.
            ConcurrentRecvError: another task is waiting here.
        """
        return self._channel.receive()

    def try_recv(self) -> Message | None:
        """Return the next message if it is there already, else None; never waits.

        Raises:
            ConnectionClosed: the connection has ended, and all that came before has been received.
            ConcurrentRecvError: a task is waiting in `recv`.
        """
        return self._channel.receive_nowait()

    def __aiter__(self) -> Self:
        """Iterate over the messages until the connection ends.

        Raises:
            ConnectionClosed: it did not end in an orderly way (connection lost, broken protocol,
                a limit exceeded).
        """
        return self

    def __anext__(self) -> Coroutine[Any, Any, Message]:
        # The channel's own coroutine: another one around it would cost at each message.
        return self._channel.receive_next()

    def send(self, message: Message) -> Coroutine[Any, Any, None]:
        """Send one message: `str` as text, `bytes` as binary.

        The message leaves when the event loop has its next turn, together with all others sent in
        this one. Waits only while the peer does not keep up.

        Raises:
            ConnectionClosed: the connection has ended.
            TypeError: the message is neither.
        """
        if not isinstance(message, _MESSAGE):
            raise TypeError(f"a message is str or bytes, not {type(message).__name__}")
        return self._channel.send(message)  # as in `__anext__`

    async def send_text(self, message: str) -> None:
        """Send `message` as text. See `send`."""
        if not isinstance(message, str):
            raise TypeError(f"a text is str, not {type(message).__name__}")
        await self._channel.send(message)

    async def send_binary(self, message: bytes | bytearray | memoryview) -> None:
        """Send `message` as binary. See `send`."""
        await self._channel.send(bytes(memoryview(message)))

    async def ping(self, payload: bytes = b"") -> None:
        """Send a ping; the peer's pong is taken note of by the connection itself.

        Raises:
            ConnectionClosed: the connection has ended.
            ValueError: the payload has more than 125 bytes (RFC 6455 section 5.5).
        """
        if len(payload) > MAX_CONTROL_PAYLOAD:
            raise ValueError(f"a ping carries at most {MAX_CONTROL_PAYLOAD} bytes")
        await self._channel.ping(payload)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection with a close frame; does nothing if it has ended already.

        Args:
            code: 1000 if all went well; 4000 to 4999 have the meaning that you give them.
            reason: At most 123 bytes of UTF-8; the client's program can read it.

        Raises:
            ValueError: the code or the reason cannot stand in a close frame.
        """
        check_close(code, reason)
        await self._channel.close(code, reason, CloseCause.HANDLER_CLOSE)

    @property
    def closed(self) -> "Closed":
        """`await chat.closed` waits for the end and gives its record; `if chat.closed:` asks."""
        return Closed(self._channel)


class Closed:
    """The end of a connection: true once it has come, and awaitable until then."""

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel) -> None:
        self._channel: Final = channel

    def __bool__(self) -> bool:
        return self._channel.closed is not None

    def __await__(self) -> Generator[Any, None, CloseRecord]:
        return self._channel.wait_closed().__await__()
