"""The client's end against a server that is not ours, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from app.testsuite import Close, ConnectionClosed, HandshakeRefused, WebSocketClient
from app.testsuite.connection import MAX_UNREAD

LARGE = 3_000_000


@contextlib.asynccontextmanager
async def serving(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """Run a server until the block is left; gives its URL."""
    server: Server
    async with serve(
        handler,
        "127.0.0.1",
        0,
        max_size=LARGE,
        close_timeout=0.1,
        select_subprotocol=be_polite,
        process_request=refuse_secrets,
    ) as server:
        yield "http://127.0.0.1:{1}".format(*next(iter(server.sockets)).getsockname())


def be_polite(chat: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next((each for each in offered if each == "polite"), None)


def refuse_secrets(chat: ServerConnection, request: Request) -> Response | None:
    return chat.respond(403, "no entry") if request.path == "/secret" else None


async def echo(chat: ServerConnection) -> None:
    async for message in chat:
        await chat.send(message)


async def tell(chat: ServerConnection) -> None:
    """Tell the client how it came."""
    assert chat.request is not None
    await chat.send(f"{chat.request.path} {chat.request.headers.get('X-Name')}")


@pytest.fixture
async def client() -> AsyncIterator[WebSocketClient]:
    """A client of an echo."""
    async with serving(echo) as url:
        yield WebSocketClient(url)


@pytest.mark.parametrize(
    "message", ["x" * LARGE, b"x" * LARGE, "", b"", "é" * (LARGE // 2)], ids=len
)
async def test_messages_of_any_size_go_both_ways(
    client: WebSocketClient, message: str | bytes
) -> None:
    async with client.get("/") as chat:
        await chat.send(message)

        assert await chat.recv() == message


async def test_what_is_no_message_is_refused(client: WebSocketClient) -> None:
    async with client.get("/") as chat:
        with pytest.raises(TypeError, match="a message is str or bytes, not int"):
            await chat.send(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["rooms/7?user=ann", "/rooms/7?user=ann"])
async def test_path_query_and_headers_arrive(path: str) -> None:
    headers = {"X-Name": "Ann"}
    async with serving(tell) as url, WebSocketClient(url).get(path, headers=headers) as chat:
        assert await chat.recv() == "/rooms/7?user=ann Ann"

    assert headers == {"X-Name": "Ann"}


async def test_subprotocols_are_offered_and_the_chosen_one_is_known(
    client: WebSocketClient,
) -> None:
    async with client.get("/", subprotocols=["rude", "polite"]) as chat:
        assert chat.subprotocol == "polite"
        assert chat.headers["upgrade"] == "websocket"


async def test_ping_waits_for_the_pong_also_with_messages_that_nobody_has_received(
    client: WebSocketClient,
) -> None:
    async with client.get("/") as chat:
        await chat.send("first")
        await chat.send("second")

        await chat.ping()

        assert [await chat.recv(), await chat.recv()] == ["first", "second"]


async def test_recv_gives_up_in_time_and_says_what_it_waited_for(client: WebSocketClient) -> None:
    async with client.get("chat") as chat:
        await chat.send("hello")
        await chat.recv()

        with pytest.raises(
            TimeoutError,
            match=r"no message has come within 0.05 s: ws://127.0.0.1:\d+/chat is open,"
            r" 1 messages received, 0 waiting for recv\(\)",
        ):
            await chat.recv(timeout=0.05)

        await chat.send("still there?")
        assert await chat.recv() == "still there?"


async def test_timeout_of_a_connection_holds_for_all_its_waits() -> None:
    enough = asyncio.Event()

    async def go_deaf(chat: ServerConnection) -> None:
        chat.transport.pause_reading()
        await chat.send("deaf now")
        await enough.wait()
        chat.transport.abort()

    async with serving(go_deaf) as url, WebSocketClient(url).get("/", timeout=1) as chat:
        assert await chat.recv(timeout=10) == "deaf now"

        with pytest.raises(TimeoutError, match=r"no pong has come within 1 s"):
            await chat.ping()
        with pytest.raises(TimeoutError, match=r"the message was not taken within 0.05 s"):
            await chat.send(b"x" * 50_000_000, timeout=0.05)
        enough.set()


async def test_close_returns_the_answer_of_the_server(client: WebSocketClient) -> None:
    async with client.get("/") as chat:
        assert chat.closed is None

        assert await chat.close(4001, "that is all") == (4001, "that is all")

        assert chat.closed == Close(4001, "that is all")
        assert await chat.close() == (4001, "that is all")


async def test_after_a_close_nothing_is_received_sent_or_pinged(client: WebSocketClient) -> None:
    async with client.get("/") as chat:
        await chat.send("never received")
        await chat.close(4001, "that is all")

        for attempt in (chat.recv(), chat.recv(), chat.send("late"), chat.ping()):
            with pytest.raises(ConnectionClosed, match=r"closed with 4001 \(that is all\)"):
                await attempt


async def test_after_the_block_nothing_is_received_or_sent(client: WebSocketClient) -> None:
    async with client.get("/") as chat:
        await chat.send("never received")

    for attempt in (chat.recv(), chat.send("late"), chat.ping()):
        with pytest.raises(ConnectionClosed):
            await attempt


async def test_what_came_before_the_end_is_received_before_it() -> None:
    async def say_goodbye(chat: ServerConnection) -> None:
        await chat.send("good")
        await chat.send("bye")
        await chat.close(4000, "enough")

    async with serving(say_goodbye) as url, WebSocketClient(url).get("/") as chat:
        assert await chat.wait_closed() == (4000, "enough")

        assert [await chat.recv(), await chat.recv()] == ["good", "bye"]
        with pytest.raises(ConnectionClosed) as closed:
            await chat.recv()
    assert (closed.value.code, closed.value.reason) == (4000, "enough")


async def test_end_is_answered_at_once() -> None:
    answered = asyncio.Event()

    async def say_goodbye(chat: ServerConnection) -> None:
        await chat.close(4000)
        if chat.close_code == 4000 and chat.protocol.close_rcvd is not None:
            answered.set()

    async with serving(say_goodbye) as url, WebSocketClient(url).get("/"):
        async with asyncio.timeout(10):
            await answered.wait()


async def test_connection_that_is_lost_has_1006() -> None:
    async def cut(chat: ServerConnection) -> None:
        chat.transport.abort()

    async with serving(cut) as url, WebSocketClient(url).get("/") as chat:
        assert await chat.wait_closed() == (1006, "")

        for attempt in (chat.recv(), chat.ping(), chat.send("late")):
            with pytest.raises(ConnectionClosed, match="closed with 1006"):
                await attempt


async def test_ping_ends_with_the_connection() -> None:
    async def cut_at_ping(chat: ServerConnection) -> None:
        cut = chat.transport.abort
        chat.protocol.receive_data = lambda data: cut()  # type: ignore[method-assign]
        await chat.wait_closed()

    async with serving(cut_at_ping) as url, WebSocketClient(url).get("/") as chat:
        with pytest.raises(ConnectionClosed, match="closed with 1006"):
            await chat.ping()


async def test_server_that_breaks_the_protocol_has_not_closed() -> None:
    async def babble(chat: ServerConnection) -> None:
        chat.transport.write(b"\xff\x00")
        await chat.wait_closed()

    async with serving(babble) as url, WebSocketClient(url).get("/") as chat:
        end = await chat.wait_closed()

    assert end.code == 1006
    assert end.reason.startswith("the service broke the protocol: ")


async def test_server_that_floods_is_read_no_further_than_a_bound() -> None:
    sent = 0

    async def flood(chat: ServerConnection) -> None:
        nonlocal sent
        while True:
            await chat.send(b"x" * 65536)
            sent += 1

    async with serving(flood) as url, WebSocketClient(url).get("/") as chat:
        async with asyncio.timeout(30):
            while f"{MAX_UNREAD} waiting for recv()" not in str(chat):
                with contextlib.suppress(TimeoutError):
                    await chat.wait_closed(timeout=0.05)
        assert sent < 2 * MAX_UNREAD

        assert await chat.recv() == b"x" * 65536
        await chat.close()


async def test_error_in_the_block_comes_out_as_it_is(client: WebSocketClient) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client.get("/"):
            raise ZeroDivisionError


async def test_refused_handshake_shows_status_and_body(client: WebSocketClient) -> None:
    with pytest.raises(HandshakeRefused, match="refused with 403 Forbidden: no entry") as refused:
        async with client.get("secret"):
            pass

    assert refused.value.response.status_code == 403
    assert refused.value.response.text == "no entry"


async def test_handshake_that_nobody_answers_is_given_up() -> None:
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await reader.read()
        gone.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        url = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        with pytest.raises(TimeoutError, match=r"chat: no answer to the handshake within 0.05 s"):
            async with WebSocketClient(url).get("chat", timeout=0.05):
                pass
        async with asyncio.timeout(10):
            await gone.wait()
