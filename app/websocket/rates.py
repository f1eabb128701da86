"""How much of something there may be per second."""

from typing import Final

from app.websocket.limits import Limits

SHORTEST_HOLD: Final = 0.001
"""Seconds that a client which is too fast waits, at least: a rest of a token may be rounding."""


class TokenBucket:
    """Holds tokens for what may come at once, and gets new ones at a rate, up to what it holds.

    More may be taken than it has: the debt is paid before there are new ones. Time is passed in:
    seconds of any clock that does not go backwards.

    Args:
        rate: New tokens per second; more than 0.
        burst: Tokens that it holds, and has at first.
        now: The time.
    """

    __slots__ = ("_burst", "_filled_at", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled_at = now

    def tokens(self, now: float) -> float:
        """Return how many tokens there are; less than 0 is a debt."""
        gained = (now - self._filled_at) * self._rate
        self._filled_at = now
        self._tokens = min(self._burst, self._tokens + gained)
        return self._tokens

    def set_rate(self, rate: float, burst: float, now: float) -> None:
        """Get and hold as many as this from now on; what there is, or is owed, stays.

        Of what there is no more than the new burst.
        """
        self.tokens(now)  # those that came at the old rate
        self._rate = rate
        self._burst = burst

    def forgive(self) -> None:
        """Let there be no debt."""
        self._tokens = max(0.0, self._tokens)

    def take(self, count: float, now: float) -> None:
        """Take `count` tokens, there or not."""
        # Of those that are there now: more than it holds there never were, however long ago.
        self._tokens = self.tokens(now) - count

    def seconds_until(self, count: float, now: float) -> float:
        """Return how long it is until there are `count` tokens; 0 if there are."""
        return max(0.0, (count - self.tokens(now)) / self._rate)


class InboundRates:
    """What one client has sent, against what its limits allow per second.

    Args:
        limits: Those of the connection.
        now: The time.
    """

    __slots__ = ("_bytes", "_closes", "_controls", "_messages")

    def __init__(self, limits: Limits, now: float) -> None:
        controls = limits.max_control_frames_per_second
        self._controls = TokenBucket(controls, 2 * controls, now)
        self._messages = _bucket(limits.max_messages_per_second, now)
        self._bytes = _bucket(limits.max_bytes_per_second, now)
        self._closes = limits.on_rate_limit == "close"

    def set_limits(self, limits: Limits, now: float) -> None:
        """Hold the client to other limits from now on.

        What it has sent so far still counts, but is nothing to be closed for if so far it would
        have been slowed down.
        """
        controls = limits.max_control_frames_per_second
        self._controls.set_rate(controls, 2 * controls, now)
        self._messages = _changed(self._messages, limits.max_messages_per_second, now)
        self._bytes = _changed(self._bytes, limits.max_bytes_per_second, now)
        closed = self._closes
        self._closes = limits.on_rate_limit == "close"
        if self._closes and not closed and self._bytes is not None:
            self._bytes.forgive()

    def take_bytes(self, count: int, now: float) -> None:
        """So many bytes have come."""
        if self._bytes is not None:
            self._bytes.take(count, now)

    def take_frames(self, controls: int, messages: int, now: float) -> None:
        """So many pings and pongs, and so many messages, have been read."""
        self._controls.take(controls, now)
        if self._messages is not None:
            self._messages.take(messages, now)

    def too_many_messages(self, now: float) -> bool:
        """Return whether the client is to be closed for the last message that was read."""
        return self._closes and self._messages is not None and self._messages.tokens(now) < 0

    def too_many_bytes(self, now: float) -> bool:
        """Return whether the client is to be closed for the bytes that have come."""
        return self._closes and self._bytes is not None and self._bytes.tokens(now) < 0

    def frames_now(self, now: float, most: int) -> int:
        """Return how many frames may be read now, up to `most`.

        Of messages that may come no more one is to be read if that ends the connection.
        """
        if not self._closes and self._bytes is not None and self._bytes.tokens(now) < 0:
            return 0
        frames = min(most, int(self._controls.tokens(now)))
        if self._messages is not None:
            frames = min(frames, int(self._messages.tokens(now)) + self._closes)
        return max(frames, 0)

    def seconds_to_wait(self, now: float) -> float:
        """Return how long it is until frames may be read again."""
        waits = [self._controls.seconds_until(1, now)]
        if self._bytes is not None:
            waits.append(self._bytes.seconds_until(0, now))
        if self._messages is not None:
            waits.append(self._messages.seconds_until(1, now))
        return max(waits)


def _bucket(rate: int, now: float) -> TokenBucket | None:
    return TokenBucket(rate, rate, now) if rate else None


def _changed(bucket: TokenBucket | None, rate: int, now: float) -> TokenBucket | None:
    """Return a bucket for another rate, the same one if both the old and the new one are one."""
    if bucket is None or not rate:
        return _bucket(rate, now)
    bucket.set_rate(rate, rate, now)
    return bucket
