"""What both channels tell of a connection when it has ended: how, how long, how much."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from websockets.frames import Opcode

from app.server.asgi_channel import AsgiChannel
from app.server.ending import ServerHooks
from app.server.turns import FRAMES_PER_SHARE, Turns
from app.server.websocket_protocol import WebSocketProtocol
from app.websocket.channel import Acceptance, Channel
from app.websocket.close import CloseCause, ClosedBy, CloseRecord, ConnectionClosed
from app.websocket.limits import Limits
from app.websocket.traffic import Traffic
from tests.helpers.raw_client import encode, encode_close
from tests.helpers.recording_transport import RecordingTransport
from tests.helpers.scripted_server import CONNECT, ScriptedServer, binary, disconnect, text

TIMEOUT = 10.0
FOR_EVER = 86400.0
SOON = 0.02
LIMITS = Limits.model_construct(max_remote_payload=1000, fragment_size=0)
HANDLER_CLOSE = CloseCause.HANDLER_CLOSE
LOST = CloseRecord(CloseCause.CONNECTION_LOST, 1006)
BYE = CloseRecord(CloseCause.CLIENT_CLOSE, 4001, "bye")

# Each way for messages to come: in short frames, in fragments, long, not ASCII, empty.
MESSAGES: list[str | bytes] = ["hello", "", "é☃🐍", b"", b"\x00\xff", "x" * 200, b"x" * 1000]
BYTES = 5 + 0 + 9 + 0 + 2 + 200 + 1000


class Direct:
    """The protocol class on a transport without a network."""

    def __init__(self) -> None:
        self.transport = RecordingTransport()
        hooks = ServerHooks(lambda: [], lambda _: None, FOR_EVER, Turns())
        self.channel = WebSocketProtocol(self.transport, b"key", b"", hooks)

    def give(self, message: str | bytes) -> None:
        is_text = isinstance(message, str)
        payload = message.encode() if isinstance(message, str) else message
        self.channel.data_received(encode(Opcode.TEXT if is_text else Opcode.BINARY, payload))

    def give_close(self, code: int, reason: str) -> None:
        self.channel.data_received(encode_close(code, reason))

    def lose(self) -> None:
        self.channel.connection_lost(None)

    def stop_taking(self) -> None:
        self.channel.pause_writing()


class Portable:
    """A channel over the events of an ASGI server."""

    def __init__(self) -> None:
        self._server = ScriptedServer(CONNECT)
        self.channel = AsgiChannel({}, self._server.receive, self._server.send)

    def give(self, message: str | bytes) -> None:
        self._server.give(text(message) if isinstance(message, str) else binary(message))

    def give_close(self, code: int, reason: str) -> None:
        self._server.give(disconnect(code=code, reason=reason))

    def lose(self) -> None:
        self._server.give(disconnect(code=1006))

    def stop_taking(self) -> None:
        self._server.takes.clear()


Link = Direct | Portable

LINKS: Mapping[str, Callable[[], Link]] = {"direct": Direct, "portable": Portable}


@pytest.fixture(params=LINKS)
async def link(request: pytest.FixtureRequest) -> Link:
    return LINKS[request.param]()


async def accepted(link: Link, limits: Limits = LIMITS) -> list[CloseRecord]:
    """Accept the connection and return where its end will be found."""
    ends: list[CloseRecord] = []
    await link.channel.accept(Acceptance(limits, on_end=ends.append))
    return ends


async def receive_all(channel: Channel) -> None:
    """Receive until the end."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await asyncio.wait_for(channel.receive(), TIMEOUT)


async def test_end_is_told_once_with_how_it_was(link: Link) -> None:
    ends = await accepted(link)
    link.give_close(4001, "bye")
    assert ends == []
    await receive_all(link.channel)

    await link.channel.close(1000, "", HANDLER_CLOSE)
    link.lose()

    assert ends == [BYE]
    assert link.channel.closed is ends[0]


async def test_end_is_known_to_who_is_told_of_it(link: Link) -> None:
    known: list[object] = []
    await link.channel.accept(
        Acceptance(LIMITS, on_end=lambda _: known.append(link.channel.closed))
    )

    await link.channel.close(1000, "enough", HANDLER_CLOSE)

    assert known == [CloseRecord(HANDLER_CLOSE, 1000, "enough")]


async def test_lost_connection_is_told_of_too(link: Link) -> None:
    ends = await accepted(link)
    link.lose()
    await receive_all(link.channel)

    assert ends == [LOST]


async def test_message_that_is_too_long_is_told_of_and_not_counted(link: Link) -> None:
    ends = await accepted(link)
    link.give("short")
    link.give("x" * 1001)
    await receive_all(link.channel)

    (end,) = ends
    assert (end.cause, end.code) == (CloseCause.TOO_BIG, 1009)
    assert end.traffic == Traffic(messages_received=1, bytes_received=5)


async def test_messages_and_bytes_of_their_payload_are_counted_each_way(link: Link) -> None:
    ends = await accepted(link)
    for message in MESSAGES:
        link.give(message)
    for message in MESSAGES:
        assert await asyncio.wait_for(link.channel.receive(), TIMEOUT) == message
    for message in MESSAGES[:3]:
        await link.channel.send(message)
    await link.channel.ping(b"not counted")
    await link.channel.close(1000, "", HANDLER_CLOSE)

    (end,) = ends
    assert end.traffic == Traffic(len(MESSAGES), BYTES, messages_sent=3, bytes_sent=14)


async def test_connection_that_carried_nothing_says_so(link: Link) -> None:
    ends = await accepted(link)
    await link.channel.close(1000, "", HANDLER_CLOSE)

    assert ends[0].traffic == Traffic()


async def test_message_that_could_not_be_sent_is_not_counted(link: Link) -> None:
    ends = await accepted(link)
    await link.channel.close(1000, "", HANDLER_CLOSE)

    with pytest.raises(ConnectionClosed):
        await link.channel.send("too late")
    assert ends[0].traffic == Traffic()


async def test_duration_is_from_the_accepted_handshake_to_the_end(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 100.0
    monotonic = time.monotonic  # which the event loop's clock is made of
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed)
    ends = await accepted(link)
    passed += 50.0
    await link.channel.close(1000, "", HANDLER_CLOSE)
    passed += 100.0

    assert 50.0 <= ends[0].duration < 50.0 + TIMEOUT


async def test_nobody_needs_to_be_told(link: Link) -> None:
    await link.channel.accept(Acceptance(LIMITS))

    await link.channel.close(1000, "", HANDLER_CLOSE)

    assert link.channel.closed == CloseRecord(HANDLER_CLOSE, 1000)


async def test_refusal_is_not_told_of(link: Link) -> None:
    """There was no connection: who refuses knows."""
    await link.channel.refuse(403, [], b"")

    assert link.channel.closed is not None


# Each cause


@pytest.mark.parametrize("cause", CloseCause)
async def test_end_has_the_cause_that_was_given_for_closing(link: Link, cause: CloseCause) -> None:
    ends = await accepted(link)
    await link.channel.close(4000, "enough", cause)

    assert ends == [CloseRecord(cause, 4000, "enough")]


async def test_close_frame_of_the_client_is_the_client_s_doing(link: Link) -> None:
    ends = await accepted(link)
    link.give_close(1000, "")
    await receive_all(link.channel)

    assert ends == [CloseRecord(CloseCause.CLIENT_CLOSE, 1000)]
    assert ends[0].closed_by is ClosedBy.CLIENT


@pytest.mark.parametrize(
    ("limits", "cause", "code"),
    [
        ({"idle_timeout": SOON}, CloseCause.IDLE_TIMEOUT, 1001),
        ({"max_session_time": SOON}, CloseCause.SESSION_TIME, 1001),
    ],
)
async def test_time_that_is_over_ends_the_connection_for_who_waits(
    link: Link, limits: dict[str, Any], cause: CloseCause, code: int
) -> None:
    ends = await accepted(link, Limits.model_construct(**limits))
    await receive_all(link.channel)

    (end,) = ends
    assert (end.cause, end.code) == (cause, code)
    assert end.closed_by is ClosedBy.SERVER
    with pytest.raises(ConnectionClosed) as caught:
        await link.channel.send("too late")
    assert caught.value.record is end


@pytest.mark.parametrize("limit", [{"max_messages_per_second": 3}, {"max_bytes_per_second": 40}])
async def test_client_that_sends_more_than_it_may_is_closed_with_1008(
    link: Link, limit: dict[str, Any]
) -> None:
    ends = await accepted(link, Limits.model_construct(on_rate_limit="close", **limit))
    for _ in range(10):
        link.give("hello, hello")
    await receive_all(link.channel)

    (end,) = ends
    assert (end.cause, end.code) == (CloseCause.RATE_LIMIT, 1008)
    assert end.closed_by is ClosedBy.SERVER


async def test_client_that_takes_nothing_is_closed_with_1008(link: Link) -> None:
    ends = await accepted(link, Limits.model_construct(send_timeout=SOON))
    link.stop_taking()
    senders = [asyncio.create_task(link.channel.send("hello")) for _ in range(2)]
    for sender in senders:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(sender, TIMEOUT)
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(link.channel.receive(), TIMEOUT)

    (end,) = ends
    assert (end.cause, end.code) == (CloseCause.SLOW_CONSUMER, 1008)
    assert end.closed_by is ClosedBy.SERVER


# What only the direct path has


async def test_fragments_are_one_message_and_control_frames_none() -> None:
    link = Direct()
    ends = await accepted(link)
    link.channel.data_received(
        encode(Opcode.TEXT, b"hel", fin=False)
        + encode(Opcode.PING, b"12345")
        + encode(Opcode.CONT, b"", fin=False)
        + encode(Opcode.CONT, b"lo")
        + encode(Opcode.PONG, b"12345")
        + encode(Opcode.BINARY, b"never finished", fin=False)
    )
    link.lose()

    assert ends[0].traffic == Traffic(messages_received=1, bytes_received=5)


async def test_messages_that_no_handler_took_have_been_received() -> None:
    link = Direct()
    ends = await accepted(link)
    link.give("hello")
    await link.channel.close(1000, "", HANDLER_CLOSE)

    assert ends[0].traffic == Traffic(messages_received=1, bytes_received=5)


async def test_messages_of_several_turns_are_all_counted_when_the_transport_goes() -> None:
    count = 2 * FRAMES_PER_SHARE
    link = Direct()
    ends = await accepted(link)
    link.channel.data_received(encode(Opcode.TEXT, b"hello") * count)
    link.lose()
    await receive_all(link.channel)

    assert ends[0].traffic == Traffic(messages_received=count, bytes_received=5 * count)


@pytest.mark.parametrize(
    ("data", "cause", "code"),
    [
        pytest.param(encode(Opcode.TEXT, b"caf\xe9"), CloseCause.INVALID_UTF8, 1007, id="not-utf8"),
        pytest.param(b"\x81\x02hi", CloseCause.PROTOCOL_ERROR, 1002, id="unmasked"),
    ],
)
async def test_message_that_is_wrong_is_not_counted(
    data: bytes, cause: CloseCause, code: int
) -> None:
    link = Direct()
    ends = await accepted(link)
    link.channel.data_received(encode(Opcode.TEXT, b"good") + data)
    await receive_all(link.channel)

    (end,) = ends
    assert (end.cause, end.code) == (cause, code)
    assert end.traffic == Traffic(messages_received=1, bytes_received=4)


async def test_shutdown_is_told_of() -> None:
    link = Direct()
    ends = await accepted(link)
    link.channel.shutdown()

    assert ends == [CloseRecord(CloseCause.SHUTDOWN, 1001)]


async def test_end_that_nobody_reads_is_told_of_when_the_transport_goes() -> None:
    link = Direct()
    ends = await accepted(link)
    link.give("hello")
    link.give_close(4001, "bye")
    assert ends == []
    link.lose()

    assert ends == [BYE]


async def test_who_was_told_is_let_go() -> None:
    """A connection that lingers does not keep what the handler's log holds."""
    link = Direct()
    await accepted(link)
    await link.channel.close(1000, "", HANDLER_CLOSE)

    assert link.channel._on_end is None
