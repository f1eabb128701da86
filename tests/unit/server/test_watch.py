"""The timers of a connection, at their times: the clock jumps from one to the next."""

import asyncio
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from app.server.progress import STALL_CHECKS
from app.server.watch import EARLIEST_PING, IDLE_CHECKS, Watch
from app.websocket.close import CloseCause
from app.websocket.limits import Limits
from tests.helpers.recording_transport import RecordingTransport
from tests.helpers.virtual_time import VIRTUAL_TIME

FOR_EVER = 86400.0

SILENCES = 200

NOTHING = {
    "ping_interval": 0.0,
    "ping_timeout": 0.0,
    "idle_timeout": 0.0,
    "max_session_time": 0.0,
    "send_timeout": 0.0,
    "send_buffer_high": 100,
}


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def limits_of(**limits: float) -> Limits:
    options: dict[str, Any] = {**NOTHING, **limits}
    return Limits.model_construct(None, **options)


class Connection:
    """What is watched: notes when it was asked for what, in seconds from the beginning."""

    def __init__(self, messages: int = 0, **limits: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.heard = False
        self.messages = messages
        self.busy = False
        # Whether a ping can be sent, and what a ping is answered with at once.
        self.writable = True
        self.on_ping: Callable[[], None] = lambda: None
        self.pings: list[float] = []
        self.transport = RecordingTransport()
        self.given_up: list[tuple[CloseCause, float]] = []
        self.watch = Watch(limits_of(**limits), self)

    @property
    def now(self) -> float:
        return self._loop.time() - self._began

    async def lives(self, until: float) -> None:
        """Let the time pass up to this one."""
        await asyncio.sleep(until - self.now)

    def limit(self, **limits: float) -> None:
        """Hold it to these limits from now on, and as protocols do, to no others."""
        self.watch.set_limits(limits_of(**limits))
        if self.transport.unsent:
            self.watch.writing_waits(self.transport)

    def send_ping(self) -> bool:
        if self.writable:
            self.pings.append(self.now)
            self.on_ping()
        return self.writable

    def wait(self, unsent: int = 1000) -> None:
        """Let as much wait for the peer."""
        self.transport.unsent = unsent
        self.watch.writing_waits(self.transport)

    def go_on(self) -> None:
        """Let the peer take all there is."""
        self.transport.unsent = 0
        self.watch.writing_goes_on()

    def give_up(self, cause: CloseCause) -> None:
        self.given_up.append((cause, self.now))
        self.watch.stop()

    def answer(self) -> None:
        self.heard = True


def fixed_jitter(monkeypatch: pytest.MonkeyPatch, part: float) -> None:
    monkeypatch.setattr("app.server.watch.random.uniform", lambda _a, _b: part)


def timers() -> list[asyncio.TimerHandle]:
    """Return those of the running loop that are still to come."""
    loop: Any = asyncio.get_running_loop()
    return [timer for timer in loop._scheduled if not timer.cancelled()]


# Pings


async def test_pings_are_between_three_quarters_of_the_interval_and_all_of_it_apart() -> None:
    connection = Connection(ping_interval=20.0)
    await connection.lives(20 * 1000)

    times = [0.0, *connection.pings]
    apart = [after - before for before, after in itertools.pairwise(times)]
    assert len(apart) >= 1000
    assert min(apart) >= 20 * EARLIEST_PING - 1e-6
    assert max(apart) <= 20 + 1e-6
    assert min(apart) < 15.5, "none of so many came early"
    assert max(apart) > 19.5, "none of so many came late"


async def test_connections_that_begin_together_do_not_ping_together() -> None:
    connections = [Connection(ping_interval=20.0) for _ in range(1000)]
    await connections[0].lives(20.001)

    first = sorted(connection.pings[0] for connection in connections)
    for tenth in range(10):
        at = 15 + 0.5 * tenth
        share = sum(at <= time < at + 0.5 for time in first)
        assert 40 <= share <= 200, f"{share} of 1000 pings between {at} and {at + 0.5} seconds"


async def test_there_are_no_pings_where_the_limits_say_so() -> None:
    connection = Connection(ping_timeout=20.0)
    await connection.lives(FOR_EVER)

    assert connection.pings == []
    assert connection.given_up == []


@pytest.mark.parametrize("ping_timeout", [0.0, 1.0, 5.0, 19.0, 20.0, 45.0, 1000.0])
async def test_pings_go_out_at_the_interval_whatever_the_timeout_is(
    ping_timeout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=ping_timeout)
    connection.on_ping = connection.answer
    await connection.lives(110)

    assert connection.pings == [20, 40, 60, 80, 100]
    assert connection.given_up == []


@pytest.mark.parametrize(
    ("ping_timeout", "pings"),
    [(5.0, [15]), (20.0, [15, 30]), (45.0, [15, 30, 45]), (100.0, [15, 30, 45, 60, 75, 90, 105])],
)
async def test_peer_that_is_silent_is_given_up_the_timeout_after_the_first_ping(
    ping_timeout: float, pings: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed_jitter(monkeypatch, 0.75)
    connection = Connection(ping_interval=20.0, ping_timeout=ping_timeout)
    await connection.lives(FOR_EVER)

    assert connection.pings[: len(pings)] == pings
    assert connection.given_up == [(CloseCause.PING_TIMEOUT, 15 + ping_timeout)]
    assert connection.pings[-1] <= 15 + ping_timeout


async def test_peer_that_answers_at_the_last_moment_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=5.0)
    await connection.lives(24.99)
    connection.answer()
    await connection.lives(41)

    assert connection.pings == [20, 40]
    assert connection.given_up == []


async def test_answer_after_further_pings_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """And there is all the time again for an answer to the next."""
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=50.0)
    await connection.lives(69.99)
    assert connection.pings == [20, 40, 60]
    connection.answer()
    await connection.lives(129.99)
    assert connection.given_up == []

    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.PING_TIMEOUT, 80 + 50)]


async def test_what_came_before_a_ping_is_no_answer_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=5.0)
    await connection.lives(19.99)
    connection.answer()
    await connection.lives(FOR_EVER)

    assert connection.given_up == [(CloseCause.PING_TIMEOUT, 25)]


@pytest.mark.parametrize("ping_timeout", [1.0, 5.0, 20.0, 30.0, 90.0])
async def test_silence_is_found_in_time_and_never_too_early(ping_timeout: float) -> None:
    """Whenever it began, and whatever a peer had to say before it."""
    connections = [
        Connection(ping_interval=20.0, ping_timeout=ping_timeout) for _ in range(SILENCES)
    ]
    last = []
    for number, connection in enumerate(connections):
        # The times at which they are heard last are spread over a few pings.
        while connection.now < 0.37 * number:
            await connection.lives(connection.now + 0.37)
            for each in connections[number:]:
                each.answer()
        last.append(connection.now)
    await connections[0].lives(FOR_EVER)

    for connection, heard_at in zip(connections, last, strict=True):
        ((cause, at),) = connection.given_up
        assert cause is CloseCause.PING_TIMEOUT
        assert at - heard_at <= 20 + ping_timeout + 1e-6
        first_ping = next(ping for ping in connection.pings if ping >= heard_at)
        assert at == pytest.approx(first_ping + ping_timeout)


async def test_silence_is_never_too_long_without_a_ping_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0)
    await connection.lives(90)

    assert connection.pings == [20, 40, 60, 80]
    assert connection.given_up == []


async def test_answer_to_a_ping_that_could_not_be_sent_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=5.0)
    connection.writable = False
    await connection.lives(3605)
    assert (connection.pings, connection.given_up) == ([], [])

    connection.writable = True
    await connection.lives(FOR_EVER)
    assert connection.pings == [3620]
    assert connection.given_up == [(CloseCause.PING_TIMEOUT, 3625)]


async def test_ping_that_cannot_be_sent_gives_no_more_time_to_answer_one_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=50.0)
    await connection.lives(30)
    connection.writable = False
    await connection.lives(FOR_EVER)

    assert connection.pings == [20]
    assert connection.given_up == [(CloseCause.PING_TIMEOUT, 70)]


# Idle connections


async def test_connection_without_a_message_is_given_up_after_the_idle_timeout() -> None:
    connection = Connection(idle_timeout=60.0)
    await connection.lives(FOR_EVER)

    assert connection.given_up == [(CloseCause.IDLE_TIMEOUT, 60)]


@pytest.mark.parametrize("last", [0.1, 7.0, 14.9, 15.1, 29.9, 59.9])
async def test_idle_timeout_is_at_most_a_quarter_late(last: float) -> None:
    connection = Connection(idle_timeout=60.0)
    await connection.lives(last)
    connection.messages += 1
    await connection.lives(FOR_EVER)

    ((cause, at),) = connection.given_up
    assert cause is CloseCause.IDLE_TIMEOUT
    assert 60 <= at - last <= 60 * (1 + 1 / IDLE_CHECKS)


async def test_connection_with_a_message_now_and_then_is_not_idle() -> None:
    connection = Connection(idle_timeout=60.0)
    for count in range(1, 50):
        await connection.lives(count * 59)
        connection.messages += 1

    assert connection.given_up == []


@pytest.mark.parametrize("busy_until", [10.0, 59.0, 3600.0])
async def test_connection_that_is_busy_without_a_message_is_not_idle(busy_until: float) -> None:
    connection = Connection(idle_timeout=60.0)
    connection.busy = True
    await connection.lives(busy_until)
    assert connection.given_up == []

    connection.busy = False
    await connection.lives(FOR_EVER)
    ((cause, at),) = connection.given_up
    assert cause is CloseCause.IDLE_TIMEOUT
    # When it became idle is seen at a check only.
    assert 60 * (1 - 1 / IDLE_CHECKS) <= at - busy_until <= 60 * (1 + 1 / IDLE_CHECKS)


async def test_pings_and_their_answers_are_no_messages() -> None:
    connection = Connection(idle_timeout=60.0, ping_interval=5.0, ping_timeout=1.0)
    connection.on_ping = connection.answer
    await connection.lives(FOR_EVER)

    assert len(connection.pings) >= 8
    assert connection.given_up == [(CloseCause.IDLE_TIMEOUT, 60)]


async def test_messages_that_had_been_there_before_do_not_count() -> None:
    connection = Connection(messages=7, idle_timeout=60.0)
    await connection.lives(FOR_EVER)

    assert connection.given_up == [(CloseCause.IDLE_TIMEOUT, 60)]


# The session's time


async def test_session_ends_at_its_time_whatever_happens() -> None:
    connection = Connection(
        max_session_time=3600.0, idle_timeout=60.0, ping_interval=20.0, ping_timeout=5.0
    )
    connection.on_ping = connection.answer
    for count in range(1, 100):
        await connection.lives(count * 50)
        connection.messages += 1

    assert connection.given_up == [(CloseCause.SESSION_TIME, 3600)]


# Peers that do not read


LATEST = 1 + 1 / STALL_CHECKS
"""The part of the send timeout after which what is too slow has been found."""


async def test_peer_that_takes_too_little_is_given_up() -> None:
    connection = Connection(send_timeout=30.0)
    await connection.lives(7)
    connection.wait()
    for second in range(99):
        await connection.lives(7 + second * 0.3)
        connection.transport.unsent -= 1
    await connection.lives(FOR_EVER)

    assert connection.given_up == [(CloseCause.SLOW_CONSUMER, 37)]


@pytest.mark.parametrize(("each", "seconds"), [(100, 29), (50, 14), (10, 2.9), (1, 0.29)])
async def test_peer_that_takes_enough_in_each_timeout_lives(each: int, seconds: float) -> None:
    connection = Connection(send_timeout=30.0)
    connection.wait(100 * 100)
    for step in range(1, 100 * 100 // each):
        await connection.lives(step * seconds)
        connection.transport.unsent -= each
        assert connection.given_up == []

    last = connection.now
    await connection.lives(FOR_EVER)
    ((cause, at),) = connection.given_up
    assert cause is CloseCause.SLOW_CONSUMER
    assert at - last <= 30 * LATEST


async def test_peer_that_lets_writing_go_on_in_time_lives() -> None:
    connection = Connection(send_timeout=30.0)
    for count in range(50):
        await connection.lives(count * 40)
        connection.wait()
        await connection.lives(count * 40 + 29)
        connection.go_on()
    await connection.lives(FOR_EVER)

    assert connection.given_up == []


@pytest.mark.parametrize("paused_at", [0.001, 7.4, 7.5, 10.0, 29.999, 30.0, 31.0, 59.0])
async def test_stall_is_found_in_its_time_whatever_pauses_were_before_it(paused_at: float) -> None:
    connection = Connection(send_timeout=30.0)
    for tenth in range(int(paused_at * 10)):
        await connection.lives(tenth / 10)
        connection.wait()
        await connection.lives(tenth / 10 + 0.05)
        connection.go_on()
    await connection.lives(paused_at)
    connection.wait()
    await connection.lives(FOR_EVER)

    ((cause, at),) = connection.given_up
    assert cause is CloseCause.SLOW_CONSUMER
    assert 30 - 1e-6 <= at - paused_at <= 30 * LATEST + 1e-6


async def test_what_waited_at_an_earlier_pause_is_not_what_the_peer_has_to_take() -> None:
    """A peer that is fast enough is not given up since more waits for it now than before."""
    connection = Connection(send_timeout=30.0)
    connection.wait(101)
    connection.go_on()
    connection.wait(100_000)
    for second in range(1, 200):
        await connection.lives(second)
        connection.transport.unsent -= 100

    assert connection.given_up == []


async def test_fast_peer_that_waits_again_and_again_costs_one_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = Connection(send_timeout=30.0)
    made: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noting(delay: float, *args: Any) -> asyncio.TimerHandle:
        made.append(delay)
        return call_later(delay, *args)

    monkeypatch.setattr(loop, "call_later", noting)
    for _ in range(1000):
        connection.wait()
        connection.go_on()
    assert made == [30 / STALL_CHECKS]
    assert len(timers()) == 1
    monkeypatch.undo()

    await connection.lives(31)
    assert timers() == [], "nobody waits any more"
    assert connection.given_up == []


async def test_peer_may_take_its_time_where_the_limits_say_so() -> None:
    connection = Connection()
    connection.wait()
    await connection.lives(FOR_EVER)

    assert connection.given_up == []
    connection.go_on()


# Limits that change


async def test_pings_begin_and_end_when_the_limits_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_timeout=5.0)
    connection.on_ping = connection.answer
    await connection.lives(100)
    connection.limit(ping_interval=20.0, ping_timeout=5.0)
    await connection.lives(141)
    assert connection.pings == [120, 140]

    connection.limit(ping_timeout=5.0)
    await connection.lives(FOR_EVER)
    assert connection.pings == [120, 140]
    assert connection.given_up == []
    assert timers() == []


@pytest.mark.parametrize("interval", [1.0, 50.0])
async def test_new_ping_interval_counts_from_the_change(
    interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0)
    await connection.lives(30)

    connection.limit(ping_interval=interval)
    await connection.lives(30 + 2 * interval + 0.1)
    assert connection.pings == [20, 30 + interval, 30 + 2 * interval]


async def test_peer_that_owes_an_answer_still_does_when_the_ping_interval_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=30.0)
    await connection.lives(21)

    connection.limit(ping_interval=40.0, ping_timeout=30.0)
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.PING_TIMEOUT, 50)]


async def test_peer_owes_no_answer_any_more_where_there_are_no_pings() -> None:
    connection = Connection(ping_interval=20.0, ping_timeout=30.0)
    await connection.lives(21)
    assert len(connection.pings) == 1

    connection.limit(ping_timeout=30.0)
    await connection.lives(FOR_EVER)
    assert connection.given_up == []


@pytest.mark.parametrize(("seconds", "found"), [(5.0, 26), (60.0, 81)])
async def test_peer_that_owes_an_answer_has_all_of_a_new_ping_timeout(
    seconds: float, found: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=30.0)
    await connection.lives(21)

    connection.limit(ping_interval=20.0, ping_timeout=seconds)
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.PING_TIMEOUT, found)]


async def test_peer_that_owes_an_answer_may_take_its_time_without_a_ping_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed_jitter(monkeypatch, 1.0)
    connection = Connection(ping_interval=20.0, ping_timeout=30.0)
    await connection.lives(21)
    connection.limit(ping_interval=20.0)
    await connection.lives(101)
    assert (connection.pings, connection.given_up) == ([20, 40, 60, 80, 100], [])

    connection.limit(ping_interval=20.0, ping_timeout=5.0)
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.PING_TIMEOUT, 125)]


@pytest.mark.parametrize(("seconds", "found"), [(8.0, 58), (600.0, 650)])
async def test_new_idle_timeout_counts_from_the_change(seconds: float, found: float) -> None:
    connection = Connection(idle_timeout=60.0)
    await connection.lives(50)

    connection.limit(idle_timeout=seconds)
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.IDLE_TIMEOUT, found)]


async def test_messages_before_the_idle_timeout_are_none_after_it() -> None:
    connection = Connection()
    await connection.lives(50)
    connection.messages += 7

    connection.limit(idle_timeout=8.0)
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.IDLE_TIMEOUT, 58)]


async def test_connection_may_be_idle_when_the_idle_timeout_has_gone() -> None:
    connection = Connection(idle_timeout=60.0)
    await connection.lives(59)

    connection.limit()
    await connection.lives(FOR_EVER)
    assert connection.given_up == []
    assert timers() == []


@pytest.mark.parametrize(("seconds", "end"), [(70.0, 70), (50.0, 50), (49.0, 50), (1.0, 50)])
async def test_session_time_counts_from_the_opening_whenever_it_came(
    seconds: float, end: float
) -> None:
    connection = Connection(max_session_time=600.0)
    await connection.lives(50)

    connection.limit(max_session_time=seconds)
    assert connection.given_up == [], "who changes limits is not the one who ends connections"
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.SESSION_TIME, end)]


async def test_session_may_last_when_its_time_has_gone() -> None:
    connection = Connection(max_session_time=60.0)
    await connection.lives(59)

    connection.limit()
    await connection.lives(FOR_EVER)
    assert connection.given_up == []


@pytest.mark.parametrize(("seconds", "found"), [(4.0, 24), (60.0, 80)])
async def test_stall_has_all_of_a_new_send_timeout(seconds: float, found: float) -> None:
    connection = Connection(send_timeout=30.0)
    connection.wait()
    await connection.lives(20)

    connection.limit(send_timeout=seconds)
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.SLOW_CONSUMER, found)]


async def test_stall_that_was_allowed_is_one_when_a_send_timeout_comes() -> None:
    connection = Connection()
    connection.wait()
    await connection.lives(500)

    connection.limit(send_timeout=30.0)
    await connection.lives(FOR_EVER)
    assert connection.given_up == [(CloseCause.SLOW_CONSUMER, 530)]


async def test_stall_is_allowed_when_the_send_timeout_has_gone() -> None:
    connection = Connection(send_timeout=30.0)
    connection.wait()
    await connection.lives(29)

    connection.limit()
    await connection.lives(FOR_EVER)
    assert connection.given_up == []
    assert timers() == []


async def test_what_the_peer_has_to_take_is_what_may_wait_now() -> None:
    connection = Connection(send_timeout=30.0)
    connection.wait(10_000)
    for second in range(1, 60):
        await connection.lives(second)
        connection.transport.unsent -= 5  # 150 in 30 seconds, and 100 are enough
    assert connection.given_up == []

    connection.limit(send_timeout=30.0, send_buffer_high=200)
    changed = connection.now
    for second in range(60, 120):
        await connection.lives(second)
        connection.transport.unsent -= 5
    ((cause, at),) = connection.given_up
    assert cause is CloseCause.SLOW_CONSUMER
    assert changed + 30 <= at <= changed + 30 * LATEST


async def test_nothing_begins_anew_that_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else limits that change often enough would keep a connection for ever."""
    fixed_jitter(monkeypatch, 1.0)
    limits: list[tuple[dict[str, Any], CloseCause]] = [
        ({"ping_interval": 20.0, "ping_timeout": 10.0}, CloseCause.PING_TIMEOUT),
        ({"idle_timeout": 30.0}, CloseCause.IDLE_TIMEOUT),
        ({"max_session_time": 30.0}, CloseCause.SESSION_TIME),
        ({"send_timeout": 30.0}, CloseCause.SLOW_CONSUMER),
    ]
    for limit, cause in limits:
        connection = Connection(**limit)
        connection.wait()
        for second in range(1, 40):
            await connection.lives(second)
            if not connection.given_up:
                connection.limit(**limit, close_timeout=second)

        assert connection.given_up == [(cause, 30)]


TIMES: dict[str, list[float]] = {
    "ping_interval": [0.0, 7.0, 20.0],
    "ping_timeout": [0.0, 3.1, 41.3],
    "idle_timeout": [0.0, 17.3, 61.7],
    "max_session_time": [0.0, 90.9, 500.7],
    "send_timeout": [0.0, 8.5, 33.9],
    "send_buffer_high": [100, 200],
}


@pytest.mark.parametrize("seed", range(200))
async def test_connection_ends_as_one_that_has_always_had_its_last_limits(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose times have begun with the last change, that is; and a session with itself."""
    fixed_jitter(monkeypatch, 1.0)
    chooser = random.Random(seed)
    connection = Connection()
    stalls = chooser.random() < 0.3
    if stalls:
        connection.wait()
    for second in range(1, 6):
        connection.limit(**{name: chooser.choice(values) for name, values in TIMES.items()})
        await connection.lives(second)
    connection.limit()  # all times begin anew
    last: dict[str, Any] = {name: chooser.choice(values) for name, values in TIMES.items()}
    connection.limit(**last)
    changed = connection.now

    of_session = last["max_session_time"] - changed if last["max_session_time"] else 0.0
    fresh = Connection(**{**last, "max_session_time": of_session})
    if stalls:
        fresh.wait()
    await fresh.lives(FOR_EVER)

    expected: list[Any] = [(cause, pytest.approx(changed + at)) for cause, at in fresh.given_up]
    assert connection.given_up == expected
    pings = [ping for ping in connection.pings if ping > changed]
    assert pings == pytest.approx([changed + ping for ping in fresh.pings])


# The end


async def test_watch_that_is_stopped_leaves_no_timer() -> None:
    connection = Connection(
        ping_interval=20.0,
        ping_timeout=5.0,
        idle_timeout=60.0,
        max_session_time=3600.0,
        send_timeout=30.0,
    )
    before = len(timers())
    connection.wait()
    assert len(timers()) == before + 1

    connection.watch.stop()
    assert timers() == []
    await connection.lives(FOR_EVER)
    assert (connection.pings, connection.given_up) == ([], [])


@pytest.mark.parametrize(
    "limits",
    [
        {"ping_interval": 20.0, "ping_timeout": 5.0},
        {"idle_timeout": 60.0},
        {"max_session_time": 60.0},
    ],
    ids=["ping", "idle", "session"],
)
async def test_connection_that_is_given_up_has_no_timer_any_more(limits: dict[str, Any]) -> None:
    connection = Connection(**limits)
    await connection.lives(90)

    assert len(connection.given_up) == 1
    assert timers() == []


async def test_slow_peer_that_is_given_up_has_no_timer_any_more() -> None:
    connection = Connection(send_timeout=30.0)
    connection.wait()
    await connection.lives(31)

    assert len(connection.given_up) == 1
    assert timers() == []


async def test_watch_with_nothing_to_watch_has_no_timer() -> None:
    Connection()

    assert timers() == []
