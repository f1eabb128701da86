"""The limits of a handler's connections on the direct path: one real process, raw clients."""

import time
from collections.abc import Iterator, Sequence

import pytest
from websockets.frames import Opcode

from tests.helpers.kernel_buffers import in_kernel
from tests.helpers.log_lines import new_trace, traced
from tests.helpers.raw_client import TIMEOUT, RawClient, RawFrame, encode, request_head
from tests.helpers.send_buffers import SendBuffer
from tests.helpers.service_process import ServiceProcess, running_service, wait_until
from tests.services.pouring import MESSAGE_SIZE
from tests.services.strict import HIGH, POURING, strict_config

FRAMES_READ_AT_ONCE = 64
"""Frames of a client that may be read before it is seen that they are too many."""

LATE = 1.0
"""Seconds by which a machine with much to do may be late."""

LOOP_CLOCK = 0.002
"""Seconds by which a wait may be shorter than it was to be: uvloop counts in milliseconds."""


@pytest.fixture(scope="module")
def strict() -> Iterator[ServiceProcess]:
    """The handlers of `tests/services/strict.py`."""
    with running_service(document=strict_config(), module="tests.services.strict") as service:
        yield service


class Stopwatch:
    """Tells how many seconds ago it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


def texts(*messages: str) -> bytes:
    return b"".join(encode(Opcode.TEXT, message.encode()) for message in messages)


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def read_until_close(client: RawClient) -> tuple[list[str], int]:
    """Return the texts that come before the close frame, and its code."""
    messages = []
    while (frame := client.read_frame()).opcode != Opcode.CLOSE:
        if frame.opcode == Opcode.TEXT:
            messages.append(frame.payload.decode())
    return messages, frame.close_code


# Fragments


def fragments(payloads: Sequence[bytes], between: bytes = b"") -> bytes:
    """Return a message in frames with these payloads, and with other frames between them."""
    opcodes = [Opcode.TEXT] + [Opcode.CONT] * (len(payloads) - 1)
    last = len(payloads) - 1
    return between.join(
        encode(opcode, payload, fin=index == last)
        for index, (opcode, payload) in enumerate(zip(opcodes, payloads, strict=True))
    )


@pytest.mark.parametrize("payloads", [[b"a", b"b", b"c"], [b"", b"abc", b""]])
def test_message_of_as_many_fragments_as_may_be_is_echoed_and_so_is_the_next(
    strict: ServiceProcess, payloads: list[bytes]
) -> None:
    with RawClient(strict.port).open("/fragments") as client:
        client.send(fragments(payloads) * 2)

        assert [client.read_frame().payload for _ in range(2)] == [b"abc", b"abc"]


def test_control_frames_between_fragments_are_none(strict: ServiceProcess) -> None:
    with RawClient(strict.port).open("/fragments") as client:
        client.send(fragments([b"a", b"b", b"c"], between=encode(Opcode.PONG) * 2))

        assert client.read_frame().payload == b"abc"


@pytest.mark.parametrize("payloads", [[b"a", b"b", b"c", b"d"], [b"a", b"", b"", b""]])
def test_one_fragment_more_is_closed_with_1009_after_what_came_before(
    strict: ServiceProcess, payloads: list[bytes]
) -> None:
    with RawClient(strict.port).open("/fragments") as client:
        client.send(texts("before") + fragments(payloads))

        assert read_until_close(client) == (["before"], 1009)


def test_fragment_too_many_is_seen_before_the_message_ends(strict: ServiceProcess) -> None:
    with RawClient(strict.port).open("/fragments") as client:
        client.send(encode(Opcode.TEXT, fin=False) + encode(Opcode.CONT, fin=False) * 3)

        assert read_until_close(client) == ([], 1009)


# Rates. Nothing can come before its time; how late it may come depends on the machine.


def test_pings_over_the_rate_are_answered_later_and_none_is_lost(strict: ServiceProcess) -> None:
    pings = [b"%d" % number for number in range(200)]
    with RawClient(strict.port).open("/controls") as client:
        watch = Stopwatch()
        client.send(b"".join(encode(Opcode.PING, each) for each in pings) + texts("after"))

        assert [client.read_frame() for _ in pings] == [RawFrame(Opcode.PONG, p) for p in pings]
        assert client.read_frame().payload == b"after"
        assert watch.seconds > (200 - 2 * 50 - FRAMES_READ_AT_ONCE) / 50 - LOOP_CLOCK


def test_pings_below_the_rate_are_answered_at_once(strict: ServiceProcess) -> None:
    with RawClient(strict.port).open("/controls") as client:
        watch = Stopwatch()
        client.send(encode(Opcode.PING) * 100)

        assert {client.read_frame().opcode for _ in range(100)} == {Opcode.PONG}
        assert watch.seconds < 100 / 50


def test_messages_over_the_rate_are_answered_later_and_none_is_lost(
    strict: ServiceProcess,
) -> None:
    messages = numbers(15)
    arrivals = []
    with RawClient(strict.port).open("/paced") as client:
        watch = Stopwatch()
        client.send(texts(*messages))
        for message in messages:
            assert client.read_frame().payload.decode() == message
            arrivals.append(watch.seconds)

    assert arrivals[9] < 9 / 10  # ten at once, not one after the other
    for index, arrival in enumerate(arrivals[10:], start=1):
        assert arrival > index / 10 - LOOP_CLOCK


def test_messages_over_the_rate_end_the_connection_after_those_before_them(
    strict: ServiceProcess,
) -> None:
    messages = numbers(100)
    with RawClient(strict.port).open("/hasty") as client:
        client.send(texts(*messages))
        answered, code = read_until_close(client)

    assert code == 1008
    assert answered == messages[:10]


def test_bytes_over_the_rate_are_answered_later_and_none_is_lost(strict: ServiceProcess) -> None:
    """The heads of frames are bytes, too: most of these messages is head."""
    messages = ["x"] * 500
    sent = texts(*messages)
    with RawClient(strict.port).open("/thin") as client:
        watch = Stopwatch()
        client.send(sent)

        assert [client.read_frame().payload.decode() for _ in messages] == messages
        assert watch.seconds > (len(sent) - 2000) / 2000 - LOOP_CLOCK


def test_bytes_below_the_rate_are_answered_at_once(strict: ServiceProcess) -> None:
    with RawClient(strict.port).open("/thin") as client:
        watch = Stopwatch()
        client.send(texts("x" * 1990))

        assert len(client.read_frame().payload) == 1990
        assert watch.seconds < LATE


def test_bytes_over_the_rate_end_the_connection_after_what_came_before(
    strict: ServiceProcess,
) -> None:
    with RawClient(strict.port).open("/heavy") as client:
        client.send(texts("x" * 1000))
        assert len(client.read_frame().payload) == 1000
        client.send(texts("y" * 1000) + texts("z" * 9000)[:-1])

        answered, code = read_until_close(client)
        assert (answered, code) == (["y" * 1000], 1008)


# Pings of ours


@pytest.mark.parametrize("path", ["/pinging", "/listening"])
def test_pings_come_within_the_interval_and_not_before_three_quarters_of_it(
    strict: ServiceProcess, path: str
) -> None:
    watch = Stopwatch()
    with RawClient(strict.port).open(path) as client:
        for count in range(1, 4):
            ping = client.read_frame()
            assert ping.opcode == Opcode.PING
            client.send(encode(Opcode.PONG, ping.payload))

            assert count * (0.75 * 0.2 - LOOP_CLOCK) < watch.seconds < count * 0.2 + LATE


def test_client_that_does_not_answer_a_ping_is_closed_with_1011_after_the_timeout(
    strict: ServiceProcess,
) -> None:
    watch = Stopwatch()
    with RawClient(strict.port).open("/mute") as client:
        assert client.read_frame().opcode == Opcode.PING
        assert read_until_close(client) == ([], 1011)

        assert watch.seconds > 0.75 * 0.1 + 0.3 - 2 * LOOP_CLOCK


def test_whatever_comes_after_a_ping_keeps_the_connection(strict: ServiceProcess) -> None:
    message = texts("abcd")
    with RawClient(strict.port).open("/mute") as client:
        for index in range(0, len(message), 3):  # no pong, and not even a whole frame
            assert client.read_frame().opcode == Opcode.PING
            client.send(message[index : index + 3])

        frames = iter(client.read_frame, RawFrame(Opcode.TEXT, b"abcd"))
        assert {frame.opcode for frame in frames} <= {Opcode.PING}


# Time


def test_messages_keep_a_connection_from_being_idle_and_pings_do_not(
    strict: ServiceProcess,
) -> None:
    watch = Stopwatch()
    with RawClient(strict.port).open("/idle") as client:
        while watch.seconds < 2 * 0.6:
            quiet = Stopwatch()
            client.send(texts("I am here"))
            while client.read_frame().opcode != Opcode.TEXT:
                pass
            assert client.read_frame().opcode == Opcode.PING  # it is time for the next one
            client.send(encode(Opcode.PONG))
        pings = 0
        while (frame := client.read_frame()).opcode != Opcode.CLOSE:
            if frame.opcode == Opcode.PING:
                pings += 1
                client.send(encode(Opcode.PONG) + encode(Opcode.PING))

        assert frame.close_code == 1001
        assert pings > 1
        assert quiet.seconds > 0.6 - 4 * LOOP_CLOCK  # there are four checks in that time


def test_session_ends_at_its_time_whatever_happens(strict: ServiceProcess) -> None:
    watch = Stopwatch()
    with RawClient(strict.port).open("/brief") as client:
        client.send(texts("more"))
        while (frame := client.read_frame()).opcode == Opcode.TEXT:
            client.send(texts("more"))

        assert frame.close_code == 1001
        assert watch.seconds > 0.5 - LOOP_CLOCK


# What waits for a client


@pytest.mark.parametrize("name", POURING)
def test_sender_waits_once_the_buffer_has_what_it_may_have(
    strict: ServiceProcess, name: str
) -> None:
    """What is not in the operating system's buffers waits in ours."""
    high = POURING[name]["send-buffer-high"]
    trace_id, traceparent = new_trace()
    with RawClient(strict.port, receive_buffer=4096) as client:
        client.send(request_head(f"/{name}/{trace_id}", traceparent))
        client.read_head()

        end = traced(strict, trace_id)[-1]
        own_port: int = client.socket.getsockname()[1]
        taken = client.unread + in_kernel(strict.port, own_port)
        assert end["cause"] == "slow_consumer"
        assert high <= int(end["bytes_sent"]) - taken <= high + 2 * MESSAGE_SIZE


def test_sender_that_waits_goes_on_only_when_there_is_little_left(strict: ServiceProcess) -> None:
    name, _ = new_trace()
    with (
        RawClient(strict.port, receive_buffer=65536).open(f"/steady/{name}") as client,
        RawClient(strict.port).open("/count") as counting,
    ):
        buffer = SendBuffer(strict.port, client, counting, name)
        wait_until(lambda: buffer.left(buffer.sent(), 0) > HIGH, TIMEOUT)

        lefts = buffer.read_until_more_is_sent()
    assert min(lefts) < HIGH // 2  # half of it was gone, and the sender waited
