import asyncio
from typing import Any

import pytest

from app.server import asgi_channel
from app.server.asgi_channel import AsgiChannel, refuse
from app.websocket.channel import Channel, Message
from app.websocket.close import ClosedBy, CloseRecord, ConnectionClosed
from app.websocket.limits import Limits

TIMEOUT = 10.0
LIMIT = 12

Event = dict[str, Any]

DENIAL: Event = {"extensions": {"websocket.http.response": {}}}


CONNECT = {"type": "websocket.connect"}
LIMITS = Limits(max_remote_payload=LIMIT, fragment_size=0)


class ScriptedServer:
    """The ASGI server's side: gives the events it was told to give, keeps what is sent."""

    def __init__(self, *events: Event) -> None:
        self.sent: list[Event] = []
        self.receives = 0
        # What `send` raises, as servers do when the client has gone.
        self.trouble: Exception | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        for event in events:
            self.give(event)

    def give(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def receive(self) -> Event:
        self.receives += 1
        return await self._events.get()

    async def send(self, event: Any) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.sent.append(event)


def make_channel(server: ScriptedServer, scope: Event | None = None) -> AsgiChannel:
    return AsgiChannel(scope or {}, server.receive, server.send)


async def opened(*events: Event) -> tuple[AsgiChannel, ScriptedServer]:
    """Return an accepted channel on which these events are to come, and its server."""
    server = ScriptedServer(CONNECT, *events)
    channel = make_channel(server)
    await channel.accept(None, [], LIMITS)
    server.sent.clear()
    server.receives = 0
    return channel, server


def text(content: str) -> Event:
    return {"type": "websocket.receive", "text": content}


def binary(content: bytes) -> Event:
    return {"type": "websocket.receive", "bytes": content}


def disconnect(**facts: object) -> Event:
    return {"type": "websocket.disconnect", **facts}


def close(code: int, reason: str = "") -> Event:
    return {"type": "websocket.close", "code": code, "reason": reason}


async def received(channel: Channel) -> Message:
    return await asyncio.wait_for(channel.receive(), TIMEOUT)


async def end_of(channel: Channel) -> CloseRecord:
    """Receive the end; nothing may come before it."""
    with pytest.raises(ConnectionClosed) as caught:
        await received(channel)
    return caught.value.record


async def begun(task: "asyncio.Task[Any]") -> None:
    """Let a task come to its first wait."""
    await asyncio.sleep(0)
    assert not task.done()


# Opening


async def test_accepting_answers_the_connect_event() -> None:
    server = ScriptedServer(CONNECT, text("first"))
    channel = make_channel(server)

    await channel.accept("chat", [(b"x-a", b"1")], LIMITS)

    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-a", b"1")]}
    ]
    assert await received(channel) == "first"
    assert channel.closed is None


@pytest.mark.parametrize("scope", [DENIAL, {**DENIAL, "state": {}}])
async def test_refusing_is_an_http_response_where_the_server_can(scope: Event) -> None:
    server = ScriptedServer(CONNECT)
    channel = make_channel(server, scope)

    await channel.refuse(401, [(b"x-a", b"1")], b"who are you?")

    assert server.sent == [
        {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-a", b"1")]},
        {"type": "websocket.http.response.body", "body": b"who are you?"},
    ]


@pytest.mark.parametrize("scope", [{}, {"extensions": None}, {"extensions": {"tls": {}}}])
async def test_refusing_is_a_close_where_the_server_cannot_do_better(scope: Event) -> None:
    server = ScriptedServer(CONNECT)
    channel = make_channel(server, scope)

    await channel.refuse(401, [(b"x-a", b"1")], b"who are you?")

    assert server.sent == [close(1000)]


async def test_refusing_ends_the_channel() -> None:
    channel, server = await opened(CONNECT)

    await channel.refuse(403, [], b"")

    assert channel.closed == CloseRecord(ClosedBy.SERVER, 1006, "refused with 403")
    with pytest.raises(ConnectionClosed):
        await channel.send("too late")
    await channel.close(1000, "")
    assert server.sent == [close(1000)]


@pytest.mark.parametrize("trouble", [OSError("gone"), RuntimeError("gone")])
async def test_refusing_a_client_that_has_gone_is_harmless(trouble: Exception) -> None:
    channel, server = await opened(CONNECT)
    server.trouble = trouble

    await channel.refuse(403, [], b"")

    assert channel.closed is not None


async def test_refusing_needs_no_channel() -> None:
    server = ScriptedServer()

    await refuse(DENIAL, server.send, 404, [], b"Not Found")

    assert [event["type"] for event in server.sent] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert server.receives == 0


# Receiving


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (text("hello"), "hello"),
        (text(""), ""),
        (binary(b"hello"), b"hello"),
        (binary(b""), b""),
        ({**text("hello"), "bytes": None}, "hello"),
        ({**binary(b"hello"), "text": None}, b"hello"),
    ],
)
async def test_message_is_received_by_kind(event: Event, message: Message) -> None:
    channel, _ = await opened(event)

    assert await received(channel) == message


async def test_receive_nowait_gives_what_has_come() -> None:
    channel, server = await opened()
    assert channel.receive_nowait() is None

    server.give(text("a"))
    server.give(binary(b"b"))

    # One message for each call after which the event loop has had a turn.
    got = [await next_nowait(channel), await next_nowait(channel)]
    assert got == ["a", b"b"]


async def next_nowait(channel: Channel) -> Message:
    """Ask again and again, as a handler would that has something else to do."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            message = channel.receive_nowait()
            if message is not None:
                return message
            await asyncio.sleep(0)


async def test_receive_nowait_asks_the_server_once_for_each_event() -> None:
    channel, server = await opened()

    for _ in range(3):
        assert channel.receive_nowait() is None
        await asyncio.sleep(0)

    assert server.receives == 1


async def test_receive_gets_the_event_that_receive_nowait_has_begun_to_wait_for() -> None:
    channel, server = await opened()
    assert channel.receive_nowait() is None
    server.give(text("first"))
    server.give(text("second"))

    assert [await received(channel), await received(channel)] == ["first", "second"]


async def test_receive_nowait_raises_at_the_end() -> None:
    channel, _ = await opened(disconnect(code=1001))

    with pytest.raises(ConnectionClosed) as caught:
        await next_nowait(channel)

    assert caught.value.record == CloseRecord(ClosedBy.CLIENT, 1001)


@pytest.mark.parametrize("asked_before", [False, True])
async def test_cancelled_receive_loses_no_message(asked_before: bool) -> None:
    channel, server = await opened()
    if asked_before:
        assert channel.receive_nowait() is None
    task = asyncio.create_task(channel.receive())
    await begun(task)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)
    server.give(text("first"))
    server.give(text("second"))

    assert [await received(channel), await received(channel)] == ["first", "second"]


async def test_receive_that_is_cancelled_as_the_message_comes_loses_nothing() -> None:
    channel, server = await opened()
    assert channel.receive_nowait() is None
    task = asyncio.create_task(channel.receive())
    await begun(task)

    server.give(text("hello"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)

    assert await received(channel) == "hello"


# Limits


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"x" * LIMIT, id="binary"),
        pytest.param("x" * LIMIT, id="one byte each"),
        pytest.param("ж" * (LIMIT // 2), id="two bytes each"),
        pytest.param("€" * (LIMIT // 3), id="three bytes each"),
        pytest.param("𝄞" * (LIMIT // 4), id="four bytes each"),
        pytest.param("€€€xxx", id="mixed"),
    ],
)
async def test_message_of_exactly_the_limit_is_received(message: Message) -> None:
    channel, _ = await opened(text(message) if isinstance(message, str) else binary(message))

    assert await received(channel) == message


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"x" * (LIMIT + 1), id="binary"),
        pytest.param("x" * (LIMIT + 1), id="one byte each"),
        pytest.param("ж" * (LIMIT // 2) + "x", id="two bytes each"),
        pytest.param("€" * (LIMIT // 3) + "x", id="three bytes each"),
        pytest.param("𝄞" * (LIMIT // 4) + "x", id="four bytes each"),
        pytest.param("x" * (LIMIT - 1) + "ж", id="as many characters, a byte more"),
    ],
)
async def test_message_of_one_byte_more_is_closed_with_1009(message: Message) -> None:
    channel, server = await opened(text(message) if isinstance(message, str) else binary(message))

    record = await end_of(channel)
    await channel.close(1000, "")

    assert record == CloseRecord(ClosedBy.SERVER, 1009, f"a message has at most {LIMIT} bytes")
    assert channel.closed == record
    assert server.sent == [close(1009, record.reason)]


async def test_nothing_is_received_after_a_message_over_the_limit() -> None:
    channel, _ = await opened(binary(b"x" * 100), text("more"))

    first, second = await end_of(channel), await end_of(channel)

    assert first is second
    with pytest.raises(ConnectionClosed):
        channel.receive_nowait()


async def test_message_over_the_limit_is_refused_without_waiting_too() -> None:
    channel, server = await opened(binary(b"x" * 100))

    with pytest.raises(ConnectionClosed) as caught:
        await next_nowait(channel)
    await channel.close(1000, "")

    assert caught.value.record.code == 1009
    assert [event["code"] for event in server.sent] == [1009]


async def test_client_that_has_gone_when_the_limit_is_told_is_no_trouble() -> None:
    channel, server = await opened(binary(b"x" * 100))
    server.trouble = OSError("gone")

    record = await end_of(channel)
    await channel.close(1000, "")

    assert record.code == 1009
    assert channel.closed is record


# The end


@pytest.mark.parametrize(
    ("code", "closed_by"),
    [
        (1000, ClosedBy.CLIENT),
        (1001, ClosedBy.CLIENT),
        (1002, ClosedBy.SERVER),
        (1005, ClosedBy.CLIENT),
        (1006, ClosedBy.TRANSPORT),
        (1007, ClosedBy.SERVER),
        (1009, ClosedBy.SERVER),
        (1012, ClosedBy.SERVER),
        (3000, ClosedBy.CLIENT),
        (4999, ClosedBy.CLIENT),
    ],
)
async def test_end_has_the_code_that_the_server_gives_and_who_ended_it(
    code: int, closed_by: ClosedBy
) -> None:
    channel, _ = await opened(disconnect(code=code, reason="why"))

    record = await end_of(channel)

    assert record == CloseRecord(closed_by, code, "why")
    assert channel.closed is record


@pytest.mark.parametrize("facts", [{}, {"code": None}, {"code": None, "reason": None}])
async def test_end_without_a_code_is_a_close_frame_without_one(facts: Event) -> None:
    channel, _ = await opened(disconnect(**facts))

    assert await end_of(channel) == CloseRecord(ClosedBy.CLIENT, 1005)


async def test_messages_come_before_the_end() -> None:
    channel, _ = await opened(text("a"), binary(b"b"), disconnect(code=1000))

    assert [await received(channel), await received(channel)] == ["a", b"b"]
    assert channel.closed is None
    assert (await end_of(channel)).code == 1000


async def test_end_is_told_again_without_asking_the_server() -> None:
    channel, server = await opened(disconnect(code=1000))

    first, second = await end_of(channel), await end_of(channel)

    assert first is second
    assert server.receives == 1


async def test_end_wakes_who_waits_for_it() -> None:
    channel, _ = await opened(disconnect(code=1001))
    task = asyncio.create_task(channel.wait_closed())
    await begun(task)

    record = await end_of(channel)

    assert await asyncio.wait_for(task, TIMEOUT) is record


@pytest.mark.parametrize("asked_before", [False, True])
async def test_receive_that_waits_raises_when_another_task_closes(asked_before: bool) -> None:
    channel, server = await opened()
    if asked_before:
        assert channel.receive_nowait() is None
    task = asyncio.create_task(channel.receive())
    await begun(task)

    await channel.close(4000, "enough")
    server.give(disconnect(code=1006))  # As servers do after a close of ours.

    with pytest.raises(ConnectionClosed) as caught:
        await asyncio.wait_for(task, TIMEOUT)
    assert caught.value.record == CloseRecord(ClosedBy.SERVER, 4000, "enough")


# Sending


async def test_messages_are_sent_by_kind() -> None:
    channel, server = await opened()

    await channel.send("text")
    await channel.send(b"binary")

    assert server.sent == [
        {"type": "websocket.send", "text": "text"},
        {"type": "websocket.send", "bytes": b"binary"},
    ]


@pytest.mark.parametrize(
    "trouble", [OSError("gone"), RuntimeError("gone"), AssertionError(), ConnectionResetError()]
)
async def test_send_that_fails_is_the_end_by_the_transport(trouble: Exception) -> None:
    channel, server = await opened()
    server.trouble = trouble

    with pytest.raises(ConnectionClosed) as caught:
        await channel.send("hello")

    assert caught.value.record == CloseRecord(ClosedBy.TRANSPORT, 1006)
    assert caught.value.__cause__ is trouble
    assert channel.closed is caught.value.record
    assert await asyncio.wait_for(channel.wait_closed(), TIMEOUT) is caught.value.record
    assert await end_of(channel) is caught.value.record


async def test_accept_that_fails_is_the_end_by_the_transport() -> None:
    server = ScriptedServer(CONNECT)
    channel = make_channel(server)
    server.trouble = OSError("gone")

    with pytest.raises(ConnectionClosed) as caught:
        await channel.accept(None, [], LIMITS)

    assert caught.value.record == CloseRecord(ClosedBy.TRANSPORT, 1006)


async def test_message_that_had_come_before_a_send_failed_is_received() -> None:
    channel, server = await opened()
    assert channel.receive_nowait() is None
    server.give(text("last words"))
    await asyncio.sleep(0)  # The channel takes the event from the server.
    await asyncio.sleep(0)
    server.trouble = OSError("gone")

    with pytest.raises(ConnectionClosed):
        await channel.send("hello")

    assert await received(channel) == "last words"
    assert (await end_of(channel)).code == 1006


async def test_nothing_is_sent_after_the_end() -> None:
    channel, server = await opened(disconnect(code=1000))
    record = await end_of(channel)

    for attempt in (channel.send("a"), channel.send(b"a"), channel.ping(b"")):
        with pytest.raises(ConnectionClosed) as caught:
            await attempt
        assert caught.value.record is record
    await channel.close(1000, "")

    assert server.sent == []


async def test_ping_sends_nothing_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    asgi_channel._say_once.cache_clear()
    channel, server = await opened()

    await channel.ping(b"a")
    await channel.ping(b"b")

    assert server.sent == []
    assert [record.getMessage() for record in caplog.records] == [
        "ping() does nothing here: an ASGI application cannot send pings, its server can"
    ]


# Closing


async def test_close_sends_a_close_frame_and_is_the_end() -> None:
    channel, server = await opened()

    await channel.close(4000, "enough")

    assert server.sent == [close(4000, "enough")]
    assert channel.closed == CloseRecord(ClosedBy.SERVER, 4000, "enough")
    assert await end_of(channel) is channel.closed


async def test_closing_twice_sends_one_close_frame() -> None:
    channel, server = await opened()

    await channel.close(4000, "first")
    await channel.close(4001, "second")

    assert server.sent == [close(4000, "first")]
    assert channel.closed == CloseRecord(ClosedBy.SERVER, 4000, "first")


async def test_closing_in_two_tasks_sends_one_close_frame() -> None:
    channel, server = await opened()

    await asyncio.gather(channel.close(4000, "first"), channel.close(4001, "second"))

    assert server.sent == [close(4000, "first")]


@pytest.mark.parametrize("trouble", [OSError("gone"), RuntimeError("gone")])
async def test_closing_towards_a_client_that_has_gone_is_harmless(trouble: Exception) -> None:
    channel, server = await opened()
    server.trouble = trouble

    await channel.close(4000, "enough")

    assert channel.closed == CloseRecord(ClosedBy.SERVER, 4000, "enough")
