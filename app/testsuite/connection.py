"""The client's end of one WebSocket connection, and how it ends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, NamedTuple, TypeVar

import anyio
import httpx
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect, WebSocketNetworkError
from httpx_ws.transport import UnhandledWebSocketEvent
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, TextMessage
from wsproto.utilities import LocalProtocolError

Message = str | bytes

T = TypeVar("T")

MAX_UNREAD: Final = 512
"""Messages that are kept for `recv`; while there are so many, nothing is read from the socket."""


class Close(NamedTuple):
    """How a connection ended, as its close frame says.

    1005 if there was no code in it, 1006 if the connection was lost without one (RFC 6455 section
    7.1.5).
    """

    code: int
    reason: str


class ConnectionClosed(Exception):
    """The connection has ended, with this `code` and `reason`; see `Close`."""

    def __init__(self, end: Close) -> None:
        super().__init__(end)
        self.code, self.reason = end

    def __str__(self) -> str:
        return f"closed with {self.code}" + f" ({self.reason})" * bool(self.reason)


class HandshakeRefused(Exception):
    """The service answered the handshake with an HTTP `response`, whose body has been read."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response)
        self.response = response

    def __str__(self) -> str:
        answer = f"{self.response.status_code} {self.response.reason_phrase}"
        return f"the handshake was refused with {answer}: {self.response.text or '(no body)'}"


class ClientConnection:
    """One connection to the service, from the accepted handshake to its end.

    One task may receive at a time, any number may send. Every wait ends after `timeout` seconds,
    by default those of the connection, with a TimeoutError that says what was waited for. What is
    done after the end raises ConnectionClosed.

    It is made by `WebSocketClient.get`.

    Args:
        session: The connection as httpx-ws has it.
        url: What it is connected to, for texts.
        timeout: Seconds.
    """

    def __init__(self, session: AsyncWebSocketSession, url: str, timeout: float) -> None:
        self._session = session
        self._url = url
        self._timeout = timeout
        # None, once it is there, is the end and stays there.
        self._unread: asyncio.Queue[Message | None] = asyncio.Queue(MAX_UNREAD)
        self._received = 0
        self._closing = False
        self._end: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        self._pumping = asyncio.create_task(self._pump())

    def __str__(self) -> str:
        state = f"closed with {self.closed}" if self.closed else "open"
        counts = f"{self._received} messages received, {self._unread.qsize()} waiting for recv()"
        return f"{self._url} is {state}, {counts}"

    @property
    def headers(self) -> httpx.Headers:
        """The headers of the service's answer to the handshake."""
        assert self._session.response is not None
        return self._session.response.headers

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the service has chosen."""
        return self._session.subprotocol

    @property
    def closed(self) -> Close | None:
        """How the connection ended, as far as is known by now."""
        return self._end.result() if self._end.done() else None

    async def send(self, message: Message, timeout: float | None = None) -> None:
        """Send one message: `str` as text, `bytes` as binary.

        Raises:
            TypeError: it is neither.
        """
        if isinstance(message, str):
            await self._send(TextMessage(message), timeout)
        elif isinstance(message, bytes):
            await self._send(BytesMessage(message), timeout)
        else:
            raise TypeError(f"a message is str or bytes, not {type(message).__name__}")

    async def recv(self, timeout: float | None = None) -> Message:
        """Wait for the next message: `str` if it is text, `bytes` if it is binary.

        All that came before the end is delivered, unless it was `close` that brought the end.
        """
        __tracebackhide__ = True
        if not self._closing:
            message = await self._within(timeout, "no message has come", self._unread.get())
            if message is not None:
                self._received += 1
                return message
            self._unread.put_nowait(None)
        raise ConnectionClosed(await self.wait_closed(timeout))

    async def ping(self, timeout: float | None = None) -> None:
        """Send a ping and wait for its pong; messages that come before it wait for `recv`.

        Raises:
            NotImplementedError: the connection is one of `app_client`.
        """
        try:
            pong = await self._within(timeout, "the ping was not taken", self._session.ping())
        except UnhandledWebSocketEvent:
            raise NotImplementedError(
                "no pings in process: ASGI has no control frames; use websocket_client"
            ) from None
        except (LocalProtocolError, WebSocketNetworkError):
            raise ConnectionClosed(await self.wait_closed(timeout)) from None
        await self._within(timeout, "no pong has come", self._or_end(pong.wait()))

    async def close(
        self, code: int = 1000, reason: str = "", timeout: float | None = None
    ) -> Close:
        """Do the closing handshake and return how the connection ended: the service's answer.

        Harmless after the end. Messages that nobody has received by now are thrown away.
        """
        self._closing = True
        while not self._unread.empty():
            self._unread.get_nowait()
        with contextlib.suppress(ConnectionClosed):
            await self._send(CloseConnection(code, reason), timeout)
        return await self.wait_closed(timeout)

    async def wait_closed(self, timeout: float | None = None) -> Close:
        """Wait for the end, and return how the connection ended."""
        # Shielded: a wait that is given up must not take the future along.
        end = asyncio.shield(self._end)
        return await self._within(timeout, "the connection has not ended", end)

    async def hold(self) -> None:
        """Return when the connection has ended and all has been received, or after `leave`."""
        await asyncio.wait({self._pumping})
        if not self._pumping.cancelled():
            self._pumping.result()

    def leave(self) -> None:
        """Give the connection up: the end of the session closes it with 1000."""
        self._closing = True
        self._pumping.cancel()
        self._ended(Close(1000, ""))

    async def _pump(self) -> None:
        """Take in what comes until the end, so that pongs and a close are noticed at any time."""
        try:
            while True:
                event = await self._session.receive()
                if isinstance(event, TextMessage | BytesMessage) and not self._closing:
                    data = event.data
                    await self._unread.put(data if isinstance(data, str) else bytes(data))
        except WebSocketDisconnect as end:
            await self._answer(end)
        except (WebSocketNetworkError, anyio.EndOfStream, anyio.ClosedResourceError):
            self._ended(Close(1006, ""))
        await self._unread.put(None)

    async def _answer(self, end: WebSocketDisconnect) -> None:
        if self._session.connection.state is ConnectionState.OPEN:
            # No close frame has come: so wsproto tells of what it cannot read.
            self._ended(Close(1006, f"the service broke the protocol: {end.reason}"))
        else:
            self._ended(Close(int(end.code), end.reason))
        # httpx-ws would answer when the session ends, which may be much later.
        await self._session.close(end.code, end.reason)

    def _ended(self, end: Close) -> None:
        if not self._end.done():
            self._end.set_result(end)

    async def _send(self, event: Event, timeout: float | None) -> None:
        try:
            await self._within(timeout, "the message was not taken", self._session.send(event))
        except (LocalProtocolError, WebSocketNetworkError):
            raise ConnectionClosed(await self.wait_closed(timeout)) from None

    async def _or_end(self, awaited: Coroutine[Any, Any, object]) -> None:
        """Wait for something, or for the end, which raises ConnectionClosed."""
        waiting = asyncio.create_task(awaited)
        either: set[asyncio.Future[Any]] = {waiting, self._end}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ConnectionClosed(self._end.result())
        finally:
            waiting.cancel()

    async def _within(self, timeout: float | None, failure: str, awaited: Awaitable[T]) -> T:
        """Wait for something for `timeout` seconds."""
        __tracebackhide__ = True
        seconds = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds):
                return await awaited
        except TimeoutError:
            raise TimeoutError(f"{failure} within {seconds:g} s: {self}") from None
