from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.handlers.config import HandlerConfig, WebSocketHandlerConfig
from app.server.component import ServerComponent
from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig
from app.websocket.channel import Channel
from app.websocket.limits import Limits
from tests.helpers.changing_limits import change_limits, limits_source

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
    return Chat(name, options, options)


def server(
    task_processor: str = "main-task-processor", source: Source | None = None, **listener: object
) -> ServerComponent:
    config = ServerComponent.Config.model_validate(
        {"listener": {"port": 8080, "task_processor": task_processor, **listener}}
    )
    return ServerComponent(config, MANAGER, source or Source((), Snapshot({})))


def test_handlers_are_kept_in_order() -> None:
    component = server()
    first, second = page("b", "/b"), chat("a", "/a")

    component.add_handler(first)
    component.add_handler(second)

    assert component.handlers == [first, second]
    assert component.describe_handlers() == [("b", "/b (GET)"), ("a", "/a (WebSocket)")]


def test_listener_is_the_configured_one() -> None:
    assert server().listener.port == 8080


def test_listener_elsewhere_than_on_the_default_task_processor_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        server("fs-task-processor")

    assert caught.value.refusals == {
        ("listener", "task_processor"): (
            "the listener runs on the default task processor 'main-task-processor', whose"
            " worker_threads are the worker processes (got 'fs-task-processor')"
        )
    }


@pytest.mark.parametrize("task_processor", [None, "main-task-processor"])
def test_handler_runs_where_its_listener_runs(task_processor: str | None) -> None:
    component = server()

    component.add_handler(page("a", "/a", task_processor=task_processor))

    assert len(component.handlers) == 1


def test_handler_elsewhere_than_its_listener_is_refused() -> None:
    component = server()

    with pytest.raises(OptionError) as caught:
        component.add_handler(page("a", "/a", task_processor="fs-task-processor"))

    assert caught.value.refusals == {
        ("task_processor",): (
            "a handler runs where its listener runs, on 'main-task-processor'"
            " (got 'fs-task-processor')"
        )
    }
    assert component.handlers == []


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("/a", "/a", "/a"),
        ("/a", "/a/", "/a/"),
        ("/a/", "/a", "/a"),
        ("/", "/", "/"),
        ("/{room}", "/{room}", "/{room}"),
        ("/x/{a}", "/x/{b}", "/x/{b}"),
        ("/x/{a}", "/x/{b:str}", "/x/{b:str}"),
        ("/x/{a:int}/y", "/x/{b:int}/y/", "/x/{b:int}/y/"),
    ],
)
def test_two_handlers_of_one_path_are_refused(first: str, second: str, shared: str) -> None:
    component = server()
    component.add_handler(page("first", first))

    with pytest.raises(OptionError) as caught:
        component.add_handler(chat("second", second))

    assert caught.value.refusals == {
        ("path",): f"{shared!r} is already the path of 'first' ({first!r})"
    }
    assert [each.handler_name for each in component.handlers] == ["first"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("/x/{a}", "/x/a"), ("/x/{a}", "/y/{a}"), ("/x/{a:int}", "/x/{a}"), ("/x/{a}", "/x/{a}/b")],
)
def test_paths_that_no_request_shares_by_their_form_are_two(first: str, second: str) -> None:
    component = server()

    component.add_handler(page("first", first))
    component.add_handler(page("second", second))

    assert len(component.handlers) == 2


def test_path_and_task_processor_are_refused_together() -> None:
    component = server()
    component.add_handler(page("first", "/a"))

    with pytest.raises(OptionError) as caught:
        component.add_handler(page("second", "/a", task_processor="fs-task-processor"))

    assert list(caught.value.refusals) == [("task_processor",), ("path",)]


def test_paths_that_differ_by_a_slash_are_two_where_both_are_strict() -> None:
    component = server()

    component.add_handler(page("first", "/a", url_trailing_slash="strict-match"))
    component.add_handler(page("second", "/a/", url_trailing_slash="strict-match"))

    assert len(component.handlers) == 2


def test_router_leads_to_the_handlers() -> None:
    component = server()
    component.add_handler(page("page", "/page"))

    assert component.router().url_path_for("page") == "/page"


def test_backlog_that_the_kernel_caps_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.component.backlog_limit", lambda: 1024)

    assert list(server(backlog=1024).warnings()) == []
    assert list(server(backlog=1025).warnings()) == [
        (("listener", "backlog"), "the kernel allows 1024 (net.core.somaxconn)")
    ]


def test_backlog_is_not_warned_of_where_the_kernel_does_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.server.component.backlog_limit", lambda: None)

    assert list(server(backlog=1_000_000).warnings()) == []


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o640, False), (0o644, True)])
def test_key_that_everybody_may_read_is_warned_of(tmp_path: Path, mode: int, is_told: bool) -> None:
    key = tmp_path / "server.key"
    key.touch()
    key.chmod(mode)
    component = server(tls={"cert": "server.pem", "private-key": str(key)}, backlog=1)

    told = [
        (
            ("listener", "tls", "private-key"),
            "everybody on this machine may read the file: chmod 600",
        )
    ]
    assert list(component.warnings()) == (told if is_told else [])


def test_key_that_has_gone_is_not_warned_of(tmp_path: Path) -> None:
    tls = {"cert": "server.pem", "private-key": str(tmp_path / "server.key")}

    assert list(server(tls=tls, backlog=1).warnings()) == []


async def test_limits_of_a_handler_that_is_not_there_are_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = limits_source(chats={})
    component = server(source=source, backlog=1)
    component.add_handler(chat("chat", "/chat"))
    await component.start()

    assert list(component.warnings()) == [
        ((), "WEBSOCKET_LIMITS: there is no WebSocket handler 'chats'; did you mean 'chat'?")
    ]
    change_limits(source, chatter={})
    assert caplog.messages == [
        "WEBSOCKET_LIMITS: there is no WebSocket handler 'chatter'; did you mean 'chat'?"
    ]
