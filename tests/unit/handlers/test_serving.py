"""Handshakes that fail in odd ways, and what the log says of them. The clock jumps."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from typing_extensions import override

from app.handlers.config import WebSocketHandlerConfig
from app.handlers.context import HandshakeResponse, RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.server.ending import SHUTDOWN_TIMEOUT
from app.websocket.close import CloseCause
from app.websocket.connection import WebSocketConnection
from tests.helpers.direct_connection import HANDSHAKE_TIMEOUT, TIMEOUT, Connection, turn
from tests.helpers.server_component import server_component
from tests.helpers.virtual_time import VIRTUAL_TIME

Handshake = Callable[[HandshakeResponse], Coroutine[Any, Any, bool]]


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Handler(WebSocketHandlerBase):
    """Answers the handshake as it was told to, and waits for the end of what it accepts."""

    name = "handler"

    handshake: Handshake
    remote_address: object

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        return await self.handshake(response)

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        self.remote_address = chat.remote_address
        async for _ in chat:
            pass


def serve(handshake: Handshake) -> tuple[Connection, asyncio.Task[None]]:
    """Return a connection of the direct path, and the task that serves it."""
    return serve_with(handler_with(handshake))


def handler_with(handshake: Handshake) -> Handler:
    config = WebSocketHandlerConfig.model_validate({"path": "/a", "method": "GET"})
    handler = Handler(config, server_component(), "section")
    handler.handshake = handshake
    return handler


def serve_with(
    handler: Handler, client: tuple[str, object] | None = None
) -> tuple[Connection, asyncio.Task[None]]:
    connection = Connection()
    scope: dict[str, Any] = {"type": "websocket", "path": "/a", "query_string": b"", "headers": []}
    scope["client"] = client
    task = asyncio.create_task(served(handler, connection, HTTPConnection(scope)))
    connection.protocol.task = task
    return connection, task


async def served(handler: Handler, connection: Connection, request: HTTPConnection) -> None:
    """Serve the connection as the server does."""
    await handler.serve(connection.protocol, request)
    session = connection.protocol.take_session()
    if session is not None:
        await session


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Return what was logged of the connection: text, and tags."""
    records = [record for record in caplog.records if record.name.startswith("app.handlers.")]
    return [(record.getMessage(), getattr(record, "tags", {})) for record in records]


@pytest.fixture(autouse=True)
def all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def await_a_cancelled_task(_: HandshakeResponse) -> bool:
    other = asyncio.create_task(asyncio.Event().wait())
    other.cancel()
    await other
    raise AssertionError


async def refuse_with_text(response: HandshakeResponse) -> bool:
    response.body = "say please"  # type: ignore[assignment]  # the misuse is what is tested
    return False


async def leave_the_process(_: HandshakeResponse) -> bool:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("handshake", "why"),
    [
        (await_a_cancelled_task, "CancelledError"),
        (refuse_with_text, "the body of a refusal is bytes, not str"),
        (leave_the_process, "SystemExit: 3"),
    ],
)
async def test_handshake_that_fails_is_refused_with_500_and_logged(
    handshake: Handshake, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection, task = serve(handshake)
    await asyncio.wait_for(task, TIMEOUT)

    assert connection.transport.written.startswith(b"HTTP/1.1 500 ")
    assert b"please" not in connection.transport.written
    assert connection.end.cause is CloseCause.HANDSHAKE_REFUSED
    (error, _), (refused, tags) = lines(caplog)
    assert error == "handler 'section' raised in the handshake"
    assert why in caplog.text
    assert (refused, tags["status"]) == ("connection refused", 500)


async def test_handshake_may_see_to_a_cancelled_task_itself() -> None:
    async def tolerate(_: HandshakeResponse) -> bool:
        with pytest.raises(asyncio.CancelledError):
            await await_a_cancelled_task(_)
        return True

    connection, task = serve(tolerate)
    await connection.lives(1)
    assert connection.transport.written.startswith(b"HTTP/1.1 101 ")

    connection.protocol.shutdown()
    await asyncio.wait_for(task, TIMEOUT)


async def wait_for_ever(_: HandshakeResponse) -> bool:
    return await asyncio.Event().wait()


async def test_handshake_that_is_cancelled_raises_that_and_is_not_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection, task = serve(wait_for_ever)
    await turn()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, TIMEOUT)

    assert connection.transport.written == b""
    assert lines(caplog) == [], "who cancels it sees to its end"


async def test_handshake_that_a_shutdown_cancels_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection, task = serve(wait_for_ever)
    await connection.lives(1)
    connection.protocol.shutdown()
    await connection.lives(1 + SHUTDOWN_TIMEOUT + 0.1)

    assert task.cancelled()
    assert connection.transport.written.startswith(b"HTTP/1.1 503 ")
    ((text, tags),) = lines(caplog)
    assert text == "connection ended in the handshake"
    assert tags["cause"] == CloseCause.SHUTDOWN.value
    assert tags["path"] == "/a"


async def test_handshake_that_takes_too_long_is_cancelled_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection, task = serve(wait_for_ever)
    await connection.lives(HANDSHAKE_TIMEOUT - 0.1)
    assert not task.done()
    await connection.lives(HANDSHAKE_TIMEOUT + 0.1)

    assert task.cancelled()
    assert connection.transport.written.startswith(b"HTTP/1.1 503 ")
    ((text, tags),) = lines(caplog)
    assert text == "connection ended in the handshake"
    assert tags["cause"] == CloseCause.HANDSHAKE_TIMEOUT.value


async def stubborn(accepts: bool) -> bool:
    try:
        return await wait_for_ever(HandshakeResponse())
    except asyncio.CancelledError:
        return accepts


@pytest.mark.parametrize("accepts", [True, False])
async def test_answer_that_comes_too_late_is_none_and_the_end_is_logged_once(
    accepts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    connection, task = serve(lambda _: stubborn(accepts))
    await asyncio.wait_for(task, TIMEOUT)

    assert connection.transport.written.startswith(b"HTTP/1.1 503 ")
    assert connection.transport.written.count(b"HTTP/1.1") == 1
    ((text, tags),) = lines(caplog)
    assert text == "connection ended in the handshake"
    assert tags["cause"] == CloseCause.HANDSHAKE_TIMEOUT.value


async def accept_after_two_seconds(_: HandshakeResponse) -> bool:
    await asyncio.sleep(2)
    return True


async def test_client_that_goes_during_the_handshake_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection, task = serve(accept_after_two_seconds)
    await connection.lives(1)
    connection.protocol.connection_lost(None)
    await asyncio.wait_for(task, TIMEOUT)

    ((text, tags),) = lines(caplog)
    assert text == "connection ended in the handshake"
    assert tags["cause"] == CloseCause.CONNECTION_LOST.value


async def accept(_: HandshakeResponse) -> bool:
    return True


@pytest.mark.parametrize(
    ("client", "remote_address"),
    [
        (("192.0.2.1", 4000), ("192.0.2.1", 4000)),
        (("192.0.2.1", "4000"), ("192.0.2.1", 4000)),  # as Granian has it
        (("", "0"), None),
        (None, None),
    ],
)
async def test_handler_is_told_where_its_client_is(client: Any, remote_address: object) -> None:
    handler = handler_with(accept)
    connection, task = serve_with(handler, client)
    await turn()
    connection.protocol.connection_lost(None)
    await asyncio.wait_for(task, TIMEOUT)

    assert handler.remote_address == remote_address
