"""What comes in on an HTTP connection: parsed in shares, and only while it can be answered.

And what goes out: a client that does not take it is not waited for without end.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl

from app.server.progress import StallTimer
from app.server.turns import Turns

SLICE: Final = 1024
"""Bytes that the parser is fed at once: it cannot be stopped before it has told of all of them,
and in them may be 50 requests."""

SLICES_PER_SHARE: Final = 16
"""Slices of one connection that are parsed before others have their turn."""

SEND_TIMEOUT: Final = 30.0
SEND_STEP: Final = 65536
"""Seconds in which a client must take so many bytes of a response that waits for it."""

_NOTHING: Final = memoryview(b"")


class RequestIntake(FlowControl):
    """Uvicorn's flow control, which also keeps what has been read but may not be parsed yet.

    Without that a client which sends many requests ahead of their answers holds the event loop for
    as long as a whole segment takes, and has each of its answers paid with another segment of
    requests, all of them in memory.

    Args:
        transport: What is paused and resumed.
        turns: Where we wait if there is more than one share.
        parse: Takes a slice.
        must_wait: Whether requests wait for the answers to those before them. When one of these is
            complete, `resume_reading` is called.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        turns: Turns,
        parse: Callable[[memoryview], None],
        must_wait: Callable[[], bool],
    ) -> None:
        super().__init__(transport)
        self._turns = turns
        self._unread = _NOTHING
        # Until we are stopped; then they would hold who holds us.
        self._parse: Callable[[memoryview], None] | None = parse
        self._must_wait: Callable[[], bool] | None = must_wait
        self._is_transport_paused = False
        # Whether we wait for a turn.
        self._waits = False
        # There is one once the client had to be waited for.
        self._stall: StallTimer | None = None

    def take(self, data: bytes) -> None:
        """Take what has come."""
        self._unread = memoryview(b"".join((self._unread, data)) if self._unread else data)
        self._read_share()

    def stop(self) -> bytes:
        """Parse nothing any more, and return what has not been parsed."""
        rest, self._unread = bytes(self._unread), _NOTHING
        self._parse = self._must_wait = None
        if self._stall is not None:
            self._stall.stop()
        return rest

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            transport = self._transport
            self._stall = StallTimer(transport, SEND_TIMEOUT, SEND_STEP, transport.abort)
        self._stall.wait()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.go_on()

    @override
    def pause_reading(self) -> None:
        self.read_paused = True
        self._pause_transport()

    @override
    def resume_reading(self) -> None:
        self.read_paused = False
        self._go_on()

    def _read_share(self) -> None:
        for _ in range(SLICES_PER_SHARE):
            if self._parse is None or not self._unread or self._is_held():
                break
            piece, self._unread = self._unread[:SLICE], self._unread[SLICE:]
            self._parse(piece)
        if self._parse is None:
            return  # the transport may be somebody else's by now
        if self._is_held():
            self._pause_transport()
        else:
            self._go_on()

    def _is_held(self) -> bool:
        return self.read_paused or (self._must_wait is not None and self._must_wait())

    def _go_on(self) -> None:
        if self._unread:
            self._pause_transport()
            if not self._waits:
                self._waits = True
                self._turns.wait(self._take_turn)
        elif self._is_transport_paused and not self.read_paused:
            self._is_transport_paused = False
            self._transport.resume_reading()

    def _take_turn(self) -> None:
        self._waits = False
        self._read_share()

    def _pause_transport(self) -> None:
        if not self._is_transport_paused:
            self._is_transport_paused = True
            self._transport.pause_reading()
