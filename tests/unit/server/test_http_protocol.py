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
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.server import connection_limit, http_protocol, request_intake
from app.server.http_limits import HttpLimits
from app.server.http_protocol import HttpProtocol
from app.server.protocol_factory import HttpProtocolFactory
from app.server.websocket_protocol import WebSocketProtocol
from tests.helpers.raw_client import encode, request_head

TIMEOUT = 10.0
SOON = 0.3  # long enough for a machine that is busy with something else
DEFAULTS = HttpLimits()
IMPATIENT = HttpLimits.model_validate({"handshake-timeout": "300ms"})

GET = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Serving:
    """A server, and what its application waits for."""

    server: uvicorn.Server
    port: int
    go_on: asyncio.Event

    def the_connection(self) -> Any:
        """Return the protocol of the one connection that there is, or None."""
        return next(iter(self.server.server_state.connections), None)

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


async def page(request: Request) -> Response:
    return PlainTextResponse(await request.body() or b"page")


async def early(request: Request) -> Response:
    return PlainTextResponse("early")


async def started(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"part"
        await request.body()

    return StreamingResponse(parts())


async def headers(request: Request) -> Response:
    await request.body()
    return PlainTextResponse(" ".join(sorted(request.headers)))


async def big(request: Request) -> Response:
    return Response(b"x" * 1_000_000)


async def slow(request: Request) -> Response:
    await request.app.state.go_on.wait()
    return PlainTextResponse("slow")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


ROUTES = [
    Route("/page", page, methods=["GET", "POST"]),
    Route("/slow", slow),
    Route("/early", early, methods=["POST"]),
    Route("/started", started, methods=["POST"]),
    Route("/headers", headers, methods=["POST"]),
    Route("/big", big),
    WebSocketRoute("/chat", echo),
]


@contextlib.asynccontextmanager
async def serving(limits: HttpLimits = DEFAULTS, **options: Any) -> AsyncIterator[Serving]:
    application = Starlette(routes=ROUTES)
    application.state.go_on = go_on = asyncio.Event()
    http = HttpProtocolFactory(limits).as_class()
    config = uvicorn.Config(application, http=http, port=0, log_config=None, **options)
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


async def test_head_that_does_not_end_is_told_so() -> None:
    async with serving(IMPATIENT) as service, service.client() as (reader, writer):
        writer.write(b"GET /page HTTP/1.1\r\nHost: loc")

        assert (await rest_of(reader)).startswith(b"HTTP/1.1 408 ")


async def test_connection_that_says_nothing_is_closed() -> None:
    async with serving(IMPATIENT) as service, service.client() as (reader, _writer):
        assert await rest_of(reader) == b""


async def test_head_of_a_later_request_has_its_time_too() -> None:
    async with serving(IMPATIENT) as service, service.client() as (reader, writer):
        writer.write(GET % b"page")
        assert await status_of(reader) == 200
        writer.write(b"GET /page HTTP/1.1\r\n")

        assert (await rest_of(reader)).startswith(b"HTTP/1.1 408 ")


async def test_response_may_take_longer_than_a_head() -> None:
    async with serving(IMPATIENT) as service, service.client() as (reader, writer):
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


async def test_head_has_its_time_only_when_earlier_requests_are_answered() -> None:
    async with serving(IMPATIENT) as service, service.client() as (reader, writer):
        writer.write(GET % b"slow" + b"GET /page HTT")
        asyncio.get_running_loop().call_later(SOON * 3, service.go_on.set)

        assert [await status_of(reader) for _ in range(2)] == [200, 408]


async def test_empty_lines_do_not_hold_a_connection() -> None:
    async with serving(IMPATIENT) as service, service.client() as (reader, writer):
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


async def test_client_that_does_not_take_its_responses_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one that is being written is told, too: Uvicorn tells the last one that has come."""
    monkeypatch.setattr(request_intake, "SEND_TIMEOUT", 0.2)
    async with serving() as service, service.client() as (_, writer):
        for _ in range(16):
            writer.write(GET % b"big")
        await until(lambda: isinstance(service.the_connection(), HttpProtocol))
        protocol = service.the_connection()
        await until(lambda: service.the_connection() is None)

        assert protocol._answered.disconnected
        await until(lambda: not service.server.server_state.tasks)


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


# Heads that are slow, or many


async def test_head_that_comes_byte_by_byte_has_no_more_time_for_that() -> None:
    async with serving(IMPATIENT) as service, service.client() as (reader, writer):
        answer = asyncio.ensure_future(rest_of(reader))
        writer.write(b"GET /page HTTP/1.1\r\nHost: ")
        while not answer.done():
            writer.write(b"a")
            await asyncio.wait([answer], timeout=SOON / 10)

        assert (await answer).startswith(b"HTTP/1.1 408 ")
        assert b"the head of a request has 300ms to come" in await answer


async def test_requests_sent_ahead_of_answers_are_parsed_only_when_their_turn_is_near() -> None:
    count = 5000
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"slow" + GET % b"page" * count)
        await until(lambda: bool(getattr(service.the_connection(), "pipeline", ())))
        for _ in range(100):  # turns in which more could be parsed
            await asyncio.sleep(0)
        assert len(service.the_connection().pipeline) < 100
        service.go_on.set()

        assert [await status_of(reader) for _ in range(count + 1)] == [200] * (count + 1)


async def test_frames_behind_a_handshake_are_not_lost_however_many() -> None:
    message = b"x" * 50_000
    async with serving() as service, service.client() as (reader, writer):
        writer.write(request_head("/chat") + encode(1, message) * 4)

        assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
        for _ in range(4):
            frame = await asyncio.wait_for(reader.readexactly(4 + len(message)), TIMEOUT)
            assert frame.endswith(message)


@pytest.mark.parametrize("size", [100, 1024, 16384, 1_000_000])
async def test_body_is_taken_whole(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    head = b"POST /page HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    async with serving() as service, service.client() as (reader, writer):
        writer.write(head % len(body) + body + GET % b"page")
        assert b"content-length: %d\r\n" % len(body) in await head_of(reader)
        assert await asyncio.wait_for(reader.readexactly(len(body)), TIMEOUT) == body

        assert await status_of(reader) == 200


# Bodies that go wrong

CHUNKED = b"POST /%b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_body_that_is_nonsense_is_refused_though_the_application_waits_for_it() -> None:
    async with serving() as service, service.client() as (reader, writer):
        writer.write(CHUNKED % b"page" + b"3\r\nabc\r\n")
        await until(lambda: bool(service.server.server_state.tasks))
        writer.write(b"nonsense\r\n")

        assert (await rest_of(reader)).startswith(b"HTTP/1.1 400 ")
        await until(lambda: not service.server.server_state.tasks)


async def test_body_that_is_nonsense_behind_a_response_ends_the_stream() -> None:
    async with serving() as service, service.client() as (reader, writer):
        writer.write(CHUNKED % b"early")
        assert await status_of(reader) == 200
        writer.write(b"nonsense\r\n")

        assert await rest_of(reader) == b""


async def test_body_that_is_nonsense_cuts_a_response_that_has_begun() -> None:
    async with serving() as service, service.client() as (reader, writer):
        writer.write(CHUNKED % b"started")
        assert (await head_of(reader)).startswith(b"HTTP/1.1 200 ")
        assert await asyncio.wait_for(reader.readline(), TIMEOUT) == b"4\r\n"
        writer.write(b"nonsense\r\n")

        assert b"HTTP/1.1" not in await rest_of(reader)


async def test_body_that_is_nonsense_is_refused_in_its_turn() -> None:
    async with serving() as service, service.client() as (reader, writer):
        writer.write(GET % b"slow" + GET % b"page" + CHUNKED % b"page" + b"nonsense\r\n")
        asyncio.get_running_loop().call_later(SOON, service.go_on.set)

        assert [await status_of(reader) for _ in range(3)] == [200, 200, 400]
        assert await rest_of(reader) == b""


async def test_lines_behind_a_body_are_no_headers() -> None:
    request = CHUNKED % b"headers" + b"0\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
    async with serving() as service, service.client() as (reader, writer):
        writer.write(request + GET % b"page")

        assert (await head_of(reader)).startswith(b"HTTP/1.1 200 ")
        names = await asyncio.wait_for(reader.readexactly(len("host transfer-encoding")), TIMEOUT)
        assert names == b"host transfer-encoding"
        assert await status_of(reader) == 200


@pytest.mark.parametrize("end", [b"0\r\nX: ", b"1;x="], ids=["line", "extension"])
async def test_line_without_an_end_behind_a_head_is_refused(end: bytes) -> None:
    limits = HttpLimits(max_headers_size=5000)
    async with serving(limits) as service, service.client() as (reader, writer):
        writer.write(CHUNKED % b"page" + end + b"x" * 10_000)

        assert (await rest_of(reader)).startswith(b"HTTP/1.1 431 ")


async def test_upgrade_to_another_protocol_does_not_swallow_the_next_request() -> None:
    lines = b"GET /page HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with serving() as service, service.client() as (reader, writer):
        writer.write(lines + GET % b"page")

        assert [await status_of(reader) for _ in range(2)] == [200, 200]


# More connections than there may be

TWO = HttpLimits(max_connections=2)


async def test_connection_too_many_is_told_so_before_it_has_asked() -> None:
    async with serving(TWO) as service, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(service.client()) for _ in range(3)]
        answer = await rest_of(clients[2][0])

        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 5\r\n" in answer
        assert b"\r\nconnection: close\r\n" in answer
        for reader, writer in clients[:2]:
            writer.write(GET % b"page")
            assert await status_of(reader) == 200


async def test_connection_too_many_is_counted_with_websockets() -> None:
    async with serving(TWO) as service, contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            reader, writer = await stack.enter_async_context(service.client())
            writer.write(request_head("/chat"))
            assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
        reader, writer = await stack.enter_async_context(service.client())
        writer.write(request_head("/chat"))

        assert (await rest_of(reader)).startswith(b"HTTP/1.1 503 ")


async def test_place_of_who_has_left_is_free_though_one_who_was_refused_lingers() -> None:
    async with serving(TWO) as service, contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(service.client())
        async with service.client() as (reader, writer):
            writer.write(GET % b"page")
            assert await status_of(reader) == 200
            refused, _ = await stack.enter_async_context(service.client())
            assert (await rest_of(refused)).startswith(b"HTTP/1.1 503 ")
        connections = service.server.server_state.connections
        await until(lambda: len(connections) == 2)  # one, and the one who lingers
        reader, writer = await stack.enter_async_context(service.client())
        writer.write(GET % b"page")

        assert await status_of(reader) == 200


async def test_connection_too_many_is_ended_though_the_client_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "LINGER_TIMEOUT", SOON)
    async with serving(TWO) as service, contextlib.AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(service.client())
        connections = service.server.server_state.connections
        await until(lambda: len(connections) == 5)

        await until(lambda: len(connections) == 2)


async def test_connection_too_many_does_not_linger_among_too_many_of_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_limit, "MAX_LINGERING", 3)
    monkeypatch.setattr(http_protocol, "LINGER_TIMEOUT", TIMEOUT)
    async with serving(TWO) as service, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(service.client()) for _ in range(20)]
        answers = [await rest_of(reader) for reader, _ in clients[2:]]

        assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in answers)
        assert len(service.server.server_state.connections) == 2 + 3
        for _, writer in clients:
            writer.close()


async def test_flood_of_connections_is_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(TWO) as service, contextlib.AsyncExitStack() as stack:
        for _ in range(30):
            await stack.enter_async_context(service.client())
        await until(lambda: len(service.server.server_state.connections) == 30)

        assert caplog.text.count("max_connections is 2") == 1
        assert "was refused with 503:" in caplog.text
