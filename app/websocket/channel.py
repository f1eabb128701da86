"""What a WebSocket connection stands on."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.compression import Agreement
from app.websocket.headers import Headers
from app.websocket.limits import Limits

Message = str | bytes
"""One message: text is `str`, binary is `bytes`."""

OnEnd = Callable[[CloseRecord], None]

Session = Coroutine[Any, Any, None]
"""What serves a connection once it is open."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What an opening handshake is accepted with.

    Args:
        limits: What the connection may ask for from then on.
        headers: Of the answer.
        subprotocol: The one that was chosen of those that the client offers.
        compression: What was agreed on; only the direct path looks at it.
        on_end: Called once, when it is known how the connection ended; may not raise.
    """

    limits: Limits
    headers: Headers = ()
    subprotocol: str | None = None
    compression: Agreement | None = None
    on_end: OnEnd | None = None


class ConcurrentRecvError(RuntimeError):
    """Two tasks wait for messages of one connection; neither could know which it would get."""

    def __init__(self) -> None:
        super().__init__("another task already waits in recv(); receive in one task only")


def end_of_iteration(end: ConnectionClosed) -> Exception:
    """Return what an `async for` over the messages is to see of the end."""
    return StopAsyncIteration() if end.record.orderly else end


class Channel(Protocol):
    """One client's link, before and after the opening handshake.

    Two implementations: the server's own protocol class (direct), ASGI's receive and send
    (portable). A channel is used from one event loop; any number of tasks may send at a time, one
    may receive. After the end all that wants something of the peer raises `ConnectionClosed`.
    """

    @property
    def closed(self) -> CloseRecord | None:
        """How the connection ended, or None while nothing of an end is known here."""

    async def accept(self, acceptance: Acceptance) -> None:
        """Answer the opening handshake with 101.

        Raises:
            ValueError: a header or the subprotocol would break out of its line.
        """

    def set_limits(self, limits: Limits) -> None:
        """Hold the peer to other limits from now on: the next message is the first.

        A message of which a part has come may be refused at its next frame. A timeout that becomes
        another one begins anew, but for that of the session. Harmless before the handshake has been
        accepted, which brings its limits, and after the end.
        """

    async def refuse(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer the opening handshake with an HTTP response instead; ends the channel.

        Raises:
            ValueError: a header would break out of its line.
        """

    async def serve(self, session: Session) -> None:
        """Run what serves the connection from now on, to its end; called once, after `accept`.

        The direct path runs it, in the same task, when all has returned that has led to this call:
        a connection that lasts holds nothing of it, and a message does not go through it.
        """

    async def receive(self) -> Message:
        """Wait for the next whole message. What arrived before the end comes before the end.

        Cancelling the wait loses no message.

        Raises:
            ConcurrentRecvError: another task is waiting.
        """

    async def receive_next(self) -> Message:
        """As `receive`, for `async for`.

        Raises:
            StopAsyncIteration: the connection has ended in an orderly way.
        """

    def receive_nowait(self) -> Message | None:
        """Return the next message if it is there already.

        Raises:
            ConcurrentRecvError: a task is waiting.
        """

    async def send(self, message: Message) -> None:
        """Send one message; waits while the peer is too slow to take it."""

    async def ping(self, payload: bytes) -> None:
        """Send a ping frame (RFC 6455 section 5.5.2)."""

    async def close(self, code: int, reason: str, cause: CloseCause) -> None:
        """Send a close frame; the channel sees to the rest. Harmless after the end."""

    async def wait_closed(self) -> CloseRecord:
        """Wait until the end is known."""
