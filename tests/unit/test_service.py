"""The service in process: with a lifespan, and in the reduced form without one."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from typing_extensions import override

from app.chat.handler import ChatHandler
from app.components.component import Component
from app.components.component_list import ComponentList
from app.config_updates.component import DynamicConfigComponent
from app.http_client.variables import HTTP_CLIENT_CONNECTION_POOL_SIZE
from app.main import COMPONENTS
from app.server.component import ServerComponent
from app.service import Service
from app.service_config import read_service_config
from app.static_config.errors import ConfigFileError
from app.static_config.reading import ConfigFiles
from app.websocket import messages
from app.websocket.channel import Channel
from tests.helpers.service_process import ORIGINAL, components_of, original_config, write_config

TIMEOUT = 10.0

Event = dict[str, Any]


@pytest.fixture
def config_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The original's static config, found by the environment."""
    document = original_config()
    fallbacks = components_of(document)["dynamic-config-fallbacks"]
    fallbacks["fallback-path"] = str(ORIGINAL / "dynamic_config_fallback.json")
    path = write_config(tmp_path, document)
    monkeypatch.setenv("STATIC_CONFIG", str(path))
    return path


def replaced(path: Path, content: str) -> str:
    """Write the file anew and return what it held."""
    before = path.read_text()
    path.write_text(content)
    return before


def recording(journal: list[str], section: str) -> type[Component]:
    """Return a component that writes down when it is started and stopped."""

    class RecordingComponent(Component):
        name = section

        @override
        async def start(self) -> None:
            journal.append(f"start {section}")

        @override
        async def stop(self) -> None:
            journal.append(f"stop {section}")

    return RecordingComponent


def failing(error: Exception) -> type[Component]:
    class FailingComponent(Component):
        name = "failing"

        @override
        async def start(self) -> None:
            raise error

    return FailingComponent


class Lifespan:
    """The ASGI server's side of a lifespan, driven by hand."""

    def __init__(self, app: Service) -> None:
        self._to_app: asyncio.Queue[Event] = asyncio.Queue()
        self._from_app: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        self.task = asyncio.create_task(app(scope, self._to_app.get, self._from_app.put))

    async def tell(self, kind: str) -> Event:
        """Send an event to the application and return its answer."""
        self._to_app.put_nowait({"type": f"lifespan.{kind}"})
        event: Event = await asyncio.wait_for(self._from_app.get(), TIMEOUT)
        return event


@contextlib.asynccontextmanager
async def started(app: Service) -> AsyncIterator[Service]:
    """Run the lifespan of `app` until the block is left."""
    lifespan = Lifespan(app)
    assert await lifespan.tell("startup") == {"type": "lifespan.startup.complete"}
    yield app
    assert await lifespan.tell("shutdown") == {"type": "lifespan.shutdown.complete"}
    await asyncio.wait_for(lifespan.task, TIMEOUT)


async def failure(app: Service) -> str:
    """Return what the application says when it cannot start."""
    lifespan = Lifespan(app)
    event = await lifespan.tell("startup")
    await asyncio.wait_for(lifespan.task, TIMEOUT)
    assert event["type"] == "lifespan.startup.failed"
    message: str = event["message"]
    return message


async def status_of(app: Service, path: str, *, raising: bool = True) -> int:
    """Ask in the same process; the client does not run the lifespan.

    `raising` lets an error of the application pass, instead of the answer to it.
    """
    transport = httpx.ASGITransport(app, raise_app_exceptions=raising)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return (await client.get(path)).status_code


@contextlib.asynccontextmanager
async def connected(app: Service, path: str) -> AsyncIterator[AsyncWebSocketSession]:
    session: AsyncWebSocketSession
    async with (
        httpx.AsyncClient(transport=ASGIWebSocketTransport(app)) as client,
        aconnect_ws(f"ws://test{path}", client) as session,
    ):
        yield session


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


# With a lifespan


async def test_service_answers_requests_and_serves_connections(config_path: Path) -> None:
    async with started(Service(COMPONENTS)) as app:
        assert await status_of(app, "/") == 200
        assert await status_of(app, "/chat") == 426
        assert await status_of(app, "/nowhere") == 404
        async with connected(app, "/chat") as chat:
            await chat.send_text("hello")
            assert await chat.receive_text(TIMEOUT) == "hello"
            await chat.send_bytes(b"hello")
            assert await chat.receive_bytes(TIMEOUT) == b"hello"


async def test_too_long_message_is_closed_with_1009(config_path: Path) -> None:
    async with started(Service(COMPONENTS)) as app, connected(app, "/chat") as chat:
        await chat.send_bytes(b"x" * 100_000)
        assert len(await chat.receive_bytes(TIMEOUT)) == 100_000
        await chat.send_bytes(b"x" * 100_001)

        with pytest.raises(WebSocketDisconnect) as caught:
            await chat.receive(TIMEOUT)
        assert caught.value.code == 1009


async def test_both_configs_are_on_the_state(config_path: Path) -> None:
    async with started(Service(COMPONENTS)) as app:
        assert app.state.static_config.path == str(config_path)
        assert app.state.static_config.manager.default_task_processor == "main-task-processor"
        assert app.state.dynamic_config.snapshot[HTTP_CLIENT_CONNECTION_POOL_SIZE] == 1000


async def test_config_may_have_a_place_of_its_own_by_default(
    config_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATIC_CONFIG")
    async with started(Service(COMPONENTS, default_configs=[config_path])) as app:
        assert app.state.static_config.path == str(config_path)


async def test_components_start_with_the_lifespan_and_stop_with_it_in_reverse(
    config_path: Path,
) -> None:
    journal: list[str] = []
    components = COMPONENTS.append(recording(journal, "a")).append(recording(journal, "b"))

    async with started(Service(components)):
        assert journal == ["start a", "start b"]

    assert journal == ["start a", "start b", "stop b", "stop a"]


async def test_components_stop_when_the_server_cancels_the_lifespan(config_path: Path) -> None:
    journal: list[str] = []
    lifespan = Lifespan(Service(COMPONENTS.append(recording(journal, "a"))))
    await lifespan.tell("startup")

    lifespan.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(lifespan.task, TIMEOUT)

    assert journal == ["start a", "stop a"]


async def test_component_that_needs_a_lifespan_is_started_in_it(config_path: Path) -> None:
    journal: list[str] = []
    component = recording(journal, "a")
    component.needs_lifespan = True

    async with started(Service(COMPONENTS.append(component))):
        assert journal == ["start a"]


async def test_requests_in_a_lifespan_start_nothing(config_path: Path) -> None:
    journal: list[str] = []

    async with started(Service(COMPONENTS.append(recording(journal, "a")))) as app:
        await status_of(app, "/")
        await status_of(app, "/")

        assert journal == ["start a"]


async def test_lifespan_may_follow_upon_another(config_path: Path) -> None:
    journal: list[str] = []
    app = Service(COMPONENTS.append(recording(journal, "a")))

    for _ in range(2):
        async with started(app):
            assert await status_of(app, "/") == 200

    assert journal == ["start a", "stop a"] * 2


async def test_start_says_which_config_and_which_handlers(
    config_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")

    async with started(Service(COMPONENTS)):
        said = [record.getMessage() for record in caplog.records]

    assert said[:3] == [
        f"config: {config_path}",
        "websocket-handler: /chat (WebSocket)",
        "chat-page: / (GET)",
    ]
    assert said[3].startswith("open files of this process: at most ")
    assert said[4].startswith(
        "worker_threads and server.listener, but for its limits, have no effect here"
    )


async def test_start_says_if_the_path_of_a_message_is_compiled(
    config_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "app")
    monkeypatch.setattr(messages, "__file__", f"messages{EXTENSION_SUFFIXES[0]}")

    async with started(Service(COMPONENTS)):
        assert "the path of a message is compiled" in caplog.messages


async def test_start_warns_of_what_is_probably_not_meant(
    config_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = original_config()
    components_of(document)["websocket-handler"]["path#env"] = "CHAT_PATH"
    write_config(config_path.parent, document)

    async with started(Service(COMPONENTS)):
        (said,) = [each for each in caplog.records if each.levelno == logging.WARNING]

    assert "websocket-handler.path#env: has no effect" in said.getMessage()


async def test_service_with_a_config_reads_no_file_and_says_nothing(
    config_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    config = read_service_config(ConfigFiles(config_path), COMPONENTS, with_tls=False)
    replaced(config_path, "")

    async with started(Service(COMPONENTS, config)) as app:
        assert app.state.static_config is config.static
        assert app.state.dynamic_config.snapshot is config.dynamic
        assert await status_of(app, "/") == 200

    assert [record for record in caplog.records if record.name == "app.service"] == []


async def test_routes_of_the_application_itself_come_first(config_path: Path) -> None:
    async def respond(request: Request) -> Response:
        return PlainTextResponse("mine", status_code=418)

    app = Service(COMPONENTS)
    app.router.routes.append(Route("/chat", respond))

    async with started(app):
        assert await status_of(app, "/chat") == 418
        assert await status_of(app, "/") == 200


class Marking:
    """A middleware that lets others see that it was asked."""

    def __init__(self, app: ASGIApp, asked: list[str]) -> None:
        self._app = app
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._asked.append(scope["path"])
        await self._app(scope, receive, send)


async def test_connection_goes_through_what_is_added_to_the_application(
    config_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def note(websocket: WebSocket) -> None:
        asked.append("route")
        await websocket.accept()
        await websocket.close()

    starlette_call = Starlette.__call__

    async def wrapped(app: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
        asked.append("wrapper")
        await starlette_call(app, scope, receive, send)

    with_middleware = Service(COMPONENTS)
    with_middleware.add_middleware(Marking, asked)
    with_route = Service(COMPONENTS)
    with_route.router.routes.append(WebSocketRoute("/mine", note))

    async with started(with_middleware) as app:
        for _ in range(2):
            await says_hello(app)
    async with started(with_route) as app:
        await says_hello(app)
        async with connected(app, "/mine") as chat:
            with pytest.raises(WebSocketDisconnect):
                await chat.receive(TIMEOUT)
    assert asked == ["/chat", "/chat", "route"]
    async with started(Service(COMPONENTS)) as app:
        await says_hello(app)
        monkeypatch.setattr(Starlette, "__call__", wrapped)
        await says_hello(app)
    assert asked[3:] == ["wrapper"]


async def says_hello(app: Service) -> None:
    async with connected(app, "/chat") as chat:
        await chat.send_text("hello")
        assert await chat.receive_text(TIMEOUT) == "hello"


async def test_connection_to_a_bare_application_has_the_scope_that_the_long_way_leaves(
    config_path: Path,
) -> None:
    """The first one goes the long way, since Starlette makes its middleware for it."""
    scopes: list[Scope] = []

    class Noting(ChatHandler):
        @override
        async def serve(self, channel: Channel, request: HTTPConnection) -> None:
            scopes.append({**request.scope, "extensions": None})
            await super().serve(channel, request)

    parts = [each.component for each in COMPONENTS]
    parts[parts.index(ChatHandler)] = Noting
    app = Service(ComponentList(*parts, variables=COMPONENTS.variables))
    async with started(app):
        for _ in range(2):
            await says_hello(app)

    long_way, straight = scopes
    assert straight.keys() == long_way.keys() - {"starlette.exception_handlers"}
    for name in ("app", "path", "path_params", "root_path"):
        assert straight[name] == long_way[name]


# A start that fails


async def test_config_error_is_told_without_a_traceback(
    config_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replaced(config_path, "\ncomponents_manager: {}")

    said = await failure(Service(COMPONENTS))

    assert said.splitlines() == [
        f"{config_path}:2: components_manager.task_processors: required, but not there",
        f"{config_path}:2: components_manager.default_task_processor: required, but not there",
    ]
    assert errors(caplog) == []


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            lambda sections: sections.pop("server"),
            "components: the section 'server' is missing or has 'load-enabled: false': component"
            " 'websocket-handler'",
        ),
        (lambda sections: sections["websocket-handler"].update(path="/"), "'/' is already"),
        (lambda sections: sections["tracer"].update(name="x"), "tracer.name: unknown option"),
        (
            lambda sections: sections["dynamic-config-fallbacks"].update(
                {"fallback-path": "/nowhere.json"}
            ),
            "/nowhere.json: No such file or directory",
        ),
    ],
)
async def test_each_mistake_in_a_config_is_told_without_a_traceback(
    config_path: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Any], None],
    expected: str,
) -> None:
    document = original_config()
    spoil(components_of(document))
    write_config(config_path.parent, document)

    said = await failure(Service(COMPONENTS))

    assert expected in said
    assert "Traceback" not in said
    assert errors(caplog) == []


async def test_component_that_cannot_start_is_named_and_its_error_logged(
    config_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal: list[str] = []
    error = RuntimeError("no fuel")
    components = COMPONENTS.append(recording(journal, "a")).append(failing(error))

    said = await failure(Service(components))

    assert said == "component 'failing' could not start: no fuel"
    assert journal == ["start a", "stop a"]
    (record,) = errors(caplog)
    assert record.getMessage() == "the service could not start"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_component_that_cannot_be_built_is_logged(
    config_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class UnbuildableComponent(Component):
        name = "unbuildable"

        def __init__(self) -> None:
            raise RuntimeError("no wheels")

    said = await failure(Service(COMPONENTS.append(UnbuildableComponent)))

    assert said == "no wheels"
    (record,) = errors(caplog)
    assert record.exc_info is not None
    assert "no wheels" in str(record.exc_info[1])


async def test_service_that_lacks_a_part_of_the_kit_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal: list[str] = []
    document = original_config()
    sections = components_of(document)
    for section in set(sections) - {ServerComponent.name}:
        del sections[section]
    monkeypatch.setenv("STATIC_CONFIG", str(write_config(tmp_path, document)))
    components = ComponentList(ServerComponent, recording(journal, "a"))

    said = await failure(Service(components))

    assert DynamicConfigComponent.__name__ in said
    assert journal.count("start a") == journal.count("stop a")


async def test_service_that_could_not_start_can_be_started_again(config_path: Path) -> None:
    good = replaced(config_path, "")
    app = Service(COMPONENTS)
    await failure(app)

    replaced(config_path, good)

    async with started(app):
        assert await status_of(app, "/") == 200


# Without a lifespan


async def test_first_request_starts_the_service(config_path: Path) -> None:
    journal: list[str] = []
    app = Service(COMPONENTS.append(recording(journal, "a")))
    assert journal == []

    assert await status_of(app, "/") == 200
    assert await status_of(app, "/") == 200

    assert journal == ["start a"]
    assert app.state.static_config.path == str(config_path)
    assert app.state.dynamic_config.snapshot[HTTP_CLIENT_CONNECTION_POOL_SIZE] == 1000


async def test_first_connection_starts_the_service(config_path: Path) -> None:
    async with connected(Service(COMPONENTS), "/chat") as chat:
        await chat.send_text("hello")
        assert await chat.receive_text(TIMEOUT) == "hello"


async def test_component_that_needs_a_lifespan_is_not_started_without_one(
    config_path: Path,
) -> None:
    journal: list[str] = []
    component = recording(journal, "a")
    component.needs_lifespan = True

    status = await status_of(Service(COMPONENTS.append(component)), "/")

    assert status == 200
    assert journal == []


class SlowToStart(Component):
    """Is ready when it is told to be; counts its starts."""

    name = "slow"

    starts: int
    has_begun: asyncio.Event
    may_end: asyncio.Event

    @override
    async def start(self) -> None:
        type(self).starts += 1
        self.has_begun.set()
        await self.may_end.wait()


@pytest.fixture
def slow() -> type[SlowToStart]:
    """A class of its own for each test."""

    class SlowComponent(SlowToStart):
        starts = 0
        has_begun = asyncio.Event()
        may_end = asyncio.Event()

    return SlowComponent


async def test_concurrent_first_requests_start_the_service_once(
    config_path: Path, slow: type[SlowToStart]
) -> None:
    app = Service(COMPONENTS.append(slow))
    requests = asyncio.gather(*(status_of(app, path) for path in ("/", "/chat", "/nowhere")))
    await asyncio.wait_for(slow.has_begun.wait(), TIMEOUT)

    slow.may_end.set()

    assert await asyncio.wait_for(requests, TIMEOUT) == [200, 426, 404]
    assert slow.starts == 1


async def test_first_request_that_is_cancelled_does_not_disturb_the_others(
    config_path: Path, slow: type[SlowToStart]
) -> None:
    app = Service(COMPONENTS.append(slow))
    first = asyncio.create_task(status_of(app, "/"))
    await asyncio.wait_for(slow.has_begun.wait(), TIMEOUT)
    second = asyncio.create_task(status_of(app, "/"))

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(first, TIMEOUT)
    slow.may_end.set()

    assert await asyncio.wait_for(second, TIMEOUT) == 200
    assert slow.starts == 1


async def test_start_that_fails_is_tried_again_by_the_next_request(config_path: Path) -> None:
    good = replaced(config_path, "")
    app = Service(COMPONENTS)

    with pytest.raises(ConfigFileError):
        await status_of(app, "/")
    assert await status_of(app, "/", raising=False) == 500
    replaced(config_path, good)

    assert await status_of(app, "/") == 200


def test_new_event_loop_starts_the_service_anew(config_path: Path) -> None:
    journal: list[str] = []
    app = Service(COMPONENTS.append(recording(journal, "a")))

    statuses = [asyncio.run(status_of(app, "/")) for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert journal == ["start a"] * 3
