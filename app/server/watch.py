"""The timers of an open connection: is its peer there, does it read, is its time over."""

import asyncio
import functools
import random
from typing import Final, Protocol

from typing_extensions import override

from app.server.progress import StallTimer
from app.websocket.close import CloseCause
from app.websocket.limits import Limits

EARLIEST_PING: Final = 0.75
"""The part of the ping interval after which a ping may go out."""

IDLE_CHECKS: Final = 4
"""How often within the idle timeout it is looked for messages."""


class Session(Protocol):
    """What is known of any connection."""

    @property
    def messages(self) -> int:
        """How many messages have been received by the handler, or sent."""

    @property
    def busy(self) -> bool:
        """Whether more has come than the handler has received, or the peer is waited for."""

    def give_up(self, cause: CloseCause) -> None:
        """End the connection; the watch is to be stopped."""


class Watched(Session, Protocol):
    """A connection that shows frames and bytes, too."""

    @property
    def heard(self) -> bool:
        """Whether something has come since this was set to False, or could not have been seen."""

    @heard.setter
    def heard(self, heard: bool) -> None: ...

    def send_ping(self) -> bool:
        """Send a ping; False if the peer does not even take what it has been sent before."""


class SessionWatch:
    """Gives a connection up that is idle, or had its time.

    Made when the connection has opened: its time is counted from then.

    Args:
        limits: Those of the connection.
        session: The connection.
    """

    __slots__ = (
        "_idle_timer",
        "_limits",
        "_loop",
        "_messages",
        "_opened_at",
        "_quiet",
        "_session",
        "_session_timer",
    )

    def __init__(self, limits: Limits, session: Session) -> None:
        self._limits = limits
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._opened_at = self._loop.time()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._session_timer: asyncio.TimerHandle | None = None
        # The messages that there had been, and how many checks in a row there were no others.
        self._messages = 0
        self._quiet = 0
        # Most have neither: what is made for each connection is as little as can be.
        if limits.idle_timeout:
            self._watch_idleness()
        if limits.max_session_time:
            self._watch_age()

    def set_limits(self, limits: Limits) -> None:
        """Hold the connection to other limits: a time that becomes another one begins anew.

        But not the session's time: one that is over by now ends the connection.
        """
        before, self._limits = self._limits, limits
        if limits.idle_timeout != before.idle_timeout:
            self._watch_idleness()
        if limits.max_session_time != before.max_session_time:
            self._watch_age()

    def stop(self) -> None:
        """Do nothing any more."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._session_timer is not None:
            self._session_timer.cancel()

    def _watch_idleness(self) -> None:
        _cancel(self._idle_timer)
        self._messages = self._session.messages
        self._quiet = 0
        if self._limits.idle_timeout:
            self._check_idle_later()

    def _watch_age(self) -> None:
        _cancel(self._session_timer)
        if self._limits.max_session_time:
            left = self._opened_at + self._limits.max_session_time - self._loop.time()
            self._session_timer = self._loop.call_later(
                max(left, 0.0), self._session.give_up, CloseCause.SESSION_TIME
            )

    def _check_idle_later(self) -> None:
        seconds = self._limits.idle_timeout / IDLE_CHECKS
        self._idle_timer = self._loop.call_later(seconds, self._check_idle)

    def _check_idle(self) -> None:
        # To note the time of each message would cost more than to look now and then.
        if self._session.busy or self._session.messages != self._messages:
            self._messages = self._session.messages
            self._quiet = 0
        else:
            self._quiet += 1
        if self._quiet >= IDLE_CHECKS:
            self._session.give_up(CloseCause.IDLE_TIMEOUT)
        else:
            self._check_idle_later()


class Watch(SessionWatch):
    """Gives a connection up whose peer is gone or does not read, too.

    Args:
        limits: Those of the connection.
        watched: The connection.
    """

    __slots__ = ("_life_timer", "_ping_timer", "_stall", "_watched")

    def __init__(self, limits: Limits, watched: Watched) -> None:
        super().__init__(limits, watched)
        self._watched = watched
        self._ping_timer: asyncio.TimerHandle | None = None
        # Runs while something must come.
        self._life_timer: asyncio.TimerHandle | None = None
        # There is one once a peer had to be waited for.
        self._stall: StallTimer | None = None
        if limits.ping_interval:
            self._ping_later()

    @override
    def set_limits(self, limits: Limits) -> None:
        """Hold the connection to other limits.

        Call `writing_waits` again, if it does: that may begin anew, too.
        """
        before = self._limits
        super().set_limits(limits)
        if limits.ping_interval != before.ping_interval:
            self._watch_life()
        if limits.ping_timeout != before.ping_timeout and self._life_timer is not None:
            self._expect_life()
        if _stall_limits(limits) != _stall_limits(before):
            self._stop_stall()

    @override
    def stop(self) -> None:
        super().stop()
        if self._stall is not None:
            self._stop_stall()
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if self._life_timer is not None:
            self._life_timer.cancel()

    def writing_waits(self, transport: asyncio.WriteTransport) -> None:
        """As much waits for the peer as may, or more."""
        limits = self._limits
        if self._stall is None and limits.send_timeout:
            on_stalled = functools.partial(self._watched.give_up, CloseCause.SLOW_CONSUMER)
            timeout, step = limits.send_timeout, limits.send_buffer_high
            self._stall = StallTimer(transport, timeout, step, on_stalled)
        if self._stall is not None:
            self._stall.wait()

    def writing_goes_on(self) -> None:
        """The peer has taken enough of it."""
        if self._stall is not None:
            self._stall.go_on()

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.stop()
            self._stall = None

    def _watch_life(self) -> None:
        _cancel(self._ping_timer)
        if self._limits.ping_interval:
            self._ping_later()
        else:
            self._expect_nothing()

    def _ping_later(self) -> None:
        seconds = self._limits.ping_interval * random.uniform(EARLIEST_PING, 1)
        self._ping_timer = self._loop.call_later(seconds, self._ping)

    def _ping(self) -> None:
        self._ping_later()
        if self._life_timer is not None and not self._watched.heard:
            self._watched.send_ping()  # what an earlier one has asked for is still due
            return
        self._expect_nothing()
        self._watched.heard = False
        # A peer that does not even take the ping is up to the send timeout.
        if self._watched.send_ping():
            self._expect_life()

    def _expect_life(self) -> None:
        """Within the timeout something must come."""
        self._expect_nothing()
        if self._limits.ping_timeout:
            self._life_timer = self._loop.call_later(self._limits.ping_timeout, self._check_life)

    def _expect_nothing(self) -> None:
        _cancel(self._life_timer)
        self._life_timer = None

    def _check_life(self) -> None:
        self._life_timer = None
        if not self._watched.heard:
            self._watched.give_up(CloseCause.PING_TIMEOUT)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _stall_limits(limits: Limits) -> tuple[float, int]:
    return limits.send_timeout, limits.send_buffer_high
