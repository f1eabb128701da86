"""What is read when: the clock jumps from one timer to the next."""

import asyncio
import zlib
from typing import Any

import pytest

from app.server.intake import Intake
from app.server.peer_end import RATE_EXCEEDED, STREAM_END, End
from app.server.receive_queue import MAX_BYTES, MAX_MESSAGES, ReceiveQueue
from app.server.send_buffer import SendBuffer
from app.server.turns import FRAMES_PER_SHARE, SMALL, Turns
from app.server.waiter import Waiter
from app.websocket.channel import Message
from app.websocket.deflate import Inflater
from app.websocket.frames import Close, Opcode, encode_control
from app.websocket.limits import Limits
from app.websocket.messages import Violation
from app.websocket.rates import InboundRates
from tests.helpers.compiled import as_written
from tests.helpers.raw_client import encode, encode_close
from tests.helpers.recording_transport import RecordingTransport
from tests.helpers.virtual_time import VIRTUAL_TIME

PING = encode(Opcode.PING, b"p")
PONG = encode(Opcode.PONG, b"p")
PONG_OF_OURS = encode_control(Opcode.PONG, b"p")


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Connection:
    """An intake on a transport that shows whether it is read, and a sink that keeps the ends."""

    def __init__(self, early: bytes = b"") -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.transport = RecordingTransport()
        self.queue = ReceiveQueue()
        self.waiter = Waiter(self._loop)
        self.out = SendBuffer(self.transport, self._loop)
        self.turns = Turns()
        self.ends: list[End] = []
        self.done: list[End] = []
        self.intake = Intake(
            self.transport, self.queue, self.waiter, self.out, self.turns, self, early
        )

    def start(self, inflater: Inflater | None = None, **limits: Any) -> None:
        self.intake.start(Limits.model_validate(limits), inflater)

    def limit(self, **limits: Any) -> None:
        """Hold it to these limits from now on."""
        self.intake.set_limits(Limits.model_validate(limits))

    def meet_end(self, end: End) -> None:
        self.ends.append(end)
        self.intake.wait()

    def peer_is_done(self, end: End) -> None:
        self.done.append(end)

    def feed(self, *frames: bytes) -> None:
        self.intake.feed(b"".join(frames))

    def taken(self) -> list[Message]:
        """Take all messages that are there, as a handler would."""
        taken = []
        while self.queue.messages:
            taken.append(self.queue.take())
            if self.intake.paused and self.queue.has_room:
                self.intake.go_on()
        return taken

    async def lives(self, until: float) -> None:
        """Let the time pass up to this one, in seconds from the beginning."""
        await asyncio.sleep(self._began + until - self._loop.time())

    @property
    def pongs(self) -> int:
        return self.transport.written.count(PONG_OF_OURS)


def connected(early: bytes = b"", **limits: Any) -> Connection:
    connection = Connection(early)
    connection.start(**limits)
    return connection


async def turn() -> None:
    """Let the event loop do what it has been asked to do."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def text(number: int) -> bytes:
    return encode(Opcode.TEXT, b"%d" % number)


def texts(*numbers: int) -> list[str]:
    return [str(number) for number in numbers]


# The beginning


async def test_nothing_is_read_before_the_start() -> None:
    connection = Connection(early=text(1))
    await turn()
    assert not connection.transport.reading
    assert connection.intake.paused
    assert connection.taken() == []

    connection.start()
    assert connection.transport.reading
    assert not connection.intake.paused
    assert connection.taken() == ["1"]


async def test_limits_hold_for_what_came_before_the_start() -> None:
    connection = Connection(early=encode(Opcode.TEXT, b"12345678"))
    connection.start(max_remote_payload=7)

    (end,) = connection.ends
    assert isinstance(end, Violation)
    assert end.code == 1009


async def test_message_has_as_many_frames_as_the_limits_allow() -> None:
    frames = [encode(Opcode.TEXT, b"", fin=False), encode(Opcode.CONTINUATION, b"", fin=False)]
    connection = connected(max_fragments=3)
    connection.feed(*frames, encode(Opcode.CONTINUATION, b""))
    assert connection.taken() == [""]

    connection.feed(
        *frames, encode(Opcode.CONTINUATION, b"", fin=False), encode(Opcode.CONTINUATION, b"")
    )
    (end,) = connection.ends
    assert isinstance(end, Violation)
    assert end.code == 1009
    assert connection.taken() == []


# Shares


async def test_many_frames_are_read_in_shares_of_which_others_have_theirs_between() -> None:
    connection = connected()
    count = 3 * FRAMES_PER_SHARE
    connection.feed(*map(text, range(count)))
    assert connection.taken() == texts(*range(FRAMES_PER_SHARE))
    assert not connection.transport.reading

    others: list[int] = []
    connection.turns.wait(lambda: others.append(len(connection.queue.messages)))
    await turn()
    await turn()
    assert connection.taken() == texts(*range(FRAMES_PER_SHARE, count))
    assert connection.transport.reading
    assert others == [FRAMES_PER_SHARE]


async def test_only_one_share_is_waited_for_at_a_time() -> None:
    connection = connected()
    connection.feed(*map(text, range(4 * FRAMES_PER_SHARE)))
    for _ in range(5):
        connection.intake.go_on()

    for _ in range(4):
        before = connection.queue.received
        await asyncio.sleep(0)
        assert connection.queue.received - before <= FRAMES_PER_SHARE
    assert connection.taken() == texts(*range(4 * FRAMES_PER_SHARE))


@pytest.mark.parametrize(
    ("size", "at_once"), [(SMALL, True), (SMALL + 1, False)], ids=["little", "much"]
)
async def test_much_that_comes_while_others_wait_is_read_in_a_turn_to_come(
    size: int, at_once: bool
) -> None:
    connection = connected()
    others: list[int] = []
    connection.turns.wait(lambda: others.append(connection.queue.received))
    connection.feed(encode(Opcode.BINARY, b"x" * (size - 8)))
    assert connection.queue.received == at_once
    assert connection.transport.reading is at_once

    await turn()
    assert len(connection.taken()) == 1
    assert connection.transport.reading
    assert others == [at_once]


async def test_nothing_more_is_read_while_what_has_come_waits_for_its_turn() -> None:
    connection = connected()
    connection.feed(text(1))
    connection.turns.wait(lambda: None)
    connection.feed(encode(Opcode.BINARY, b"x" * 2 * SMALL))
    assert not connection.transport.reading

    assert connection.taken() == ["1"]
    assert not connection.transport.reading
    await turn()
    assert len(connection.taken()) == 1
    assert connection.transport.reading


async def test_much_that_comes_while_nobody_waits_is_read_at_once() -> None:
    connection = connected()
    connection.feed(encode(Opcode.BINARY, b"x" * 2 * SMALL))

    assert len(connection.taken()) == 1
    assert connection.transport.reading


async def test_pings_are_answered_in_order_and_pongs_are_not() -> None:
    connection = connected()
    connection.feed(encode(Opcode.PING, b"1"), PONG, encode(Opcode.PING, b"2"))
    await turn()

    assert connection.transport.writes == [
        encode_control(Opcode.PONG, b"1") + encode_control(Opcode.PONG, b"2")
    ]
    assert connection.taken() == []


async def test_nothing_is_read_while_the_queue_is_full() -> None:
    connection = connected()
    sent = 0
    while connection.transport.reading:
        connection.feed(text(sent))
        sent += 1
        assert sent <= MAX_MESSAGES
    await connection.lives(60)
    assert not connection.transport.reading

    assert connection.taken() == texts(*range(sent))
    assert connection.transport.reading


async def test_what_has_come_waits_while_the_queue_is_full() -> None:
    connection = connected()
    count = MAX_MESSAGES + 3 * FRAMES_PER_SHARE
    connection.feed(*map(text, range(count)))
    await connection.lives(1)
    assert MAX_MESSAGES <= len(connection.queue.messages) < MAX_MESSAGES + FRAMES_PER_SHARE

    taken = connection.taken()
    await connection.lives(2)
    assert taken + connection.taken() == texts(*range(count))
    assert connection.transport.reading


async def test_nothing_is_read_while_the_peer_takes_nothing() -> None:
    connection = connected()
    connection.out.pause()
    connection.intake.go_on()
    assert not connection.transport.reading

    connection.out.resume()
    connection.intake.go_on()
    assert connection.transport.reading


async def test_what_has_come_waits_while_the_peer_takes_nothing() -> None:
    """Or else the answers to its pings would pile up."""
    connection = connected()
    connection.feed(*[PING] * 3 * FRAMES_PER_SHARE)
    connection.out.pause()
    connection.intake.go_on()
    await connection.lives(60)
    assert connection.pongs <= 2 * FRAMES_PER_SHARE, "one more share may have been on its way"

    connection.out.resume()
    connection.intake.go_on()
    await connection.lives(61)
    assert connection.pongs == 3 * FRAMES_PER_SHARE


async def test_it_is_heard_when_something_comes_or_could_not_have_come() -> None:
    connection = connected()
    connection.intake.heard = False
    await turn()
    assert not connection.intake.heard
    connection.feed(b"\x81")
    assert connection.intake.heard

    connection.out.pause()
    connection.intake.go_on()
    connection.intake.heard = False
    connection.out.resume()
    connection.intake.go_on()
    assert connection.intake.heard


# Floods of pings and pongs


@pytest.mark.parametrize("frame", [PING, PONG], ids=["pings", "pongs"])
async def test_flood_of_control_frames_pauses_reading_and_loses_nothing(frame: bytes) -> None:
    connection = connected(max_control_frames_per_second=10)
    connection.feed(*[frame] * 200, text(1))
    await connection.lives(0.01)
    assert not connection.transport.reading
    assert connection.taken() == []

    # Twenty at once and ten per second from then on.
    await connection.lives((200 - 20) / 10 - 0.1)
    assert not connection.transport.reading
    assert connection.taken() == []

    await connection.lives(200 / 10)
    assert connection.transport.reading
    assert connection.taken() == ["1"]
    assert connection.pongs == (200 if frame is PING else 0)


@pytest.mark.parametrize("rate", [10, 32, 100, 500])
@pytest.mark.parametrize("at_once", [True, False], ids=["in-one-read", "in-many"])
async def test_flood_gets_twice_the_limit_at_once_and_no_share_more(
    rate: int, at_once: bool
) -> None:
    connection = connected(max_control_frames_per_second=rate)
    frames = [PING] * 5 * rate
    if at_once:
        connection.feed(*frames)
    else:
        while frames:
            connection.feed(frames.pop())
    await connection.lives(0.5 / rate)

    assert connection.pongs == 2 * rate


async def test_no_more_control_frames_are_read_than_the_limit() -> None:
    connection = connected(max_control_frames_per_second=10)
    connection.feed(*[PING] * 2000)
    for second in range(1, 60):
        await connection.lives(second)

        assert connection.pongs <= 20 + 10 * second
        # Each is read when there is a token for it, and what is left of a token is not lost.
        assert connection.pongs >= 20 + 10 * second - 1


async def test_control_frames_within_the_limit_do_not_pause_reading() -> None:
    connection = connected(max_control_frames_per_second=10)
    for tenth in range(1, 600):
        connection.feed(PING)
        assert connection.transport.reading
        await connection.lives(tenth / 10)

    assert connection.pongs == 599


async def test_flood_is_read_on_as_soon_as_that_may_be() -> None:
    connection = connected(max_control_frames_per_second=10)
    connection.feed(*[PING] * 20)
    assert connection.transport.reading, "nothing is left to be read"

    connection.feed(text(1))
    assert not connection.transport.reading
    await connection.lives(0.09)
    assert connection.taken() == []
    await connection.lives(0.11)
    assert connection.taken() == ["1"]


@as_written
async def test_rates_are_not_asked_while_there_are_none_and_few_control_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To ask them would cost more than to read a message."""
    asked: list[int] = []
    frames_now = InboundRates.frames_now

    def noting(rates: InboundRates, now: float, most: int) -> int:
        asked.append(frames_now(rates, now, most))
        return asked[-1]

    monkeypatch.setattr(InboundRates, "frames_now", noting)
    connection = connected(max_control_frames_per_second=100)
    connection.feed(PING)
    asked.clear()
    for number in range(10):
        connection.feed(text(number))
        connection.feed(encode(Opcode.TEXT, b"a", fin=False), encode(Opcode.CONTINUATION, b"b"))
    assert asked == []

    connection.feed(*[PING] * 40)
    await turn()
    connection.feed(*[PING] * 40)
    await turn()
    connection.feed(*[PING] * 60)
    await turn()
    asked.clear()
    connection.feed(text(1))
    assert asked, "there are tokens for less than a share"

    await connection.lives(60)
    connection.feed(text(2))
    asked.clear()
    connection.feed(text(3))
    assert asked == []


@as_written
async def test_client_that_is_held_back_is_not_looked_at_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some clocks tell milliseconds: a timer that is shorter goes off without end."""
    waits: list[float] = []
    seconds_to_wait = InboundRates.seconds_to_wait

    def noting(rates: InboundRates, now: float) -> float:
        waits.append(seconds_to_wait(rates, now))
        return waits[-1]

    monkeypatch.setattr(InboundRates, "seconds_to_wait", noting)
    connection = connected(max_messages_per_second=30)
    connection.feed(*map(text, range(100)))
    await connection.lives(4)

    assert connection.queue.received == 100
    assert 0 < len(waits) <= 2 * 70


# Messages per second


@pytest.mark.parametrize("at_once", [True, False], ids=["in-one-read", "in-many"])
async def test_messages_beyond_the_rate_come_one_by_one_in_time(at_once: bool) -> None:
    connection = connected(max_messages_per_second=5)
    frames = [text(number) for number in range(10)]
    if at_once:
        connection.feed(*frames)
    else:
        while frames and connection.transport.reading:
            connection.feed(frames.pop(0))
        connection.feed(*frames)  # a transport may still have had it
    await connection.lives(0.01)
    assert connection.taken() == texts(0, 1, 2, 3, 4)
    assert not connection.transport.reading

    for number in range(5, 10):
        await connection.lives((number - 4) / 5 - 0.01)
        assert connection.taken() == []
        await connection.lives((number - 4) / 5 + 0.01)
        assert connection.taken() == texts(number)
    assert connection.transport.reading


async def test_messages_within_the_rate_do_not_pause_reading() -> None:
    connection = connected(max_messages_per_second=5)
    for number in range(100):
        await connection.lives(number / 5 + 0.001)
        connection.feed(text(number))
        assert connection.transport.reading

    assert connection.taken() == texts(*range(100))


async def test_fragments_are_no_messages() -> None:
    connection = connected(max_messages_per_second=1)
    message = [
        encode(Opcode.TEXT, b"a", fin=False),
        *[encode(Opcode.CONTINUATION, b"a", fin=False)] * 8,
    ]
    connection.feed(*message, encode(Opcode.CONTINUATION, b"a"), text(2))
    await connection.lives(0.01)
    assert connection.taken() == ["a" * 10]

    await connection.lives(1.01)
    assert connection.taken() == ["2"]


async def test_rate_holds_for_what_came_before_the_start() -> None:
    connection = connected(b"".join(map(text, range(3))), max_messages_per_second=1)
    await turn()
    assert connection.taken() == texts(0)

    await connection.lives(5)
    assert connection.taken() == texts(1, 2)


async def test_messages_beyond_the_rate_end_the_connection_behind_those_before() -> None:
    connection = connected(max_messages_per_second=5, on_rate_limit="close")
    connection.feed(*map(text, range(5)))
    await turn()
    assert connection.ends == []

    connection.feed(*map(text, range(5, 10)))
    await turn()
    assert connection.ends == [RATE_EXCEEDED]
    assert connection.taken() == texts(*range(5))
    assert not connection.transport.reading
    await connection.lives(60)
    assert connection.taken() == [], "read although it is closed for it"


@pytest.mark.parametrize("most", [1, 5, FRAMES_PER_SHARE - 1, FRAMES_PER_SHARE, 100])
@pytest.mark.parametrize("at_once", [True, False], ids=["in-one-read", "in-many"])
async def test_message_that_is_one_too_many_is_as_if_it_had_not_come(
    most: int, at_once: bool
) -> None:
    connection = connected(max_messages_per_second=most, on_rate_limit="close")
    frames = [encode(Opcode.TEXT, "é".encode()) for _ in range(most + 10)]
    if at_once:
        connection.feed(*frames)
    else:
        while frames and not connection.ends:
            connection.feed(frames.pop())
    await turn()
    await turn()

    assert connection.ends == [RATE_EXCEEDED]
    assert connection.queue.received == most
    assert connection.intake.bytes_received == 2 * most
    assert connection.taken() == ["é"] * most


async def test_reader_that_waits_is_not_given_the_message_that_is_one_too_many() -> None:
    connection = connected(max_messages_per_second=1, on_rate_limit="close")
    connection.feed(text(0))
    assert connection.taken() == texts(0)
    seen: list[int] = []

    async def wait() -> None:
        await connection.waiter
        seen.append(connection.queue.received)

    waiting = asyncio.create_task(wait())
    await turn()
    connection.feed(text(1))
    await turn()
    assert not waiting.done()
    waiting.cancel()

    assert seen == []

    assert connection.taken() == []
    assert connection.ends == [RATE_EXCEEDED]


async def test_messages_within_the_rate_do_not_end_the_connection() -> None:
    connection = connected(max_messages_per_second=5, on_rate_limit="close")
    for number in range(100):
        await connection.lives(number / 5 + 0.001)
        connection.feed(text(number))

    assert connection.ends == []
    assert connection.taken() == texts(*range(100))


@pytest.mark.parametrize("on_rate_limit", ["pause", "close"])
async def test_close_of_the_peer_is_no_message(on_rate_limit: str) -> None:
    connection = connected(max_messages_per_second=1, on_rate_limit=on_rate_limit)
    connection.feed(text(1), encode_close(4000))
    await connection.lives(1.01)

    assert connection.taken() == ["1"]
    assert connection.ends == [Close(4000, "")]


# Bytes per second


async def test_bytes_beyond_the_rate_are_read_in_time() -> None:
    message = encode(Opcode.BINARY, b"x" * 94)  # and six of the head
    connection = connected(max_bytes_per_second=1000)
    connection.feed(*[message] * 10)
    assert len(connection.taken()) == 10
    assert connection.transport.reading

    connection.feed(*[message] * 10)
    assert connection.taken() == []
    assert not connection.transport.reading
    await connection.lives(0.99)
    assert connection.taken() == []
    await connection.lives(1.01)
    assert len(connection.taken()) == 10
    assert connection.transport.reading


async def test_bytes_within_the_rate_do_not_pause_reading() -> None:
    connection = connected(max_bytes_per_second=1000)
    for tenth in range(1, 100):
        connection.feed(encode(Opcode.BINARY, b"x" * 94))
        assert connection.transport.reading
        await connection.lives(tenth / 10)

    assert len(connection.taken()) == 99


async def test_bytes_of_unfinished_messages_and_control_frames_count() -> None:
    connection = connected(max_bytes_per_second=100)
    connection.feed(encode(Opcode.TEXT, b"x" * 94, fin=False))
    assert connection.transport.reading
    connection.feed(PONG)
    assert not connection.transport.reading

    await connection.lives(0.08)
    assert connection.transport.reading


async def test_bytes_that_came_before_the_start_count() -> None:
    connection = connected(encode(Opcode.BINARY, b"x" * 292), max_bytes_per_second=100)
    assert connection.taken() == []
    assert not connection.transport.reading

    await connection.lives(2.01)
    assert connection.taken() == [b"x" * 292]


async def test_bytes_beyond_the_rate_end_the_connection() -> None:
    connection = connected(max_bytes_per_second=200, on_rate_limit="close")
    message = encode(Opcode.BINARY, b"x" * 94)
    connection.feed(message, message)
    assert connection.ends == []

    connection.feed(message)
    assert connection.ends == [RATE_EXCEEDED]
    assert len(connection.taken()) == 3
    assert not connection.transport.reading


async def test_close_of_the_peer_counts_also_with_bytes_beyond_the_rate() -> None:
    connection = connected(max_bytes_per_second=10, on_rate_limit="close")
    connection.feed(encode(Opcode.BINARY, b"x" * 94), encode_close(4001, "bye"))

    assert connection.ends == [Close(4001, "bye")]


async def test_bytes_of_an_unfinished_message_beyond_the_rate_end_the_connection() -> None:
    connection = connected(max_bytes_per_second=200, on_rate_limit="close")
    connection.feed(encode(Opcode.BINARY, b"x" * 400, fin=False))

    assert connection.ends == [RATE_EXCEEDED]


async def test_client_that_has_been_silent_may_send_no_more_at_once_for_that() -> None:
    connection = connected(max_bytes_per_second=1000, on_rate_limit="close")
    await connection.lives(3600)

    connection.feed(encode(Opcode.BINARY, bytes(5000)))
    assert connection.ends == [RATE_EXCEEDED]


# Limits that change


async def test_next_message_may_be_as_long_as_the_limits_say_by_then() -> None:
    connection = connected(max_remote_payload=7)
    connection.limit(max_remote_payload=8)
    connection.feed(encode(Opcode.TEXT, b"12345678"))
    assert connection.taken() == ["12345678"]

    connection.limit(max_remote_payload=6)
    connection.feed(encode(Opcode.TEXT, b"123456"), encode(Opcode.TEXT, b"1234567"))
    (end,) = connection.ends
    assert end == Violation(1009, "a message is longer than 6 bytes")
    assert connection.taken() == ["123456"]


async def test_what_has_come_and_is_not_read_yet_is_held_to_the_new_limits() -> None:
    connection = connected()
    connection.feed(*map(text, range(FRAMES_PER_SHARE)), encode(Opcode.TEXT, b"too long"))
    connection.limit(max_remote_payload=7)
    await turn()

    assert connection.taken() == texts(*range(FRAMES_PER_SHARE))
    assert connection.ends == [Violation(1009, "a message is longer than 7 bytes")]


async def test_next_message_may_have_as_many_frames_as_the_limits_say_by_then() -> None:
    message = [
        encode(Opcode.TEXT, b"a", fin=False),
        encode(Opcode.CONTINUATION, b"b", fin=False),
        encode(Opcode.CONTINUATION, b"c"),
    ]
    connection = connected(max_fragments=2)
    connection.limit(max_fragments=3)
    connection.feed(*message)
    assert connection.taken() == ["abc"]

    connection.limit(max_fragments=2)
    connection.feed(*message)
    assert connection.ends == [Violation(1009, "a message has at most 2 frames")]


async def test_client_that_has_to_wait_is_read_on_when_it_need_not_any_more() -> None:
    connection = connected(max_messages_per_second=1)
    connection.feed(*map(text, range(10)))
    assert connection.taken() == texts(0)
    assert not connection.transport.reading

    connection.limit()
    await turn()
    assert connection.taken() == texts(*range(1, 10))
    assert connection.transport.reading


async def test_client_that_has_to_wait_waits_no_longer_than_it_has_to_now() -> None:
    connection = connected(max_bytes_per_second=10)
    connection.feed(encode(Opcode.BINARY, bytes(94)), text(1))
    await connection.lives(2)
    assert connection.taken() == []

    connection.limit(max_bytes_per_second=100)
    await connection.lives(2.7)
    assert connection.taken() == [], "77 of 107 bytes were still to be paid for"
    await connection.lives(2.8)
    assert connection.taken() == [bytes(94), "1"]


async def test_client_that_has_to_wait_waits_longer_if_it_has_to() -> None:
    connection = connected(max_messages_per_second=10)
    connection.feed(*map(text, range(12)))
    assert connection.taken() == texts(*range(10))

    connection.limit(max_messages_per_second=1)
    await connection.lives(0.9)
    assert connection.taken() == []
    await connection.lives(2.1)
    assert connection.taken() == texts(10, 11)


async def test_rate_that_comes_gives_what_may_come_at_once_and_no_more() -> None:
    connection = connected()
    connection.feed(*map(text, range(50)))
    assert connection.taken() == texts(*range(50))

    connection.limit(max_messages_per_second=5)
    connection.feed(*map(text, range(7)))
    assert connection.taken() == texts(*range(5))
    await connection.lives(0.41)
    assert connection.taken() == texts(5, 6)


async def test_client_is_closed_from_when_the_limits_say_so() -> None:
    connection = connected(max_messages_per_second=2)
    connection.feed(*map(text, range(2)))
    connection.limit(max_messages_per_second=2, on_rate_limit="close")
    assert connection.ends == []

    connection.feed(text(2))
    assert connection.ends == [RATE_EXCEEDED]
    assert connection.taken() == texts(0, 1)


async def test_client_is_not_closed_for_bytes_that_would_have_slowed_it_down() -> None:
    connection = connected(max_bytes_per_second=10)
    connection.feed(encode(Opcode.BINARY, bytes(1000)))
    assert connection.taken() == []

    connection.limit(max_bytes_per_second=10, on_rate_limit="close")
    await turn()
    assert connection.taken() == [bytes(1000)]
    assert connection.ends == []

    connection.feed(text(1))
    assert connection.ends == [RATE_EXCEEDED]


async def test_flood_of_pings_is_read_at_the_rate_that_the_limits_say_by_then() -> None:
    connection = connected(max_control_frames_per_second=1)
    connection.feed(PING * 200)
    connection.limit(max_control_frames_per_second=100)
    await connection.lives(1.1)
    await turn()

    assert 100 <= connection.pongs <= 113


async def test_new_limits_change_nothing_for_a_client_that_has_ended() -> None:
    connection = connected(max_messages_per_second=1)
    connection.feed(text(1), encode_close(1000), text(2))
    await connection.lives(5)
    connection.limit()
    await turn()

    (end,) = connection.ends
    assert isinstance(end, Close)
    assert connection.taken() == texts(1)


# The end


async def test_end_of_the_peer_is_met_behind_what_came_before_it() -> None:
    connection = connected()
    connection.feed(text(1), encode_close(4001, "bye"), text(2))

    assert connection.ends == [Close(4001, "bye")]
    assert connection.taken() == ["1"]


async def test_end_of_the_stream_is_looked_for_after_the_peers_close() -> None:
    connection = connected()
    connection.feed(encode_close(4001, "bye"))

    assert connection.transport.reading


async def test_nothing_is_read_while_an_end_waits_that_is_not_the_peers() -> None:
    connection = connected()
    connection.intake.wait()
    connection.intake.go_on()
    assert not connection.transport.reading

    connection.feed(text(1))
    await turn()
    assert connection.taken() == []


async def test_end_of_the_stream_is_met_at_once_where_all_has_been_read() -> None:
    connection = connected()
    connection.feed(*map(text, range(MAX_MESSAGES)))
    await connection.lives(1)
    assert connection.queue.full
    connection.intake.finish()

    assert connection.ends == [STREAM_END]
    assert connection.taken() == texts(*range(MAX_MESSAGES))


async def test_what_came_before_the_end_of_the_stream_is_read_in_shares() -> None:
    connection = connected()
    count = 3 * FRAMES_PER_SHARE
    connection.feed(*map(text, range(count)))
    connection.intake.finish()
    assert connection.taken() == texts(*range(FRAMES_PER_SHARE))
    assert connection.ends == []

    for _ in range(3):
        before = connection.queue.received
        await asyncio.sleep(0)
        assert connection.queue.received - before <= FRAMES_PER_SHARE
    await turn()
    assert connection.taken() == texts(*range(FRAMES_PER_SHARE, count))
    assert connection.ends == [STREAM_END]


async def test_close_among_the_rest_is_met_in_place_of_the_end_of_the_stream() -> None:
    connection = connected()
    count = 3 * FRAMES_PER_SHARE
    connection.feed(*map(text, range(count)), encode_close(4001, "bye"))
    connection.intake.finish()
    await connection.lives(1)

    assert connection.taken() == texts(*range(count))
    assert connection.ends == [Close(4001, "bye")]


async def test_message_that_the_stream_cuts_off_is_none() -> None:
    connection = connected()
    connection.feed(text(1), text(2)[:-1])
    connection.intake.finish()

    assert connection.taken() == ["1"]
    assert connection.ends == [STREAM_END]


async def test_end_of_the_stream_waits_while_the_queue_is_full() -> None:
    connection = connected()
    count = 4 * MAX_MESSAGES
    connection.feed(*map(text, range(count)))
    connection.intake.finish()
    taken: list[Message] = []
    for second in range(1, 20):
        await connection.lives(second)
        assert len(connection.queue.messages) < MAX_MESSAGES + FRAMES_PER_SHARE
        assert connection.ends == [] or connection.queue.received == count
        taken += connection.taken()

    assert taken == texts(*range(count))
    assert connection.ends == [STREAM_END]


async def test_bombs_before_the_end_of_the_stream_are_inflated_as_there_is_room() -> None:
    size = 65536
    deflater = zlib.compressobj(9, wbits=-15)
    bomb = deflater.compress(bytes(size)) + deflater.flush(zlib.Z_FULL_FLUSH)
    frame = encode(0x40 | Opcode.BINARY, bomb[:-4])
    count = 256 * 1024 // len(frame)
    assert count * size > 100 << 20, "a hundred MiB, if all were inflated"
    connection = Connection()
    connection.start(Inflater(15, keeps_window=True), max_remote_payload=size)
    connection.feed(frame * count)
    connection.intake.finish()

    received = 0
    while not connection.ends:
        received += len(connection.taken())
        before = connection.queue.received
        await asyncio.sleep(0.001)
        held = sum(map(len, connection.queue.messages))
        assert held <= MAX_BYTES + FRAMES_PER_SHARE // 4 * 8192 + size
        assert connection.queue.received > before or connection.ends, "it stands still"
    assert received + len(connection.taken()) == count
    assert connection.ends == [STREAM_END]


async def test_bombs_before_the_end_of_the_stream_stay_unread_if_nobody_takes_any() -> None:
    size = 65536
    connection = Connection()
    connection.start(Inflater(15, keeps_window=True), max_remote_payload=size)
    deflater = zlib.compressobj(9, wbits=-15)
    bomb = deflater.compress(bytes(size)) + deflater.flush(zlib.Z_FULL_FLUSH)
    connection.feed(encode(0x40 | Opcode.BINARY, bomb[:-4]) * 1000)
    connection.intake.finish()
    await connection.lives(60)

    assert MAX_BYTES <= connection.queue.received * size <= 2 * MAX_BYTES
    assert connection.ends == []


async def test_rate_holds_for_what_came_before_the_end_of_the_stream() -> None:
    connection = connected(max_messages_per_second=1)
    connection.feed(*map(text, range(100)))
    connection.intake.finish()
    for second in range(99):
        await connection.lives(second + 0.01)
        assert connection.taken() == texts(second)
        assert connection.ends == []

    await connection.lives(99.01)
    assert connection.taken() == texts(99)
    assert connection.ends == [STREAM_END]


async def test_rate_that_was_exceeded_ends_the_connection_also_after_its_stream() -> None:
    connection = connected(max_messages_per_second=1, on_rate_limit="close")
    connection.feed(*map(text, range(100)))
    connection.intake.finish()
    await connection.lives(60)

    assert connection.ends == [RATE_EXCEEDED]
    assert connection.taken() == texts(0)


async def test_rate_cannot_be_got_around_by_the_end_of_the_stream() -> None:
    """What was not read yet when the stream ended is counted as everything else."""
    connection = connected(max_messages_per_second=200, on_rate_limit="close")
    connection.feed(*map(text, range(FRAMES_PER_SHARE)))
    connection.feed(*map(text, range(10_000)))
    connection.intake.finish()
    taken = 0
    for second in range(1, 60):
        await connection.lives(second / 1000)
        taken += len(connection.taken())

    assert connection.ends == [RATE_EXCEEDED]
    assert taken == connection.queue.received == 200 + int(0.001 * 200)


async def test_transport_that_has_ended_is_not_read_on() -> None:
    connection = connected()
    connection.feed(*map(text, range(2 * MAX_MESSAGES)))
    connection.intake.finish()
    connection.transport.reading = False
    for second in range(1, 10):
        await connection.lives(second)
        connection.taken()

    assert connection.ends == [STREAM_END]
    assert not connection.transport.reading


async def test_end_of_the_stream_is_met_once() -> None:
    connection = connected()
    connection.feed(text(1))
    for _ in range(3):
        connection.intake.finish()
        connection.intake.go_on()

    assert connection.ends == [STREAM_END]


async def test_end_of_the_stream_is_not_waited_for_by_the_peers_answers() -> None:
    """Who sees the end of its half cannot be told to go on reading; the rest is bounded."""
    connection = connected()
    connection.feed(*[PING] * 2 * FRAMES_PER_SHARE, text(1))
    connection.out.pause()
    connection.intake.finish()
    await connection.lives(1)

    assert connection.taken() == ["1"]
    assert connection.ends == [STREAM_END]


async def test_client_that_is_held_back_can_be_stopped() -> None:
    connection = connected(max_messages_per_second=1)
    connection.feed(*map(text, range(100)))
    await turn()
    connection.taken()
    connection.transport.close()
    connection.intake.stop()
    loop: Any = asyncio.get_running_loop()
    assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

    await connection.lives(60)
    assert connection.taken() == []
    assert not connection.transport.reading


async def test_share_that_waits_when_all_has_stopped_is_not_read() -> None:
    connection = connected()
    connection.feed(*map(text, range(2 * FRAMES_PER_SHARE)))
    connection.taken()
    connection.transport.close()
    connection.intake.stop()
    await turn()

    assert connection.taken() == []


async def test_transport_that_closes_is_not_read_on() -> None:
    connection = connected()
    connection.out.pause()
    connection.intake.go_on()
    connection.transport.close()
    connection.out.resume()
    connection.intake.go_on()

    assert not connection.transport.reading


# Discarding


async def test_what_is_discarded_is_neither_delivered_nor_answered() -> None:
    connection = connected()
    connection.intake.discard()
    connection.feed(text(1), PING, text(2))
    await turn()

    assert connection.taken() == []
    assert connection.pongs == 0
    assert connection.done == []
    assert connection.transport.reading


@pytest.mark.parametrize(
    ("last", "end"),
    [(encode_close(4001, "bye"), Close(4001, "bye")), (b"\xff\x80mask", None)],
    ids=["close", "violation"],
)
async def test_end_of_the_peer_is_told_while_all_else_is_discarded(
    last: bytes, end: Close | None
) -> None:
    connection = connected()
    connection.intake.discard()
    connection.feed(*map(text, range(3 * FRAMES_PER_SHARE)), last)
    await connection.lives(1)

    (done,) = connection.done
    assert done == end or (end is None and isinstance(done, Violation))
    assert connection.ends == []


async def test_discarding_goes_on_reading_whoever_does_not_keep_up() -> None:
    connection = connected()
    connection.feed(*map(text, range(MAX_MESSAGES + FRAMES_PER_SHARE)))
    await connection.lives(1)
    connection.out.pause()
    connection.intake.go_on()
    assert not connection.transport.reading

    connection.intake.discard()
    await connection.lives(2)
    assert connection.transport.reading
    assert len(connection.taken()) <= MAX_MESSAGES + FRAMES_PER_SHARE


held_back = pytest.mark.parametrize(
    "limits",
    [
        {"max_control_frames_per_second": 1},
        {"max_messages_per_second": 1},
        {"max_bytes_per_second": 20},
    ],
    ids=["control-frames", "messages", "bytes"],
)


@held_back
async def test_client_that_is_held_back_is_read_on_when_that_is_discarded(
    limits: dict[str, Any],
) -> None:
    connection = connected(**limits)
    connection.feed(PING, PING)
    await connection.lives(0.01)
    connection.feed(*[text(1) + PING] * 15)
    await connection.lives(0.02)
    assert not connection.transport.reading
    connection.intake.discard()
    assert connection.transport.reading, "what had come is no more than a share"
    connection.feed(encode_close(4001, "bye"))

    assert connection.done == [Close(4001, "bye")]


@held_back
async def test_close_that_had_come_from_a_client_that_is_held_back_is_found_at_once(
    limits: dict[str, Any],
) -> None:
    connection = connected(**limits)
    connection.feed(PING, PING)
    await connection.lives(0.01)
    connection.feed(*[text(1) + PING] * 15, encode_close(4001, "bye"))
    await connection.lives(0.02)
    assert connection.ends == []
    connection.intake.discard()

    assert connection.done == [Close(4001, "bye")]
    loop: Any = asyncio.get_running_loop()
    assert [timer for timer in loop._scheduled if not timer.cancelled()] == []


async def test_nothing_is_counted_that_is_discarded() -> None:
    connection = connected(max_messages_per_second=1, on_rate_limit="close")
    connection.intake.discard()
    connection.feed(*map(text, range(10)))
    await turn()

    assert connection.ends == []
    assert connection.queue.received == 0


async def test_bytes_of_whole_messages_are_counted() -> None:
    connection = connected()
    connection.feed(encode(Opcode.TEXT, b"12345"), PING, encode(Opcode.TEXT, b"123", fin=False))
    assert connection.intake.bytes_received == 5

    connection.feed(encode(Opcode.CONTINUATION, b"45"))
    assert connection.intake.bytes_received == 10
