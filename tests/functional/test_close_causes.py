"""How each connection ends: what the client sees, what the handler is told, what the log says."""

import contextlib
import functools
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest
from websockets.frames import Opcode

from app.websocket.close import CloseCause
from tests.helpers.log_lines import Line, new_trace, opened, parsed, traced
from tests.helpers.raw_client import TIMEOUT, RawClient, encode, encode_close, request_head
from tests.helpers.service_process import ServiceProcess, components_of, running_service
from tests.services.ending import SENDERS, ending_config

GREETING: Final = "grüß"
TOO_FAST: Final = "more per second than is allowed"
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER
FACTS: Final = [
    *("closed_by", "cause", "code", "reason", "duration"),
    *("messages_received", "bytes_received", "messages_sent", "bytes_sent"),
]


def running() -> contextlib.AbstractContextManager[ServiceProcess]:
    return running_service(document=ending_config(), module="tests.services.ending")


@pytest.fixture(scope="module")
def service() -> Iterator[ServiceProcess]:
    """The handlers of `tests/services/ending.py`."""
    with running() as service:
        yield service


# Each cause


def says(data: bytes | str) -> Callable[[RawClient], None]:
    frames = encode(Opcode.TEXT, data.encode()) if isinstance(data, str) else data
    return lambda client: client.send(frames)


def resets(client: RawClient) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.socket.close()


def ends_its_stream(client: RawClient) -> None:
    client.end_sending()


def waits(client: RawClient) -> None:
    pass


@dataclass(frozen=True)
class Ending:
    """How a connection may end, and what comes of it.

    Args:
        cause: Of the record.
        path: What the client connects to.
        act: What the client does after it has been greeted.
        code: Of the record.
        reason: Of the record.
        received: Messages, and bytes of them, that come from the client after its greeting.
        seen: Code and reason in the close frame that the client sees, if not those of the record;
            0: a close frame without a code; None: there is no close frame.
        reads_late: Whether the client reads only when all is over.
    """

    cause: CloseCause
    path: str
    act: Callable[[RawClient], None]
    code: int
    reason: str = ""
    received: tuple[int, int] = (0, 0)
    seen: tuple[int, str] | tuple[()] | None = ()
    reads_late: bool = False

    def __str__(self) -> str:
        return f"{self.cause.value}-{self.code}"

    @property
    def closed_by(self) -> str:
        others = {CloseCause.CLIENT_CLOSE: "client", CloseCause.CONNECTION_LOST: "transport"}
        return others.get(self.cause, "server")


ENDINGS: Final = [
    Ending(CloseCause.CLIENT_CLOSE, "/witness", says(encode_close(4001, "bye")), 4001, "bye"),
    Ending(CloseCause.CLIENT_CLOSE, "/witness", says(encode(Opcode.CLOSE)), 1005, seen=(0, "")),
    Ending(CloseCause.CONNECTION_LOST, "/witness", resets, 1006, seen=None),
    Ending(
        CloseCause.CONNECTION_LOST,
        "/witness",
        ends_its_stream,
        1006,
        seen=(1002, "the stream ended without a close frame"),
    ),
    Ending(CloseCause.HANDLER_RETURNED, "/witness", says("return"), 1000, received=(1, 6)),
    Ending(CloseCause.HANDLER_CLOSE, "/witness", says("close"), 4000, "enough", (1, 5)),
    Ending(CloseCause.HANDLER_ERROR, "/witness", says("raise"), 1011, received=(1, 5)),
    Ending(
        CloseCause.PROTOCOL_ERROR, "/witness", says(b"\x81\x02hi"), 1002, "the frame is not masked"
    ),
    Ending(
        CloseCause.INVALID_UTF8,
        "/witness",
        says(encode(Opcode.TEXT, b"caf\xe9")),
        1007,
        "a text is not valid UTF-8",
    ),
    Ending(
        CloseCause.TOO_BIG,
        "/witness",
        says("x" * 1001),
        1009,
        "a message is longer than 1000 bytes",
    ),
    Ending(
        CloseCause.RATE_LIMIT,
        "/hasty",
        says(encode(Opcode.TEXT, b"one") * 9),
        1008,
        TOO_FAST,
        (1, 3),
    ),
    Ending(
        CloseCause.SLOW_CONSUMER,
        "/slow",
        says("flood"),
        1008,
        "too slow to take what is sent",
        (1, 5),
        reads_late=True,
    ),
    Ending(CloseCause.PING_TIMEOUT, "/silent", waits, 1011, "keepalive ping timeout"),
    Ending(CloseCause.IDLE_TIMEOUT, "/idle", waits, 1001, "no message for too long"),
    Ending(
        CloseCause.SESSION_TIME, "/brief", waits, 1001, "the session has lasted as long as it may"
    ),
]


@dataclass
class Seen:
    """What a client has seen of a connection, and how many seconds it took at most."""

    messages: int = 0
    bytes: int = 0
    close: tuple[int, str] | None = None
    ended: bool = False
    duration: float = 0.0


@dataclass(frozen=True)
class Ended:
    """One connection that has come to its end, with all its lines."""

    ending: Ending
    seen: Seen
    lines: list[Line]

    def line(self, text: str) -> Line:
        """Return the one line with this text."""
        (line,) = [line for line in self.lines if line["text"] == text]
        return line


@pytest.fixture(scope="module", params=ENDINGS, ids=str)
def ended(request: pytest.FixtureRequest, service: ServiceProcess) -> Ended:
    """A connection for each way to end."""
    return see_to_its_end(service, request.param)


def see_to_its_end(service: ServiceProcess, ending: Ending) -> Ended:
    trace_id, traceparent = new_trace()
    seen = Seen()
    began = time.monotonic()
    with opened(service, ending.path, traceparent) as client:
        client.send(encode(Opcode.TEXT, GREETING.encode()))
        while not seen.messages:
            read_frame(client, seen)
        ending.act(client)
        if ending.reads_late:
            service.wait_for_line(rf"trace_id={trace_id}\t.*text=connection closed", TIMEOUT)
        if ending.seen is not None:
            while seen.close is None:
                read_frame(client, seen)
            with contextlib.suppress(OSError):  # it may be closed already
                client.end_sending()
            seen.ended = client.at_end()
        lines = lines_of(service, trace_id)
    seen.duration = time.monotonic() - began
    return Ended(ending, seen, lines)


def read_frame(client: RawClient, seen: Seen) -> None:
    frame = client.read_frame()
    if frame.opcode == Opcode.CLOSE:
        seen.close = (frame.close_code, frame.close_reason)
    elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
        seen.messages += frame.fin
        seen.bytes += len(frame.payload)


def lines_of(service: ServiceProcess, trace_id: str) -> list[Line]:
    """Return all lines of a connection of a WitnessHandler, once there will be no more."""
    service.wait_for_line(rf"\ttrace_id={trace_id}\t.*\ttext=handler ended", TIMEOUT)
    return [line for line in parsed(service.log()) if line.get("trace_id") == trace_id]


def facts_of(line: Line) -> dict[str, str]:
    """Return what a line says of the end."""
    return {name: line[name] for name in FACTS}


def ends_of(lines: list[Line]) -> list[tuple[str, str]]:
    """Return cause and code of each line that says that a connection was closed."""
    return [(line["cause"], line["code"]) for line in lines if line["text"] == "connection closed"]


def test_client_sees_why_before_the_end_of_the_socket(ended: Ended) -> None:
    ending = ended.ending
    expected = (ending.code, ending.reason) if ending.seen == () else ending.seen

    assert ended.seen.close == expected
    assert ended.seen.ended == (expected is not None)


def test_one_line_says_who_closed_and_why_and_what_there_was(ended: Ended) -> None:
    ending, seen = ended.ending, ended.seen
    line = ended.line("connection closed")

    assert (line["closed_by"], line["cause"]) == (ending.closed_by, ending.cause.value)
    assert (line["code"], line["reason"]) == (str(ending.code), ending.reason)
    messages, size = ending.received
    assert int(line["messages_received"]) == 1 + messages
    assert int(line["bytes_received"]) == len(GREETING.encode()) + size
    assert int(line["messages_sent"]) == seen.messages
    assert int(line["bytes_sent"]) == seen.bytes
    assert 0 <= float(line["duration"]) <= seen.duration


def test_whoever_awaits_the_end_is_told_the_same(ended: Ended) -> None:
    assert facts_of(ended.line("closed")) == facts_of(ended.line("connection closed"))


def test_send_after_the_end_raises_at_once_and_says_the_same(ended: Ended) -> None:
    assert facts_of(ended.line("late send")) == facts_of(ended.line("connection closed"))


def test_handler_that_receives_is_told_the_same(ended: Ended) -> None:
    if ended.ending.cause in (CloseCause.HANDLER_RETURNED, CloseCause.HANDLER_ERROR):
        assert "recv" not in {line["text"] for line in ended.lines}  # it had left by itself
    else:
        assert facts_of(ended.line("recv")) == facts_of(ended.line("connection closed"))


def test_only_the_handler_s_own_failure_is_an_error(ended: Ended) -> None:
    errors = [line["text"] for line in ended.lines if line["level"] not in ("INFO", "DEBUG")]

    failed = ended.ending.cause is CloseCause.HANDLER_ERROR
    assert errors == ["handler 'witness' raised"] * failed


def test_every_cause_is_shown_here() -> None:
    of_handshakes = {CloseCause.HANDSHAKE_REFUSED, CloseCause.HANDSHAKE_TIMEOUT}

    shown = {ending.cause for ending in ENDINGS} | of_handshakes | {CloseCause.SHUTDOWN}
    assert shown == set(CloseCause)


# Two causes at once


def test_senders_that_wait_for_a_slow_client_are_all_told_of_the_end(
    service: ServiceProcess,
) -> None:
    (ending,) = [each for each in ENDINGS if each.cause is CloseCause.SLOW_CONSUMER]
    ended = see_to_its_end(service, ending)

    told = [facts_of(line) for line in ended.lines if line["text"] == "send"]
    assert told == [facts_of(ended.line("connection closed"))] * SENDERS


def test_close_frames_that_cross_are_one_end_that_of_who_closed_first(
    service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    with opened(service, "/witness", traceparent) as client:
        client.send(encode(Opcode.TEXT, b"close"))
        assert select.select([client.socket], [], [], TIMEOUT)[0]  # it is there, but not read
        client.send(encode_close(4002, "me too"))

        assert client.read_frame().close_code == 4000
        assert client.at_end()

    assert ends_of(lines_of(service, trace_id)) == [("handler_close", "4000")]


@pytest.mark.parametrize("wish", ["return", "raise", "close"])
def test_close_that_came_before_the_handler_s_own_is_the_end(
    service: ServiceProcess, wish: str
) -> None:
    trace_id, traceparent = new_trace()
    with opened(service, "/witness", traceparent) as client:
        client.send(encode(Opcode.TEXT, wish.encode()) + encode_close(4002, "me too"))

        assert client.read_frame().close_code == 4002
        assert client.at_end()

    assert ends_of(lines_of(service, trace_id)) == [("client_close", "4002")]


def test_close_after_a_mistake_changes_nothing(service: ServiceProcess) -> None:
    trace_id, traceparent = new_trace()
    with opened(service, "/witness", traceparent) as client:
        client.send(b"\x81\x02hi" + encode_close(4002))

        assert client.read_frame().close_code == 1002

    assert ends_of(lines_of(service, trace_id)) == [("protocol_error", "1002")]


def test_two_timers_at_once_are_one_end(service: ServiceProcess) -> None:
    trace_id, traceparent = new_trace()
    with opened(service, "/both", traceparent) as client:
        assert client.read_frame().close_code == 1001

    (end,) = ends_of(lines_of(service, trace_id))
    assert end in [("idle_timeout", "1001"), ("session_time", "1001")]


def test_reset_while_something_is_sent_is_a_lost_connection_for_each_sender(
    service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    client = opened(service, "/slow", traceparent)
    client.send(encode(Opcode.TEXT, b"flood"))
    client.read_frame()
    resets(client)

    lines = lines_of(service, trace_id)
    assert ends_of(lines) == [("connection_lost", "1006")]
    told = [line["code"] for line in lines if line["text"] in ("send", "recv")]
    assert told == ["1006"] * (SENDERS + 1)


# In the handshake


def test_handshake_that_is_not_answered_in_time_is_refused_and_is_one_line(
    service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    with RawClient(service.port) as client:
        client.send(request_head("/thoughtful?late", traceparent))

        assert client.read_head().startswith(b"HTTP/1.1 503 ")
        client.end_sending()
        assert client.at_end()

    pattern = rf"\ttrace_id={trace_id}\t.*\ttext=connection ended in the handshake"
    service.wait_for_line(pattern, TIMEOUT)
    lines = [line for line in parsed(service.log()) if line.get("trace_id") == trace_id]
    assert end_in_the_handshake(lines) == {
        "closed_by": "server",
        "cause": "handshake_timeout",
        "reason": "refused with 503",
    }


def test_client_that_goes_during_the_handshake_is_a_lost_connection(
    service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    with RawClient(service.port) as client:
        client.send(request_head("/thoughtful?in-time", traceparent))
        service.wait_for_line(rf"\ttrace_id={trace_id}\t.*\ttext=thinking", TIMEOUT)
        resets(client)

    assert ends_of(lines_of(service, trace_id)) == [("connection_lost", "1006")]


def end_in_the_handshake(lines: list[Line]) -> Line:
    """Return what the last line of a connection to "/thoughtful" says of its end."""
    texts = [line["text"] for line in lines]
    assert texts == ["thinking", "connection ended in the handshake"]
    return {name: lines[-1][name] for name in ("closed_by", "cause", "reason")}


def test_refused_handshake_is_one_line_with_the_status_and_no_error(
    service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    with RawClient(service.port) as client:
        client.send(request_head("/guarded/hall", traceparent))
        assert client.read_head().startswith(b"HTTP/1.1 401 ")
        assert client.read(23) == b'{"error": "say please"}'
        assert client.at_end()

    (line,) = traced(service, trace_id)
    facts = line["level"], line["text"], line["path"], line["status"]
    assert facts == ("INFO", "connection refused", "/guarded/hall", "401")


# The end of all of them


CROWD: Final = 20


@dataclass(frozen=True)
class Story:
    """A service from its start to a SIGTERM in the midst of traffic.

    Args:
        exit_code: Of the service.
        log: All of it.
        stayed: Trace ids of the clients that were there to the end and what each has seen.
        left: Trace ids of those that closed when the signal came.
    """

    exit_code: int
    log: str
    stayed: dict[str, Seen]
    left: list[str]

    def lines(self, trace_id: str) -> list[Line]:
        return [line for line in parsed(self.log) if line.get("trace_id") == trace_id]


@pytest.fixture(scope="module")
def story() -> Story:
    """Everything that clients may do, and then a shutdown."""
    with running() as service, contextlib.ExitStack() as stack:
        harmless = [each for each in ENDINGS if each.cause is not CloseCause.HANDLER_ERROR]
        with ThreadPoolExecutor(len(harmless)) as clients:
            list(clients.map(functools.partial(see_to_its_end, service), harmless))
        for path in ("/guarded/hall", "/nowhere", "/witness\x80", "/"):
            with RawClient(service.port) as client:
                client.send(request_head(path))
                client.read_head()
        staying = [crowd_member(service, stack) for _ in range(CROWD)]
        leaving = [crowd_member(service, stack) for _ in range(CROWD)]
        seen = {trace_id: Seen() for trace_id, _ in staying}
        readers = [
            threading.Thread(target=read_to_the_end, args=(client, seen[trace_id]))
            for trace_id, client in staying
        ]
        for reader in readers:
            reader.start()
        service.process.send_signal(signal.SIGTERM)
        for _, client in leaving:
            with contextlib.suppress(ConnectionError):  # all may be over by now
                client.send(encode_close(4002))
        for reader in readers:
            reader.join(TIMEOUT)
        code = service.wait()
        return Story(code, service.log(), seen, [trace_id for trace_id, _ in leaving])


def crowd_member(service: ServiceProcess, stack: contextlib.ExitStack) -> tuple[str, RawClient]:
    """Connect a client that has asked for more than it will have read when it ends."""
    trace_id, traceparent = new_trace()
    client = stack.enter_context(opened(service, "/witness", traceparent))
    client.send(encode(Opcode.TEXT, b"flood"))
    client.read_frame()
    return trace_id, client


def read_to_the_end(client: RawClient, seen: Seen) -> None:
    while seen.close is None:
        read_frame(client, seen)
    client.end_sending()
    seen.ended = client.at_end()


def test_signal_ends_each_connection_with_1001_in_the_midst_of_traffic(story: Story) -> None:
    assert story.exit_code == 0
    for trace_id, seen in story.stayed.items():
        assert (seen.close, seen.ended) == ((1001, ""), True)
        assert ends_of(story.lines(trace_id)) == [("shutdown", "1001")]


def test_handler_s_senders_are_told_of_the_shutdown(story: Story) -> None:
    for trace_id in story.stayed:
        lines = story.lines(trace_id)
        told = [line["cause"] for line in lines if line["text"] in ("send", "recv", "closed")]
        assert told == ["shutdown"] * (SENDERS + 2)


def test_close_that_crosses_a_shutdown_is_one_end(story: Story) -> None:
    for trace_id in story.left:
        (end,) = ends_of(story.lines(trace_id))
        assert end in [("shutdown", "1001"), ("client_close", "4002"), ("connection_lost", "1006")]


def test_as_many_connections_are_logged_to_end_as_to_begin(story: Story) -> None:
    texts = [line["text"] for line in parsed(story.log)]

    assert texts.count("connection opened") == texts.count("connection closed") > CROWD


def test_nothing_that_clients_do_is_an_error_or_a_warning(story: Story) -> None:
    serious = [line for line in parsed(story.log) if line["level"] not in ("INFO", "DEBUG")]

    assert serious == []
    assert "Traceback" not in story.log


def test_shutdown_during_a_handshake_is_503_and_one_line() -> None:
    document = ending_config()
    components_of(document)["server"]["listener"]["handshake-timeout"] = "1m"
    trace_id, traceparent = new_trace()
    with (
        running_service(document=document, module="tests.services.ending") as service,
        RawClient(service.port) as client,
    ):
        client.send(request_head("/thoughtful?never", traceparent))
        service.wait_for_line(rf"\ttrace_id={trace_id}\t.*\ttext=thinking", TIMEOUT)
        service.process.send_signal(signal.SIGTERM)

        assert client.read_head().startswith(b"HTTP/1.1 503 ")
        assert service.wait() == 0

    lines = [line for line in parsed(service.log()) if line.get("trace_id") == trace_id]
    assert end_in_the_handshake(lines) == {
        "closed_by": "server",
        "cause": "shutdown",
        "reason": "refused with 503",
    }
