"""The HTTP class under a real Uvicorn server in process, on real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.server import http_protocol
from app.server.http_protocol import HttpProtocol
from app.server.websocket_protocol import WebSocketProtocol
from tests.helpers.raw_client import encode, request_head

TIMEOUT = 10.0
SOON = 0.3  # long enough for a machine that is busy with something else

GET = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Serving:
    """A server, and what its application waits for."""

    server: uvicorn.Server
    port: int
    go_on: asyncio.Event

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            # What has not been sent yet may never be.
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Serving]:
    go_on = asyncio.Event()

    async def page(request: Request) -> Response:
        return PlainTextResponse(await request.body() or b"page")

    async def big(request: Request) -> Response:
        return Response(b"x" * 1_000_000)

    async def slow(request: Request) -> Response:
        await go_on.wait()
        return PlainTextResponse("slow")

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    routes = [
        Route("/page", page, methods=["GET", "POST"]),
        Route("/slow", slow),
        Route("/big", big),
        WebSocketRoute("/chat", echo),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), http=HttpProtocol, port=0, log_config=None, **options
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(TIMEOUT):
        while not server.started:  # noqa: ASYNC110 (Uvicorn has no event for it)
            await asyncio.sleep(0)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Serving(server, port, go_on)
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, TIMEOUT)


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), TIMEOUT)


async def status_of(reader: asyncio.StreamReader) -> int:
    """Read a response with a Content-Length and return its status."""
    head = await head_of(reader)
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-le"))
    await asyncio.wait_for(reader.readexactly(int(length.split(b":")[1])), TIMEOUT)
    return int(head.split()[1])


async def test_head_that_does_not_end_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", SOON)
    async with serving() as service, service.client() as (reader, writer):
        writer.write(b"GET /page HTTP/1.1\r\nHost: loc")

        assert (await rest_of(reader)).startswith(b"HTTP/1.1 408 ")


async def test_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", SOON)
    async with serving() as service, service.client() as (reader, _writer):
        assert await rest_of(reader) == b""


async def test_head_of_a_later_request_has_its_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", SOON)
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"page")
        assert await status_of(reader) == 200
        writer.write(b"GET /page HTTP/1.1\r\n")

        assert (await rest_of(reader)).startswith(b"HTTP/1.1 408 ")


async def test_response_may_take_longer_than_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", SOON)
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"slow")
        asyncio.get_running_loop().call_later(SOON * 3, service.go_on.set)

        assert await status_of(reader) == 200


async def test_requests_on_one_connection_and_then_an_upgrade() -> None:
    async with serving() as service, service.client() as (reader, writer):
        for _ in range(3):
            writer.write(GET % b"page")
            assert await status_of(reader) == 200
        writer.write(request_head("/chat") + encode(1, b"hello"))

        assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
        assert await asyncio.wait_for(reader.readexactly(7), TIMEOUT) == b"\x81\x05hello"


async def test_pipelined_requests_and_bodies_are_answered_as_ever() -> None:
    post = (
        b"POST /page HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\n\r\n"
    )
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"page" + post + GET % b"page")

        assert [await status_of(reader) for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    "follower", [request_head("/chat"), b"nonsense\r\n\r\n"], ids=["upgrade", "nonsense"]
)
async def test_refusal_waits_for_the_answers_to_earlier_requests(
    follower: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"slow" + GET % b"page" + follower)
        asyncio.get_running_loop().call_later(SOON, service.go_on.set)

        assert [await status_of(reader) for _ in range(3)] == [200, 200, 400]
        assert await rest_of(reader) == b""
    assert "Traceback" not in caplog.text


async def test_head_has_its_time_only_when_earlier_requests_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", SOON)
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"slow" + b"GET /page HTT")
        asyncio.get_running_loop().call_later(SOON * 3, service.go_on.set)

        assert [await status_of(reader) for _ in range(2)] == [200, 408]


async def test_empty_lines_do_not_hold_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", SOON)
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"page")
        assert await status_of(reader) == 200
        writer.write(b"\r\n\r\n")

        assert await rest_of(reader) == b""


@pytest.mark.parametrize(("size", "status"), [(60_000, 101), (66_000, 431)])
@pytest.mark.parametrize("piece", [1460, 1 << 20])
async def test_limit_of_a_head_does_not_depend_on_how_it_is_cut(
    size: int, status: int, piece: int
) -> None:
    lines = [f"X-{number}: " + "x" * 1000 for number in range(size // 1000)]
    head = request_head("/chat", *lines)
    async with serving() as service, service.client() as (reader, writer):
        for start in range(0, len(head), piece):
            writer.write(head[start : start + piece])
            await writer.drain()
            await asyncio.sleep(0)

        assert int((await head_of(reader)).split()[1]) == status


async def test_body_does_not_count_towards_the_next_head() -> None:
    post = b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    follower = GET % b"page"
    async with serving() as service, service.client() as (reader, writer):
        writer.write(post + b"x" * 100_000 + follower[:10])
        assert await status_of(reader) == 200
        writer.write(follower[10:])

        assert await status_of(reader) == 200


@pytest.mark.parametrize("url", [b"http://host", b"http://a:99999/chat", b"http://["])
async def test_url_without_a_path_is_refused(url: bytes, caplog: pytest.LogCaptureFixture) -> None:
    head = request_head("/chat").replace(b"/chat", url, 1)
    async with serving() as service, service.client() as (reader, writer):
        writer.write(head)

        assert await status_of(reader) == 400
    assert "Traceback" not in caplog.text


async def test_upgrade_on_a_transport_that_has_too_much_knows_it() -> None:
    """The transport has said so once, to the HTTP class."""
    async with serving() as service, service.client() as (_, writer):
        connections = service.server.server_state.connections

        def the_connection() -> Any:
            return next(iter(connections), None)

        def is_answered() -> bool:
            cycle = getattr(the_connection(), "cycle", None)
            return cycle is not None and cycle.response_complete

        writer.write(GET % b"big")
        await until(is_answered)
        while not the_connection().flow.write_paused:
            answered = the_connection().cycle
            writer.write(GET % b"big")
            await until(lambda: the_connection().cycle is not answered and is_answered())  # noqa: B023
        writer.write(request_head("/chat"))
        await until(lambda: isinstance(the_connection(), WebSocketProtocol))

        assert the_connection()._out.paused


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110 (turns of the loop are what is waited for)
            await asyncio.sleep(0)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket-foo"])
async def test_upgrade_to_another_protocol_is_a_plain_request(protocol: bytes) -> None:
    lines = b"GET /page HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"
    async with serving() as service, service.client() as (reader, writer):
        writer.write(lines % protocol)

        assert await status_of(reader) == 200


async def test_limit_on_concurrency_holds_for_websockets() -> None:
    async with serving(limit_concurrency=3) as service, contextlib.AsyncExitStack() as stack:
        statuses = []
        for _ in range(3):
            reader, writer = await stack.enter_async_context(service.client())
            writer.write(request_head("/chat"))
            statuses.append((await head_of(reader)).split()[1])

        assert statuses == [b"101", b"101", b"503"]


async def test_server_forgets_connections_and_tasks_that_have_ended() -> None:
    async with serving() as service, service.client() as (reader, writer):
        writer.write(request_head("/chat"))
        await head_of(reader)
        state = service.server.server_state
        assert len(state.connections) == len(state.tasks) == 1
        writer.close()

        async with asyncio.timeout(TIMEOUT):
            while state.connections or state.tasks:  # noqa: ASYNC110
                await asyncio.sleep(0)
