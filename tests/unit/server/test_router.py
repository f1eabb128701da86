import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message as ASGIEvent
from starlette.types import Scope
from typing_extensions import override

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.handlers.config import HandlerConfig
from app.logs.context import LINE_CONTEXT, LineContext
from app.server.request_log import REQUEST_TAGS, RequestLog
from app.server.router import HandlerRouter, describe_path, path_shape, paths
from app.websocket.channel import Acceptance, Channel
from app.websocket.close import ConnectionClosed
from app.websocket.limits import Limits

LOG = RequestLog(Source((), Snapshot({})))


class Page:
    """Answers with what it was asked."""

    def __init__(self, path: str, **options: object) -> None:
        self.handler_name = f"handler of {path}"
        self.options = HandlerConfig.model_validate({"path": path, "method": "GET", **options})

    async def respond(self, request: Request) -> Response:
        params = dict(request.path_params)
        return PlainTextResponse(f"{request.method} {self.options.path} {params}")


class Chat(Page):
    """Accepts each connection and tells it where it is."""

    def __init__(self, path: str, **options: object) -> None:
        super().__init__(path, **options)
        self.limits = Limits(max_remote_payload=2, fragment_size=0)
        self.received: list[object] = []

    async def serve(self, channel: Channel, request: HTTPConnection) -> None:
        await channel.accept(Acceptance(self.limits))
        await channel.send(f"{self.options.path} {dict(request.path_params)}")
        self.received.append(await channel.receive())


async def answer(*handlers: Page, path: str, method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(HandlerRouter(handlers, LOG))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path)


async def talk(
    *handlers: Page, path: str, say: str = "", extensions: dict[str, Any] | None = None
) -> list[ASGIEvent]:
    """Open a WebSocket connection, say something, and return what is sent to the client."""
    sent: list[ASGIEvent] = []
    events: list[ASGIEvent] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": say},
    ]
    scope: Scope = {"type": "websocket", "path": path, "headers": []}
    if extensions is not None:
        scope["extensions"] = extensions

    async def receive() -> ASGIEvent:
        return events.pop(0)

    async def send(event: ASGIEvent) -> None:
        sent.append(event)

    await HandlerRouter(handlers, LOG)(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("path", "slash", "reached"),
    [
        ("/a", "both", ["/a", "/a/"]),
        ("/a/", "both", ["/a/", "/a"]),
        ("/a/{b}", "both", ["/a/{b}", "/a/{b}/"]),
        ("/", "both", ["/"]),
        ("/a", "strict-match", ["/a"]),
        ("/a/", "strict-match", ["/a/"]),
    ],
)
def test_handler_is_reached_with_and_without_a_slash_at_the_end_unless_strict(
    path: str, slash: str, reached: list[str]
) -> None:
    assert paths(Page(path, url_trailing_slash=slash)) == reached


def test_path_is_described_with_what_is_spoken_there() -> None:
    assert describe_path(Page("/a", method="PUT, GET")) == "/a (PUT)"
    assert describe_path(Chat("/a")) == "/a (WebSocket)"


async def test_request_is_answered_by_the_handler_of_its_path() -> None:
    handlers = [Page("/a"), Page("/b/{c}"), Chat("/d")]

    assert (await answer(*handlers, path="/a")).text == "GET /a {}"
    assert (await answer(*handlers, path="/b/x")).text == "GET /b/{c} {'c': 'x'}"
    assert (await answer(*handlers, path="/d")).text == "GET /d {}"


@pytest.mark.parametrize("path", ["/a", "/a/"])
async def test_slash_at_the_end_makes_no_difference_and_no_redirect(path: str) -> None:
    response = await answer(Page("/a"), path=path)

    assert (response.status_code, response.text) == (200, "GET /a {}")


async def test_slash_at_the_end_matters_where_it_is_to() -> None:
    strict = Page("/a", url_trailing_slash="strict-match")

    assert (await answer(strict, path="/a")).status_code == 200
    assert (await answer(strict, path="/a/")).status_code == 404


@pytest.mark.parametrize("path", ["/", "/b", "/a/b", "/A", "//a"])
async def test_unknown_path_is_answered_with_404(path: str) -> None:
    response = await answer(Page("/a"), path=path)

    assert (response.status_code, response.text) == (404, "Not Found")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_method_of_another_handler_is_answered_with_405() -> None:
    handler = Page("/a", method="PUT,DELETE")

    response = await answer(handler, path="/a", method="POST")

    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"PUT", "DELETE"}
    assert (await answer(handler, path="/a", method="DELETE")).text == "DELETE /a {}"


async def test_connection_is_served_by_the_handler_of_its_path() -> None:
    sent = await talk(Chat("/b"), Chat("/a/{room}"), path="/a/kitchen")

    assert [event["type"] for event in sent] == ["websocket.accept", "websocket.send"]
    assert sent[1]["text"] == "/a/{room} {'room': 'kitchen'}"


@pytest.mark.parametrize("path", ["/a", "/a/"])
async def test_connection_finds_its_handler_with_and_without_a_slash(path: str) -> None:
    sent = await talk(Chat("/a"), path=path)

    assert sent[1]["text"] == "/a {}"


async def test_connection_has_the_limits_of_its_handler() -> None:
    generous, strict = Chat("/a"), Chat("/b")
    generous.limits = Limits(max_remote_payload=3, fragment_size=0)

    await talk(generous, strict, path="/a", say="abc")

    assert generous.received == ["abc"]
    with pytest.raises(ConnectionClosed, match="a message has at most 2 bytes"):
        await talk(generous, strict, path="/b", say="abc")


@pytest.mark.parametrize("path", ["/page", "/nowhere"])
async def test_connection_that_nobody_serves_is_refused_with_404(path: str) -> None:
    sent = await talk(Page("/page"), path=path, extensions={"websocket.http.response": {}})

    start, body = sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert (b"content-length", b"9") in start["headers"]
    assert body == {"type": "websocket.http.response.body", "body": b"Not Found"}


async def test_connection_that_nobody_serves_is_closed_where_the_server_cannot_answer() -> None:
    sent = await talk(path="/nowhere")

    assert sent == [{"type": "websocket.close", "code": 1000, "reason": ""}]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/x/{a}", "/x/{b}"),
        ("/x/{a}", "/x/{b:str}"),
        ("/{a}/{b:int}", "/{b}/{a:int}"),
        ("/x.{a}/", "/x.{b}/"),
    ],
)
def test_names_of_templates_do_not_matter_to_the_shape_of_a_path(one: str, other: str) -> None:
    assert path_shape(one) == path_shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("/x/{a}", "/x/a"), ("/x/{a}", "/x/{a}/"), ("/x/{a:int}", "/x/{a:float}"), ("/a", "/b")],
)
def test_paths_of_other_requests_have_another_shape(one: str, other: str) -> None:
    assert path_shape(one) != path_shape(other)


async def test_lines_of_a_request_carry_its_handler_and_its_trace_id() -> None:
    class Noting(Page):
        async def respond(self, request: Request) -> Response:
            return PlainTextResponse(str(LINE_CONTEXT.get()))

    trace_id = "0af7651916cd43dd8448eb211c80319c"
    transport = httpx.ASGITransport(HandlerRouter([Noting("/")], LOG))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        traceparent = f"00-{trace_id}-b7ad6b7169203331-01"
        response = await client.get("/", headers={"traceparent": traceparent})

    assert response.text == str(LineContext("handler of /", trace_id))


class Noticed(logging.Handler):
    """Keeps the lines about requests, each with what it carries."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[logging.LogRecord, LineContext | None]] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record, LINE_CONTEXT.get()))


@pytest.fixture
def noticed() -> Iterator[Noticed]:
    handler, logger = Noticed(), logging.getLogger("app.server.request_log")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(handler)


async def test_request_to_a_handler_is_one_line_that_carries_the_handler(noticed: Noticed) -> None:
    await answer(Page("/a"), path="/a")

    ((record, context),) = noticed.lines
    assert record.getMessage() == "request received"
    assert record.__dict__["tags"].items() >= {"method": "GET", "uri": "/a"}.items()
    assert context is not None
    assert context.handler == "handler of /a"


async def test_handshake_leaves_what_is_told_of_it_to_its_own_line(noticed: Noticed) -> None:
    class Noting(Chat):
        @override
        async def serve(self, channel: Channel, request: HTTPConnection) -> None:
            self.received += [request.scope[REQUEST_TAGS], LINE_CONTEXT.get()]

    chat = Noting("/a")
    await talk(chat, path="/a")

    tags, context = chat.received
    assert tags == {"method": "GET", "uri": "/a"}
    assert isinstance(context, LineContext)
    assert context.handler == "handler of /a"
    assert noticed.lines == []


async def test_what_goes_to_no_handler_is_not_logged(noticed: Noticed) -> None:
    await answer(Page("/a"), path="/b")
    await answer(Page("/a"), path="/a", method="PUT")
    await talk(Page("/a"), path="/a", extensions={"websocket.http.response": {}})

    assert noticed.lines == []


async def straight(
    router: HandlerRouter, scope: Scope, *events: ASGIEvent
) -> list[ASGIEvent] | None:
    """Talk to what the router says that serves the connection, if it does."""
    sent: list[ASGIEvent] = []
    coming = list(events)

    async def receive() -> ASGIEvent:
        return coming.pop(0)

    async def send(event: ASGIEvent) -> None:
        sent.append(event)

    app = router.take_straight(scope)
    if app is None:
        return None
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize("path", ["/a", "/a/", "/b/c"])
async def test_fixed_path_leads_straight_to_where_the_routes_lead(path: str) -> None:
    router = HandlerRouter([Chat("/b/{c}"), Chat("/a"), Chat("/b/c")], LOG)
    events: list[ASGIEvent] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": ""},
    ]
    by_routes: Scope = {"type": "websocket", "path": path, "headers": []}
    at_once = dict(by_routes)
    sent: list[ASGIEvent] = []

    async def receive(coming: list[ASGIEvent] = [*events]) -> ASGIEvent:  # noqa: B006
        return coming.pop(0)

    async def send(event: ASGIEvent) -> None:
        sent.append(event)

    await router(by_routes, receive, send)

    assert await straight(router, at_once, *events) == sent
    assert at_once == by_routes


@pytest.mark.parametrize(
    "others", [{"path": "/b/x"}, {"path": "/page"}, {"path": "/"}, {"root_path": "/a"}]
)
async def test_what_has_no_fixed_path_is_left_to_the_routes(others: dict[str, str]) -> None:
    router = HandlerRouter([Chat("/b/{c}"), Chat("/a"), Page("/page")], LOG)
    scope: Scope = {"type": "websocket", "path": "/a", "headers": [], **others}
    before = dict(scope)

    assert await straight(router, scope) is None
    assert scope == before
