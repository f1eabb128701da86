import asyncio
import gc
from typing import Any

import pytest

from app.server import asgi_channel
from app.server.asgi_channel import AsgiChannel
from app.websocket.channel import Acceptance, Channel, ConcurrentRecvError, Message
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.limits import Limits
from tests.helpers.scripted_server import (
    CONNECT,
    Event,
    ScriptedServer,
    binary,
    close,
    disconnect,
    text,
)

TIMEOUT = 10.0
LIMIT = 12

DENIAL: Event = {"extensions": {"websocket.http.response": {}}}


LIMITS = Limits.model_construct(max_remote_payload=LIMIT)
HANDLER_CLOSE = CloseCause.HANDLER_CLOSE


def make_channel(server: ScriptedServer, scope: Event | None = None) -> AsgiChannel:
    return AsgiChannel(scope or {}, server.receive, server.send)


async def opened(*events: Event) -> tuple[AsgiChannel, ScriptedServer]:
    """Return an accepted channel on which these events are to come, and its server."""
    server = ScriptedServer(CONNECT, *events)
    channel = make_channel(server)
    await channel.accept(Acceptance(LIMITS))
    server.sent.clear()
    server.receives = 0
    return channel, server


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

    await channel.accept(Acceptance(LIMITS, [(b"x-a", b"1")], "chat"))

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
        {
            "type": "websocket.http.response.start",
            "status": 401,
            "headers": [(b"x-a", b"1"), (b"content-length", b"12")],
        },
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

    assert channel.closed == CloseRecord(CloseCause.HANDSHAKE_REFUSED, 1006, "refused with 403")
    with pytest.raises(ConnectionClosed):
        await channel.send("too late")
    await channel.close(1000, "", HANDLER_CLOSE)
    assert server.sent == [close(1000)]


@pytest.mark.parametrize("trouble", [OSError("gone"), RuntimeError("gone")])
async def test_refusing_a_client_that_has_gone_is_harmless(trouble: Exception) -> None:
    channel, server = await opened(CONNECT)
    server.trouble = trouble

    await channel.refuse(403, [], b"")

    assert channel.closed is not None


BAD_HEADERS = [
    pytest.param((b"x-a", b"1\r\nset-cookie: evil=1"), id="line break"),
    pytest.param((b"x-a: 1\r\nx-b", b"1"), id="line break in a name"),
    pytest.param((b"x-a", b"\x00"), id="control character"),
]


@pytest.mark.parametrize("header", BAD_HEADERS)
async def test_header_that_would_break_out_of_its_line_is_not_sent(
    header: tuple[bytes, bytes],
) -> None:
    server = ScriptedServer(CONNECT)
    channel = make_channel(server, DENIAL)

    with pytest.raises(ValueError, match="header"):
        await channel.accept(Acceptance(LIMITS, [header]))
    with pytest.raises(ValueError, match="header"):
        await channel.refuse(403, [header], b"")
    assert server.sent == []

    await channel.refuse(500, [], b"")
    assert server.sent[0]["status"] == 500


async def test_subprotocol_that_would_break_out_of_its_line_is_not_sent() -> None:
    server = ScriptedServer(CONNECT)
    channel = make_channel(server)

    with pytest.raises(ValueError, match="subprotocol"):
        await channel.accept(Acceptance(LIMITS, subprotocol="chat\r\nset-cookie: evil=1"))

    assert server.sent == []


@pytest.mark.parametrize("status", [101, 199, 600])
async def test_status_that_refuses_nothing_is_not_sent(status: int) -> None:
    server = ScriptedServer(CONNECT)

    with pytest.raises(ValueError, match="status"):
        await make_channel(server, DENIAL).refuse(status, [], b"")

    assert server.sent == []


async def test_length_of_the_body_is_what_it_is_whatever_the_headers_say() -> None:
    server = ScriptedServer(CONNECT, CONNECT)
    headers = [(b"Content-Length", b"5"), (b"transfer-encoding", b"chunked"), (b"x-a", b"1")]

    await make_channel(server, DENIAL).refuse(403, headers, b"")
    await make_channel(server, DENIAL).accept(Acceptance(LIMITS, headers))

    assert server.sent[0]["headers"] == [(b"x-a", b"1"), (b"content-length", b"0")]
    assert server.sent[2]["headers"] == [(b"x-a", b"1")]


@pytest.mark.parametrize(
    ("status", "headers"), [(204, []), (205, [(b"content-length", b"0")]), (304, [])]
)
async def test_refusal_whose_status_has_no_body_is_sent_without(
    status: int, headers: list[tuple[bytes, bytes]]
) -> None:
    server = ScriptedServer(CONNECT)

    await make_channel(server, DENIAL).refuse(status, [], b"nobody reads this")

    assert server.sent == [
        {"type": "websocket.http.response.start", "status": status, "headers": headers},
        {"type": "websocket.http.response.body", "body": b""},
    ]


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


async def test_receive_in_two_tasks_is_refused_and_does_not_disturb_the_first() -> None:
    channel, server = await opened()
    first = asyncio.create_task(received(channel))
    await begun(first)
    await asyncio.sleep(0)

    for receive in (channel.receive, channel.receive_next):
        with pytest.raises(ConcurrentRecvError, match="another task already waits"):
            await receive()
    with pytest.raises(ConcurrentRecvError):
        channel.receive_nowait()
    server.give(text("hello"))

    assert await asyncio.wait_for(first, TIMEOUT) == "hello"


@pytest.mark.parametrize(
    ("code", "end"), [(1000, StopAsyncIteration), (1002, ConnectionClosed)], ids=["good", "bad"]
)
async def test_iteration_ends_with_the_connection_and_raises_if_that_was_not_orderly(
    code: int, end: type[Exception]
) -> None:
    channel, _ = await opened(text("last"), disconnect(code=code))

    assert await asyncio.wait_for(channel.receive_next(), TIMEOUT) == "last"
    with pytest.raises(end):
        await asyncio.wait_for(channel.receive_next(), TIMEOUT)


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

    assert caught.value.record == CloseRecord(CloseCause.CLIENT_CLOSE, 1001)


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


@pytest.mark.parametrize("turns", range(5))
async def test_cancelled_receive_loses_nothing_that_the_server_has_handed_over(turns: int) -> None:
    """Some servers cannot take an event back that they were about to give."""
    channel, server = await opened()
    task = asyncio.create_task(channel.receive())
    await begun(task)
    server.give(text("first"))
    server.give(text("second"))
    for _ in range(turns):
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])
    got = [] if task.cancelled() else [task.result()]
    while len(got) < 2:
        got.append(await received(channel))

    assert got == ["first", "second"]


async def test_known_server_is_asked_in_the_task_that_waits() -> None:
    """A task for each message would cost more than the message."""
    server = ScriptedServer(CONNECT, text("a"), known=True)
    channel = make_channel(server)
    await channel.accept(Acceptance(LIMITS))
    before = asyncio.all_tasks()
    assert await received(channel) == "a"
    reader = asyncio.create_task(channel.receive())
    await begun(reader)

    assert asyncio.all_tasks() - before == {reader}
    server.give(text("b"))
    assert await asyncio.wait_for(reader, TIMEOUT) == "b"


async def test_close_frame_does_not_wait_for_a_receive_that_waits() -> None:
    """There are servers that cannot do both at a time."""
    channel, server = await opened()
    one_at_a_time = asyncio.Lock()
    receive, send = server.receive, server.send

    async def exclusive_receive() -> Any:
        async with one_at_a_time:
            return await receive()

    async def exclusive_send(event: Any) -> None:
        async with one_at_a_time:
            await send(event)

    channel._receive, channel._send = exclusive_receive, exclusive_send
    reader = asyncio.create_task(end_of(channel))
    await begun(reader)
    await asyncio.sleep(0)

    await asyncio.wait_for(channel.close(4000, "enough", HANDLER_CLOSE), TIMEOUT)

    assert server.sent == [close(4000, "enough")]
    assert (await asyncio.wait_for(reader, TIMEOUT)).code == 4000


async def test_message_that_nobody_had_received_before_our_close_is_dropped() -> None:
    channel, server = await opened()
    assert channel.receive_nowait() is None
    server.give(text("too late"))
    for _ in range(4):
        await asyncio.sleep(0)

    await channel.close(4000, "enough", HANDLER_CLOSE)

    assert (await end_of(channel)).code == 4000


async def test_failure_of_a_server_that_nobody_asks_for_any_more_is_no_news() -> None:
    channel, _ = await opened()

    async def fail() -> Event:
        raise RuntimeError("the server does not feel well")

    channel._receive = fail
    assert channel.receive_nowait() is None
    await asyncio.sleep(0)

    await channel.close(4000, "enough", HANDLER_CLOSE)
    del channel
    gc.collect()


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
    await channel.close(1000, "", HANDLER_CLOSE)

    assert record == CloseRecord(CloseCause.TOO_BIG, 1009, f"a message has at most {LIMIT} bytes")
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
    await channel.close(1000, "", HANDLER_CLOSE)

    assert caught.value.record.code == 1009
    assert [event["code"] for event in server.sent] == [1009]


async def test_client_that_has_gone_when_the_limit_is_told_is_no_trouble() -> None:
    channel, server = await opened(binary(b"x" * 100))
    server.trouble = OSError("gone")

    record = await end_of(channel)
    await channel.close(1000, "", HANDLER_CLOSE)

    assert record.code == 1009
    assert channel.closed is record


# The end


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (1000, CloseCause.CLIENT_CLOSE),
        (1001, CloseCause.CLIENT_CLOSE),
        (1002, CloseCause.PROTOCOL_ERROR),
        (1003, CloseCause.CLIENT_CLOSE),
        (1005, CloseCause.CLIENT_CLOSE),
        (1006, CloseCause.CONNECTION_LOST),
        (1007, CloseCause.INVALID_UTF8),
        (1009, CloseCause.TOO_BIG),
        (1012, CloseCause.SHUTDOWN),
        (3000, CloseCause.CLIENT_CLOSE),
        (4999, CloseCause.CLIENT_CLOSE),
    ],
)
async def test_end_has_the_code_that_the_server_gives_and_a_cause_for_it(
    code: int, cause: CloseCause
) -> None:
    channel, _ = await opened(disconnect(code=code, reason="why"))

    record = await end_of(channel)

    assert record == CloseRecord(cause, code, "why")
    assert channel.closed is record


@pytest.mark.parametrize("facts", [{}, {"code": None}, {"code": None, "reason": None}])
async def test_end_without_a_code_is_a_close_frame_without_one(facts: Event) -> None:
    channel, _ = await opened(disconnect(**facts))

    assert await end_of(channel) == CloseRecord(CloseCause.CLIENT_CLOSE, 1005)


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

    await channel.close(4000, "enough", HANDLER_CLOSE)
    server.give(disconnect(code=1006))  # As servers do after a close of ours.

    with pytest.raises(ConnectionClosed) as caught:
        await asyncio.wait_for(task, TIMEOUT)
    assert caught.value.record == CloseRecord(HANDLER_CLOSE, 4000, "enough")


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

    assert caught.value.record == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert caught.value.__cause__ is trouble
    assert channel.closed is caught.value.record
    assert await asyncio.wait_for(channel.wait_closed(), TIMEOUT) is caught.value.record
    assert await end_of(channel) is caught.value.record


async def test_accept_that_fails_is_the_end_by_the_transport() -> None:
    server = ScriptedServer(CONNECT)
    channel = make_channel(server)
    server.trouble = OSError("gone")

    with pytest.raises(ConnectionClosed) as caught:
        await channel.accept(Acceptance(LIMITS))

    assert caught.value.record == CloseRecord(CloseCause.CONNECTION_LOST, 1006)


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
    await channel.close(1000, "", HANDLER_CLOSE)

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

    await channel.close(4000, "enough", HANDLER_CLOSE)

    assert server.sent == [close(4000, "enough")]
    assert channel.closed == CloseRecord(HANDLER_CLOSE, 4000, "enough")
    assert await end_of(channel) is channel.closed


async def test_closing_twice_sends_one_close_frame() -> None:
    channel, server = await opened()

    await channel.close(4000, "first", HANDLER_CLOSE)
    await channel.close(4001, "second", HANDLER_CLOSE)

    assert server.sent == [close(4000, "first")]
    assert channel.closed == CloseRecord(HANDLER_CLOSE, 4000, "first")


async def test_closing_in_two_tasks_sends_one_close_frame() -> None:
    channel, server = await opened()

    await asyncio.gather(
        channel.close(4000, "first", HANDLER_CLOSE), channel.close(4001, "second", HANDLER_CLOSE)
    )

    assert server.sent == [close(4000, "first")]


@pytest.mark.parametrize("trouble", [OSError("gone"), RuntimeError("gone")])
async def test_closing_towards_a_client_that_has_gone_is_harmless(trouble: Exception) -> None:
    channel, server = await opened()
    server.trouble = trouble

    await channel.close(4000, "enough", HANDLER_CLOSE)

    assert channel.closed == CloseRecord(HANDLER_CLOSE, 4000, "enough")
