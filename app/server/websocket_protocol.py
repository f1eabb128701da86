"""The direct path: one WebSocket connection on its transport, below ASGI."""

import asyncio
from typing import Final

from app.server.connection_state import ConnectionState
from app.server.ending import EndingProtocol, ServerHooks
from app.server.watch import Watch
from app.websocket.channel import Acceptance, ConcurrentRecvError, Message, Session
from app.websocket.deflate import Deflater
from app.websocket.frames import Opcode, encode_control, encode_payload, head_of_whole
from app.websocket.handshake import encode_switching_protocols
from app.websocket.limits import Limits

LONG: Final = 16 * 1024
"""Bytes of a payload that it pays not to copy behind its head."""

COMPRESSION_COST: Final = 4
"""Bytes that could be sent in the time that it takes to compress one, or more."""

_TEXT: Final = Opcode.TEXT  # asked for at each message: looked up once
_BINARY: Final = Opcode.BINARY


class WebSocketProtocol(EndingProtocol):
    """The asyncio protocol of one connection, and its channel (see `app.websocket.channel`).

    Args:
        transport: Taken over from the HTTP protocol once the head of the request was read.
        accept_value: What the handshake is accepted with (see `app.websocket.handshake`).
        early: Bytes that came behind the head of the request.
        hooks: What the connection needs of its server.
    """

    __slots__ = ("_accept_value", "_deflater", "_fragment_size", "_session")

    def __init__(
        self, transport: asyncio.Transport, accept_value: bytes, early: bytes, hooks: ServerHooks
    ) -> None:
        super().__init__(transport, early, hooks)
        self._accept_value = accept_value
        self._fragment_size = 0  # of the limits: looked up at each message
        self._deflater: Deflater | None = None
        self._session: Session | None = None

    # The opening handshake.

    async def accept(self, acceptance: Acceptance) -> None:
        self._raise_if_closed()
        headers = [*self._hooks.default_headers(), *acceptance.headers]
        agreement, subprotocol = acceptance.compression, acceptance.subprotocol
        extensions = agreement.header if agreement else None
        self._out.write(
            encode_switching_protocols(self._accept_value, subprotocol, headers, extensions)
        )
        self._stay()
        self._state = ConnectionState.OPEN
        self._opened_at = self._loop.time()
        self._on_end = acceptance.on_end
        self._watch = Watch(acceptance.limits, self)
        self._take_limits(acceptance.limits, self._watch)
        self._out.flush()
        self._intake.start(acceptance.limits, agreement.inflater() if agreement else None)
        self._deflater = agreement.deflater() if agreement else None

    def set_limits(self, limits: Limits) -> None:
        if self._state is ConnectionState.OPEN and self._watch is not None:
            self._watch.set_limits(limits)
            self._take_limits(limits, self._watch)
            self._intake.set_limits(limits)

    def _take_limits(self, limits: Limits, watch: Watch) -> None:
        self._limits = limits
        self._fragment_size = limits.fragment_size
        self._out.set_limits(limits)
        if self._out.paused:
            watch.writing_waits(self._transport)  # the transport tells it once only

    async def serve(self, session: Session) -> None:
        self._session = session

    @property
    def has_session(self) -> bool:
        """Whether there is something to serve the connection from now on."""
        return self._session is not None

    def take_session(self) -> Session | None:
        """Return what is to serve the connection from now on, if it was accepted; once."""
        session, self._session = self._session, None
        return session

    # Receiving.

    async def receive(self) -> Message:
        while not self._queue.messages:
            if self._end is not None or self._record is not None:
                self._raise_if_ended()
            await self._waiter
        return self._take()

    async def receive_next(self) -> Message:
        # Neither by `receive` nor by `_take`: what it calls it calls for each message.
        messages = self._queue.messages
        while not messages:
            if self._end is not None or self._record is not None:
                self._stop_if_ended()
            await self._waiter
        return self._take() if self._intake.paused else messages.pop(0)

    def receive_nowait(self) -> Message | None:
        if self._waiter.waits:
            raise ConcurrentRecvError
        if self._queue.messages:
            return self._take()
        self._raise_if_ended()
        return None

    def _take(self) -> Message:
        message = self._queue.take()
        if self._intake.paused and self._queue.has_room:
            self._intake.go_on()
        return message

    def data_received(self, data: bytes) -> None:
        out = self._out
        if out.flush_is_due:
            self._intake.feed(data)
            return
        # What is sent in this call, by the handler, too, leaves at its end: that saves a turn.
        out.flush_is_due = True
        try:
            self._intake.feed(data)
        finally:
            out.end_turn()

    # Sending.

    async def send(self, message: Message) -> None:
        if self._record is not None:
            self._raise_if_closed()
        if isinstance(message, str):
            opcode, payload = _TEXT, message.encode()
        else:
            opcode, payload = _BINARY, message
        if self._deflater is None:
            if len(payload) > LONG and not 0 < self._fragment_size < len(payload):
                self._out.write(head_of_whole(opcode, len(payload)))
                frames = payload
            else:
                frames = encode_payload(opcode, payload, self._fragment_size)
        else:
            frames = self._deflater.encode(message, self._fragment_size)
            self._out.charge(len(payload) * COMPRESSION_COST)
        self._messages_sent += 1
        self._bytes_sent += len(payload)
        if self._out.write(frames):
            await self._out.wait()
            self._raise_if_closed()

    async def ping(self, payload: bytes) -> None:
        self._raise_if_closed()
        self._out.write(encode_control(Opcode.PING, payload))

    def pause_writing(self) -> None:
        self._out.pause()
        self._intake.go_on()
        if self._watch is not None:
            self._watch.writing_waits(self._transport)

    def resume_writing(self) -> None:
        self._out.resume()
        self._intake.go_on()
        if self._watch is not None:
            self._watch.writing_goes_on()

    # What the watch asks for.

    @property
    def heard(self) -> bool:
        return self._intake.heard or self._intake.paused

    @heard.setter
    def heard(self, heard: bool) -> None:
        self._intake.heard = heard

    @property
    def messages(self) -> int:
        return self._queue.received - len(self._queue.messages) + self._messages_sent

    @property
    def busy(self) -> bool:
        return bool(self._queue.messages) or self._intake.paused

    def send_ping(self) -> bool:
        if self._out.paused:
            return False
        self._out.write(encode_control(Opcode.PING, b""))
        return True
