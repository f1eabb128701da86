from dataclasses import dataclass, field

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.exceptions import ConfigError
from app.handlers.config import HandlerConfig, WebSocketHandlerConfig
from app.server.component import ServerComponent
from app.static_config.manager import ManagerConfig
from app.websocket.channel import Channel
from app.websocket.limits import Limits

MANAGER = ManagerConfig.model_validate(
    {
        "task_processors": {
            "main-task-processor": {"worker_threads": 1},
            "fs-task-processor": {"worker_threads": 1},
        },
        "default_task_processor": "main-task-processor",
    }
)


@dataclass
class Page:
    """A handler of plain requests."""

    handler_name: str
    options: HandlerConfig

    async def respond(self, request: Request) -> Response:
        raise NotImplementedError


@dataclass
class Chat(Page):
    """A handler of WebSocket connections."""

    limits: Limits = field(default=Limits(max_remote_payload=1, fragment_size=0))

    async def serve(self, channel: Channel, request: HTTPConnection) -> None:
        raise NotImplementedError


def page(name: str, path: str, **options: object) -> Page:
    return Page(name, HandlerConfig.model_validate({"path": path, "method": "GET", **options}))


def chat(name: str, path: str, max_remote_payload: int = 1) -> Chat:
    options = WebSocketHandlerConfig(path=path, method="GET", max_remote_payload=max_remote_payload)
    return Chat(name, options, options.limits)


def server(task_processor: str = "main-task-processor") -> ServerComponent:
    config = ServerComponent.Config.model_validate(
        {"listener": {"port": 8080, "task_processor": task_processor}}
    )
    return ServerComponent(config, MANAGER)


def test_handlers_are_kept_in_order() -> None:
    component = server()
    first, second = page("b", "/b"), chat("a", "/a")

    component.add_handler(first)
    component.add_handler(second)

    assert component.handlers == [first, second]
    assert component.describe_handlers() == [("b", "/b (GET)"), ("a", "/a (WebSocket)")]


def test_listener_is_the_configured_one() -> None:
    assert server().listener.port == 8080


def test_listener_on_an_unknown_task_processor_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        server("other-task-processor")

    assert str(caught.value) == (
        "server.listener.task_processor: there is no task processor 'other-task-processor';"
        " there are: main-task-processor, fs-task-processor"
    )


def test_listener_elsewhere_than_on_the_default_task_processor_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        server("fs-task-processor")

    assert str(caught.value).startswith(
        "server.listener.task_processor: the listener runs on the default task processor"
        " 'main-task-processor'"
    )
    assert str(caught.value).endswith("(got 'fs-task-processor')")


@pytest.mark.parametrize("task_processor", [None, "main-task-processor"])
def test_handler_runs_where_its_listener_runs(task_processor: str | None) -> None:
    component = server()

    component.add_handler(page("a", "/a", task_processor=task_processor))

    assert len(component.handlers) == 1


def test_handler_on_an_unknown_task_processor_is_refused() -> None:
    component = server()

    with pytest.raises(ConfigError) as caught:
        component.add_handler(page("a", "/a", task_processor="other-task-processor"))

    assert str(caught.value).startswith("a.task_processor: there is no task processor 'other-task")
    assert component.handlers == []


def test_handler_elsewhere_than_its_listener_is_refused() -> None:
    component = server()

    with pytest.raises(ConfigError) as caught:
        component.add_handler(page("a", "/a", task_processor="fs-task-processor"))

    assert str(caught.value) == (
        "a.task_processor: a handler runs where its listener runs,"
        " on 'main-task-processor' (got 'fs-task-processor')"
    )


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("/a", "/a", "/a"),
        ("/a", "/a/", "/a/"),
        ("/a/", "/a", "/a"),
        ("/", "/", "/"),
        ("/{room}", "/{room}", "/{room}"),
    ],
)
def test_two_handlers_of_one_path_are_refused(first: str, second: str, shared: str) -> None:
    component = server()
    component.add_handler(page("first", first))

    with pytest.raises(ConfigError) as caught:
        component.add_handler(chat("second", second))

    assert str(caught.value) == f"second.path: {shared!r} is already the path of 'first'"
    assert [each.handler_name for each in component.handlers] == ["first"]


def test_paths_that_differ_by_a_slash_are_two_where_both_are_strict() -> None:
    component = server()

    component.add_handler(page("first", "/a", url_trailing_slash="strict-match"))
    component.add_handler(page("second", "/a/", url_trailing_slash="strict-match"))

    assert len(component.handlers) == 2


def test_router_leads_to_the_handlers() -> None:
    component = server()
    component.add_handler(page("page", "/page"))

    assert component.router().url_path_for("page") == "/page"
