"""Small applications in process: what a server would do for them."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.testsuite import ClientConnection, ConnectionClosed, HandshakeRefused, LifespanFailed
from app.testsuite.app_client import running_app

TIMEOUT = 10.0

Event = MutableMapping[str, Any]


def application(
    endpoint: Callable[[WebSocket], Awaitable[None]],
) -> Starlette:
    """Return an application with one WebSocket route."""
    return Starlette(routes=[WebSocketRoute("/{name}", endpoint)])


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)


async def test_lifespan_is_run_around_the_block_and_its_state_is_in_the_requests() -> None:
    phases = []

    async def app(scope: Event, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["greeting"] = "hello"
            for phase in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{phase}"
                phases.append(phase)
                await send({"type": f"lifespan.{phase}.complete"})
        else:
            await PlainTextResponse(scope["state"]["greeting"])(scope, receive, send)

    async with running_app(app, TIMEOUT) as client:
        assert phases == ["startup"]
        assert (await client.http.get("/")).text == "hello"

    assert phases == ["startup", "shutdown"]


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
async def test_failure_to_start_or_stop_shows_the_text_of_the_application(phase: str) -> None:
    async def app(scope: Event, receive: Any, send: Any) -> None:
        while True:
            event = (await receive())["type"]
            if event == f"lifespan.{phase}":
                await send({"type": f"{event}.failed", "message": "no fuel"})
            else:
                await send({"type": f"{event}.complete"})

    with pytest.raises(LifespanFailed, match=f"{phase}: no fuel"):
        async with running_app(app, TIMEOUT):
            pass


async def test_lifespan_that_raises_is_the_cause_of_the_failure() -> None:
    async def app(scope: Event, receive: Any, send: Any) -> None:
        raise RuntimeError("no lifespan here")

    with pytest.raises(LifespanFailed, match="startup: the application raised Runtime") as failed:
        async with running_app(app, TIMEOUT):
            pass
    assert isinstance(failed.value.__cause__, RuntimeError)


async def test_start_that_takes_too_long_is_given_up() -> None:
    stopped = asyncio.Event()

    async def app(scope: Event, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with pytest.raises(TimeoutError, match=r"startup: the application takes more than 0.05 s"):
        async with running_app(app, 0.05):
            pass
    assert stopped.is_set()


async def test_messages_go_both_ways_on_several_connections_at_once() -> None:
    async def tell(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.path_params["name"] + await websocket.receive_text())

    async with running_app(application(tell), TIMEOUT) as client:

        async def ask(name: str) -> str | bytes:
            async with client.get(name) as chat:
                await chat.send("!")
                return await chat.recv()

        names = [str(number) for number in range(20)]
        answers = await asyncio.gather(*map(ask, names))

    assert answers == [f"{name}!" for name in names]


async def test_scope_of_a_connection_is_that_of_a_server() -> None:
    seen: list[Event] = []

    async def note(websocket: WebSocket) -> None:
        seen.append(websocket.scope)
        await websocket.accept(subprotocol="b")

    async with (
        running_app(application(note), TIMEOUT) as client,
        client.get("room?a=1", headers={"X-Name": "Ann"}, subprotocols=["a", "b"]) as chat,
    ):
        assert chat.subprotocol == "b"

    [scope] = seen
    assert scope["scheme"] == "ws"
    assert (scope["raw_path"], scope["query_string"]) == (b"/room", b"a=1")
    assert scope["subprotocols"] == ["a", "b"]
    assert (b"x-name", b"Ann") in scope["headers"]
    assert scope["asgi"]["version"] == "3.0"


async def test_close_of_the_application_arrives_after_its_messages() -> None:
    async def leave(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_bytes(b"bye")
        await websocket.close(4000, "enough")

    async with (
        running_app(application(leave), TIMEOUT) as client,
        client.get("room") as chat,
    ):
        assert await chat.wait_closed() == (4000, "enough")
        assert await chat.recv() == b"bye"
        with pytest.raises(ConnectionClosed, match=r"closed with 4000 \(enough\)"):
            await chat.recv()


async def test_close_of_the_client_is_answered() -> None:
    seen: list[tuple[int, str]] = []

    async def wait(websocket: WebSocket) -> None:
        await websocket.accept()
        with pytest.raises(WebSocketDisconnect) as end:
            await websocket.receive_text()
        seen.append((end.value.code, end.value.reason))

    async with (
        running_app(application(wait), TIMEOUT) as client,
        client.get("room") as chat,
    ):
        assert await chat.close(4001, "that is all") == (4001, "that is all")

    assert seen == [(4001, "that is all")]


async def test_what_was_sent_arrives_although_the_client_has_left() -> None:
    seen: list[str] = []
    links: list[ClientConnection] = []

    async def read_later(websocket: WebSocket) -> None:
        await websocket.accept()
        for _turn_of_the_loop in range(100):
            await asyncio.sleep(0)
        assert links[0].closed == (1000, "")
        try:
            while True:
                seen.append(await websocket.receive_text())
        except WebSocketDisconnect as end:
            seen.append(str(end.code))

    async with running_app(application(read_later), TIMEOUT) as client, client.get("room") as chat:
        links.append(chat)
        for message in "abc":
            await chat.send(message)

    assert seen == ["a", "b", "c", "1000"]


async def test_handler_that_sends_after_the_end_gets_an_error_of_the_system() -> None:
    errors: list[OSError] = []

    async def app(scope: Event, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await application(echo)(scope, receive, send)
            return
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        try:
            await send({"type": "websocket.send", "text": "late"})
        except OSError as error:
            errors.append(error)

    async with running_app(app, TIMEOUT) as client, client.get("room"):
        pass

    assert len(errors) == 1


async def test_handler_that_does_not_end_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def sleep(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with running_app(application(sleep), TIMEOUT) as client:
        async with client.get("room"):
            pass
        assert cancelled.is_set()


async def test_handler_that_raises_is_logged_and_closed_with_1011(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(websocket: WebSocket) -> None:
        await websocket.accept()
        raise RuntimeError("unwell")

    async with running_app(application(fail), TIMEOUT) as client, client.get("room") as chat:
        assert (await chat.wait_closed()).code == 1011

    assert "the application raised at /room" in caplog.text
    assert "RuntimeError: unwell" in caplog.text


async def test_refusals_show_the_status_that_a_server_would_answer() -> None:
    async def refuse(websocket: WebSocket) -> None:
        if websocket.path_params["name"] == "deny":
            response = PlainTextResponse("say please", status_code=401)
            await websocket.send_denial_response(response)
        elif websocket.path_params["name"] == "close":
            await websocket.close()
        else:
            raise RuntimeError("unwell")

    answers = {}
    async with running_app(application(refuse), TIMEOUT) as client:
        for name in ("deny", "close", "fail"):
            with pytest.raises(HandshakeRefused) as refused:
                async with client.get(name):
                    pass
            answers[name] = (refused.value.response.status_code, refused.value.response.text)

    assert answers == {"deny": (401, "say please"), "close": (403, ""), "fail": (500, "")}


async def test_handshake_that_nobody_answers_is_given_up() -> None:
    async def sleep(websocket: WebSocket) -> None:
        await asyncio.Event().wait()

    async with running_app(application(sleep), TIMEOUT) as client:
        with pytest.raises(TimeoutError, match=r"room: no answer to the handshake within 0.05 s"):
            async with client.get("room", timeout=0.05):
                pass


async def test_ping_says_that_there_is_none() -> None:
    async with running_app(application(echo), TIMEOUT) as client, client.get("room") as chat:
        with pytest.raises(NotImplementedError, match="no pings in process"):
            await chat.ping()

        await chat.send("still there?")
        assert await chat.recv() == "still there?"


async def test_request_that_nobody_answers_is_given_up() -> None:
    async def sleep(request: Request) -> PlainTextResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with running_app(Starlette(routes=[Route("/sleep", sleep)]), 1) as client:
        with pytest.raises(TimeoutError, match=r"GET /sleep: no answer within 1 s"):
            await client.http.get("/sleep")
