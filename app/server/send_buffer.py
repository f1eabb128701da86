"""What a connection has to send: written together, once per turn of the event loop."""

import asyncio
from typing import Final

from app.websocket.limits import Limits

FLUSH_BYTES: Final = 64 * 1024
"""Bytes that are written at once instead of at the end of the loop's turn."""

BYTES_PER_TURN: Final = 256 * 1024
"""Bytes that a task may send before other tasks have their turn."""


class SendBuffer:
    """Collects what is sent in one turn of the event loop and writes it with one system call.

    Waiting is for a transport that has asked to pause, not for each message.
    """

    __slots__ = (
        "_loop",
        "_parts",
        "_size",
        "_transport",
        "_turn_bytes",
        "_writable",
        "flush_is_due",
    )

    def __init__(self, transport: asyncio.WriteTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0
        self._turn_bytes = 0
        # Whether somebody will call `end_turn`.
        self.flush_is_due = False
        # There is one only while the transport has more than it wants.
        self._writable: asyncio.Event | None = None

    def set_limits(self, limits: Limits) -> None:
        """Let what waits have these limits.

        If that is more than may wait now, we `pause` in this call. If it is so little that we could
        go on, we do when the peer takes something more.
        """
        if not self._transport.is_closing():  # uvloop's refuses it then
            self._transport.set_write_buffer_limits(limits.send_buffer_high, limits.send_buffer_low)

    @property
    def paused(self) -> bool:
        """True while the transport has more than it wants: the peer does not keep up."""
        return self._writable is not None

    def write(self, data: bytes) -> bool:
        """Send `data`, after all that was written before it, before this turn ends.

        Returns True if the sender should `wait` before it sends more.
        """
        self._parts.append(data)
        self._size += len(data)
        if self._size >= FLUSH_BYTES:
            self.flush()
        if not self.flush_is_due:
            self.flush_is_due = True
            self._loop.call_soon(self.end_turn)
        return self._writable is not None or self._turn_bytes > BYTES_PER_TURN

    def charge(self, size: int) -> None:
        """Count what else was done to send something, as if it was so many bytes."""
        self._turn_bytes += size

    def flush(self) -> None:
        """Hand all that was written to the transport."""
        parts = self._parts
        if parts:
            if not self._transport.is_closing():
                if len(parts) == 1:
                    self._transport.write(parts[0])
                elif self._size < FLUSH_BYTES:
                    self._transport.write(b"".join(parts))
                else:
                    self._transport.writelines(parts)
            parts.clear()
            self._turn_bytes += self._size
            self._size = 0

    async def wait(self) -> None:
        """Wait until the transport wants more, or, if it does, let other tasks have their turn."""
        if self._writable is None:
            await asyncio.sleep(0)
        else:
            await self._writable.wait()

    def pause(self) -> None:
        """Let senders wait. Called by the transport."""
        self._writable = asyncio.Event()

    def resume(self) -> None:
        """Let senders go on. Called by the transport."""
        self.release()
        self._writable = None

    def release(self) -> None:
        """Let senders go on that wait, so that they see that the connection has ended."""
        if self._writable is not None:
            self._writable.set()

    def end_turn(self) -> None:
        """Send what was written in this turn."""
        self.flush_is_due = False
        parts = self._parts
        # Nearly always it is one thing: a call less for that.
        if len(parts) == 1 and not self._transport.is_closing():
            self._transport.write(parts.pop())
            self._size = 0
        elif parts:
            self.flush()
        self._turn_bytes = 0
