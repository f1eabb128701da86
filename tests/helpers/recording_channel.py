"""A channel without a network: keeps what is sent, gives what it was told to give."""

import asyncio
from collections import deque

from app.websocket.channel import Acceptance, Message, OnEnd, Session, end_of_iteration
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.compression import Agreement
from app.websocket.headers import Headers
from app.websocket.limits import Limits


class RecordingChannel:
    """See `app.websocket.channel.Channel`.

    `accepted`, `limits`, `refused`, `sent`, `pings` and `closes` are what the code under test has
    asked for.
    """

    def __init__(self, *messages: Message) -> None:
        self.limits: Limits | None = None
        self.compression: Agreement | None = None
        self.accepted: list[tuple[str | None, Headers]] = []
        self.refused: list[tuple[int, Headers, bytes]] = []
        self.sent: list[Message] = []
        self.pings: list[bytes] = []
        self.closes: list[tuple[int, str]] = []
        self._on_end: OnEnd | None = None
        # Raised by `accept` and `refuse`: the client has gone during the handshake.
        self.gone: ConnectionClosed | None = None
        self._messages = deque(messages)
        self._record: CloseRecord | None = None
        # The end that comes after the messages.
        self._end_to_come: CloseRecord | None = None
        self._more = asyncio.Event()
        self._sent_more = asyncio.Event()
        self._ended = asyncio.Event()

    def give(self, message: Message) -> None:
        """Let a message arrive."""
        self._messages.append(message)
        self._more.set()

    def give_end(self, cause: CloseCause, code: int, reason: str = "") -> CloseRecord:
        """Let the end arrive: after the messages, and at once for who sends."""
        self._end_to_come = CloseRecord(cause, code, reason)
        self._more.set()
        return self._end_to_come

    async def wait_sent(self, count: int) -> None:
        """Wait until so many messages have been sent."""
        while len(self.sent) < count:
            self._sent_more.clear()
            await self._sent_more.wait()

    @property
    def closed(self) -> CloseRecord | None:
        return self._record

    async def accept(self, acceptance: Acceptance) -> None:
        self._raise_if_gone()
        self.accepted.append((acceptance.subprotocol, acceptance.headers))
        self.limits = acceptance.limits
        self.compression = acceptance.compression
        self._on_end = acceptance.on_end

    def set_limits(self, limits: Limits) -> None:
        self.limits = limits

    async def refuse(self, status: int, headers: Headers, body: bytes) -> None:
        self._raise_if_gone()
        self.refused.append((status, headers, body))

    async def serve(self, session: Session) -> None:
        await session

    async def receive(self) -> Message:
        while True:
            message = self.receive_nowait()
            if message is not None:
                return message
            self._more.clear()
            await self._more.wait()

    async def receive_next(self) -> Message:
        try:
            return await self.receive()
        except ConnectionClosed as end:
            raise end_of_iteration(end) from None

    def receive_nowait(self) -> Message | None:
        self._raise_if_closed()
        if self._messages:
            return self._messages.popleft()
        if self._end_to_come is not None:
            raise ConnectionClosed(self._end(self._end_to_come))
        return None

    async def send(self, message: Message) -> None:
        self._raise_if_closed()
        if self._end_to_come is not None:
            raise ConnectionClosed(self._end(self._end_to_come))
        self.sent.append(message)
        self._sent_more.set()

    async def ping(self, payload: bytes) -> None:
        self._raise_if_closed()
        self.pings.append(payload)

    async def close(self, code: int, reason: str, cause: CloseCause) -> None:
        if self._record is None:
            self.closes.append((code, reason))
            self._end(CloseRecord(cause, code, reason))

    async def wait_closed(self) -> CloseRecord:
        await self._ended.wait()
        assert self._record is not None
        return self._record

    def _end(self, record: CloseRecord) -> CloseRecord:
        self._record = record
        if self._on_end is not None:
            self._on_end(record)
        self._more.set()
        self._ended.set()
        return record

    def _raise_if_closed(self) -> None:
        if self._record is not None:
            raise ConnectionClosed(self._record)

    def _raise_if_gone(self) -> None:
        if self.gone is not None:
            raise self.gone
