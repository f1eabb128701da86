"""A transport that is left: closed when the peer is done, aborted when that takes too long."""

import asyncio
from collections.abc import Callable
from typing import Final

from app.server.progress import Progress
from app.websocket.limits import Limits

DEFAULT_LIMITS: Final = Limits()
"""What holds until the handler's limits are known."""

NOT_UNDERSTOOD_TIMEOUT: Final = 1.0
"""Seconds that a peer which cannot be understood any more, nor be shown the end of our half of the
stream (TLS has no half), has to read why."""


class LeavingTransport:
    """What a connection does with its transport at the end, and the one timer that moves it on.

    Args:
        transport: The connection's.
    """

    __slots__ = ("_limits", "_loop", "_progress", "_timer", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._limits = DEFAULT_LIMITS
        # Moves the state on when neither the reader nor the peer does.
        self._timer: asyncio.TimerHandle | None = None
        # Of what the peer takes after our close frame, if there is much for it to take.
        self._progress: Progress | None = None

    def _wait_for_peer(self) -> None:
        """Having said the last thing, leave if the peer takes no more of it for too long."""
        # With TLS a transport does not tell what waits below it.
        if self._transport.get_write_buffer_size() or not self._transport.can_write_eof():
            self._progress = Progress(self._transport, self._limits.send_buffer_high)
        self._move_on(self._limits.close_timeout, self._linger_on)

    def _linger_on(self) -> None:
        """Wait on for a peer that still takes what it was sent before the end; for no other."""
        if self._progress is not None and self._progress.moves():
            self._move_on(self._limits.close_timeout, self._linger_on)
        else:
            self._transport.abort()

    def _half_close(self) -> None:
        """Let a peer that cannot be understood see that nothing more comes."""
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._move_on(NOT_UNDERSTOOD_TIMEOUT, self._close_in_time)

    def _close_in_time(self) -> None:
        self._close_transport()
        # It would wait for the peer's answer to the end of TLS for much longer.
        self._move_on(self._limits.close_timeout, self._transport.abort)

    def _close_transport(self) -> None:
        # A transport of asyncio that is closed twice is broken, with TLS.
        if not self._transport.is_closing():
            self._transport.close()

    def _move_on(self, seconds: float, step: Callable[[], None]) -> None:
        self._stay()
        self._timer = self._loop.call_later(seconds, step)

    def _stay(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
