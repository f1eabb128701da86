import asyncio
from typing import Any

import pytest

from app.websocket.channel import Message
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.connection import WebSocketConnection
from tests.helpers.recording_channel import RecordingChannel

TIMEOUT = 10.0


def connected(*messages: Message) -> tuple[WebSocketConnection, RecordingChannel]:
    """Return a connection on which these messages have arrived, and its channel."""
    channel = RecordingChannel(*messages)
    return WebSocketConnection(channel, None), channel


async def waiting(chat: WebSocketConnection) -> "asyncio.Task[Message]":
    """Return a task that waits in `recv`."""
    task = asyncio.create_task(chat.recv())
    await asyncio.sleep(0)  # Let it begin.
    return task


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)


async def test_messages_are_received_in_order_and_by_kind() -> None:
    chat, _ = connected("text", b"binary", "", b"")

    assert [await chat.recv() for _ in range(4)] == ["text", b"binary", "", b""]


async def test_recv_waits_for_the_next_message() -> None:
    chat, channel = connected()
    task = await waiting(chat)
    assert not task.done()

    channel.give("late")

    assert await asyncio.wait_for(task, TIMEOUT) == "late"


async def test_recv_gives_what_came_before_the_end_and_then_raises() -> None:
    chat, channel = connected("last")
    record = channel.give_end(CloseCause.CLIENT_CLOSE, 1001, "going away")

    assert await chat.recv() == "last"
    for _ in range(2):
        with pytest.raises(ConnectionClosed) as caught:
            await chat.recv()
        assert caught.value.record == record


async def test_cancelled_recv_loses_no_message() -> None:
    chat, channel = connected()
    task = await waiting(chat)

    await cancelled(task)
    channel.give("kept")

    assert await asyncio.wait_for(chat.recv(), TIMEOUT) == "kept"


async def test_recv_is_possible_again_after_one_was_cancelled_or_has_raised() -> None:
    chat, channel = connected()
    await cancelled(await waiting(chat))
    channel.give_end(CloseCause.CLIENT_CLOSE, 1000)

    for _ in range(2):
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(chat.recv(), TIMEOUT)


async def test_try_recv_does_not_wait() -> None:
    chat, channel = connected("there")

    assert chat.try_recv() == "there"
    assert chat.try_recv() is None
    channel.give(b"")
    assert chat.try_recv() == b""


async def test_try_recv_raises_after_the_end() -> None:
    chat, channel = connected("last")
    channel.give_end(CloseCause.CLIENT_CLOSE, 1000)

    assert chat.try_recv() == "last"
    with pytest.raises(ConnectionClosed):
        chat.try_recv()


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (CloseCause.CLIENT_CLOSE, 1000),
        (CloseCause.CLIENT_CLOSE, 1005),
        (CloseCause.SHUTDOWN, 1001),
        (CloseCause.IDLE_TIMEOUT, 1001),
    ],
)
async def test_loop_over_messages_ends_on_an_orderly_close(cause: CloseCause, code: int) -> None:
    chat, channel = connected("a", b"b")
    channel.give_end(cause, code)

    assert [message async for message in chat] == ["a", b"b"]


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (CloseCause.CONNECTION_LOST, 1006),
        (CloseCause.CLIENT_CLOSE, 1011),
        (CloseCause.TOO_BIG, 1009),
        (CloseCause.RATE_LIMIT, 1008),
    ],
)
async def test_loop_over_messages_raises_on_any_other_end(cause: CloseCause, code: int) -> None:
    chat, channel = connected("a", b"b")
    record = channel.give_end(cause, code)
    received: list[Message] = []

    async def receive_all() -> None:
        async for message in chat:
            received.append(message)

    with pytest.raises(ConnectionClosed) as caught:
        await receive_all()

    assert received == ["a", b"b"]
    assert caught.value.record == record


async def test_loop_over_messages_may_be_left_and_begun_again() -> None:
    chat, channel = connected("a", "b")
    channel.give_end(CloseCause.CLIENT_CLOSE, 1000)

    async for message in chat:
        assert message == "a"
        break

    assert [message async for message in chat] == ["b"]


async def test_send_takes_text_and_binary() -> None:
    chat, channel = connected()

    await chat.send("text")
    await chat.send(b"binary")

    assert channel.sent == ["text", b"binary"]


@pytest.mark.parametrize("message", [None, 7, ["text"], bytearray(b"binary"), memoryview(b"")])
async def test_send_refuses_what_is_neither(message: Any) -> None:
    chat, channel = connected()

    with pytest.raises(TypeError, match=type(message).__name__.removesuffix("Type")):
        await chat.send(message)

    assert channel.sent == []


async def test_text_is_sent_as_text() -> None:
    chat, channel = connected()

    await chat.send_text("text")

    assert channel.sent == ["text"]


async def test_binary_of_any_kind_is_sent_as_bytes() -> None:
    chat, channel = connected()

    for message in (b"binary", bytearray(b"binary"), memoryview(b"--binary")[2:]):
        await chat.send_binary(message)

    assert channel.sent == [b"binary"] * 3
    assert {type(message) for message in channel.sent} == {bytes}


async def test_sending_raises_after_the_end() -> None:
    chat, channel = connected()
    record = channel.give_end(CloseCause.CONNECTION_LOST, 1006)

    for send in (chat.send("a"), chat.send_text("a"), chat.send_binary(b"a"), chat.ping()):
        with pytest.raises(ConnectionClosed) as caught:
            await send
        assert caught.value.record == record
    assert channel.sent == []


async def test_one_task_may_send_while_another_receives() -> None:
    chat, channel = connected()
    task = await waiting(chat)

    await chat.send("question")
    channel.give("answer")

    assert channel.sent == ["question"]
    assert await asyncio.wait_for(task, TIMEOUT) == "answer"


@pytest.mark.parametrize("payload", [b"", b"x", b"x" * 125])
async def test_ping_carries_up_to_125_bytes(payload: bytes) -> None:
    chat, channel = connected()

    await chat.ping(payload)

    assert channel.pings == [payload]


async def test_ping_is_empty_unless_told() -> None:
    chat, channel = connected()

    await chat.ping()

    assert channel.pings == [b""]


async def test_longer_ping_is_refused() -> None:
    chat, channel = connected()

    with pytest.raises(ValueError, match="at most 125 bytes"):
        await chat.ping(b"x" * 126)

    assert channel.pings == []


async def test_close_is_1000_without_a_reason_unless_told() -> None:
    chat, channel = connected()

    await chat.close()

    assert channel.closes == [(1000, "")]


async def test_close_takes_a_code_and_a_reason() -> None:
    chat, channel = connected()

    await chat.close(4000, "enough")

    assert channel.closes == [(4000, "enough")]
    assert channel.closed == CloseRecord(CloseCause.HANDLER_CLOSE, 4000, "enough")


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (999, ""), (1000, "x" * 124)])
async def test_close_that_cannot_stand_in_a_frame_is_refused(code: int, reason: str) -> None:
    chat, channel = connected()

    with pytest.raises(ValueError, match="close"):
        await chat.close(code, reason)

    assert channel.closes == []
    assert not chat.closed


async def test_closing_twice_is_harmless_and_the_first_close_counts() -> None:
    chat, channel = connected()

    await chat.close(4000, "first")
    await chat.close(4001, "second")

    assert channel.closes == [(4000, "first")]
    assert (await chat.closed).code == 4000


async def test_closed_is_false_until_the_end_and_true_from_then_on() -> None:
    chat, _ = connected()
    closed = chat.closed
    assert not closed

    await chat.close()

    assert closed
    assert chat.closed


async def test_closed_can_be_waited_for_and_gives_the_record() -> None:
    chat, channel = connected()
    both_wait = asyncio.gather(chat.closed, chat.closed)
    await asyncio.sleep(0)  # Let them begin.
    assert not both_wait.done()

    await chat.close(4000, "enough")

    first, second = await asyncio.wait_for(both_wait, TIMEOUT)
    assert first is second is channel.closed
    assert await asyncio.wait_for(chat.closed, TIMEOUT) is channel.closed
