import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config

from app.server.asgi_adapter import AsgiAdapter, PeerGoneError, serve_application
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.frames import Opcode, encode_close
from app.websocket.limits import Limits
from tests.helpers.direct_connection import Connection
from tests.helpers.raw_client import encode
from tests.helpers.recording_channel import RecordingChannel
from tests.helpers.virtual_time import VIRTUAL_TIME

LIMITS = Limits(max_remote_payload=7, fragment_size=0)
ACCEPT = {"type": "websocket.accept"}
FOR_EVER = 3600.0


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def make(*messages: str | bytes) -> tuple[AsgiAdapter, RecordingChannel]:
    channel = RecordingChannel(*messages)
    return AsgiAdapter(channel, LIMITS), channel


async def test_first_event_is_the_connect_and_then_come_messages_and_the_end() -> None:
    adapter, channel = make("text", b"binary")
    channel.give_end(CloseCause.CLIENT_CLOSE, 4001, "bye")

    assert [await adapter.receive() for _ in range(4)] == [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "text"},
        {"type": "websocket.receive", "bytes": b"binary"},
        {"type": "websocket.disconnect", "code": 4001, "reason": "bye"},
    ]


async def test_accept_takes_subprotocol_headers_and_limits() -> None:
    adapter, channel = make()
    await adapter.send({**ACCEPT, "subprotocol": "a", "headers": [(b"x", b"y")]})

    assert channel.accepted == [("a", [(b"x", b"y")])]
    assert channel.limits == LIMITS


async def test_messages_and_close_after_accept() -> None:
    adapter, channel = make()
    await adapter.send(ACCEPT)
    await adapter.send({"type": "websocket.send", "text": "text"})
    await adapter.send({"type": "websocket.send", "bytes": b"binary", "text": None})
    await adapter.send({"type": "websocket.close", "code": 4000, "reason": "done"})

    assert channel.sent == ["text", b"binary"]
    assert channel.closes == [(4000, "done")]
    assert channel.closed == CloseRecord(CloseCause.HANDLER_CLOSE, 4000, "done")


async def test_close_before_accept_refuses_with_403() -> None:
    adapter, channel = make()
    await adapter.send({"type": "websocket.close"})

    assert channel.refused == [(403, [], b"")]


async def test_denial_response_is_sent_when_it_is_whole() -> None:
    adapter, channel = make()
    body = "websocket.http.response.body"
    await adapter.send(
        {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x", b"y")]}
    )
    await adapter.send({"type": body, "body": b"say ", "more_body": True})
    assert channel.refused == []
    await adapter.send({"type": body, "body": b"please"})

    assert channel.refused == [(401, [(b"x", b"y")], b"say please")]


@pytest.mark.parametrize(
    ("before", "event"),
    [
        ([], {"type": "websocket.send", "text": "early"}),
        ([ACCEPT], ACCEPT),
        ([ACCEPT], {"type": "websocket.http.response.start", "status": 401}),
        ([], {"type": "http.response.start"}),
    ],
)
async def test_event_at_the_wrong_time_is_refused(
    before: list[dict[str, str]], event: dict[str, object]
) -> None:
    adapter, channel = make()
    for earlier in before:
        await adapter.send(earlier)

    with pytest.raises(RuntimeError, match=r"expected websocket\.\S+ or .*, got "):
        await adapter.send(event)
    assert (channel.sent, channel.refused, len(channel.accepted)) == ([], [], len(before))


async def test_sending_after_the_end_is_an_oserror_of_its_own() -> None:
    adapter, channel = make()
    await adapter.send(ACCEPT)
    await channel.close(1000, "", CloseCause.HANDLER_RETURNED)

    with pytest.raises(PeerGoneError):
        await adapter.send({"type": "websocket.send", "text": "late"})


# Whole applications


def application(*steps: Any) -> ASGIApp:
    """Return an application that sends these events, raises these errors and waits as long."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                await send(step)

    return app


async def serve(connection: Connection, app: ASGIApp, **options: Any) -> None:
    config = Config(app, **options)
    await serve_application(app, {"type": "websocket"}, connection.protocol, config)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_connection_ends_with_1000_when_the_application_returns() -> None:
    connection = Connection()
    await serve(connection, application(ACCEPT, {"type": "websocket.send", "text": "hello"}))

    assert connection.end == CloseRecord(CloseCause.HANDLER_RETURNED, 1000)
    assert connection.transport.written.endswith(b"\x81\x05hello" + encode_close(1000, ""))


@pytest.mark.parametrize(
    "error", [RuntimeError("not well"), SystemExit(3), KeyboardInterrupt()], ids=repr
)
async def test_connection_ends_with_1011_when_the_application_fails_and_it_is_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    connection = Connection()
    await serve(connection, application(ACCEPT, error))

    assert connection.end == CloseRecord(CloseCause.HANDLER_ERROR, 1011)
    assert errors(caplog) == ["the application failed in a WebSocket connection"]
    assert repr(error)[:10] in caplog.text


async def test_close_of_the_application_counts() -> None:
    connection = Connection()
    close = {"type": "websocket.close", "code": 4000, "reason": "done"}
    await serve(connection, application(ACCEPT, close))

    assert connection.end == CloseRecord(CloseCause.HANDLER_CLOSE, 4000, "done")


async def test_application_that_sends_after_the_end_has_not_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = Connection()
    serving = asyncio.create_task(
        serve(connection, application(ACCEPT, 1.0, {"type": "websocket.send", "text": "late"}))
    )
    await connection.lives(0.5)
    connection.protocol.connection_lost(None)
    await serving

    assert connection.end == CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    assert errors(caplog) == []


async def test_application_that_is_cancelled_leaves_with_the_service() -> None:
    connection = Connection()
    serving = asyncio.create_task(serve(connection, application(ACCEPT, FOR_EVER)))
    await connection.lives(1)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert connection.end == CloseRecord(CloseCause.SHUTDOWN, 1001)


# Sessions: what a handler leaves to be run when the application has returned.


class Opening:
    """An application that accepts, leaves a session, and does something else then."""

    def __init__(self, connection: Connection, *steps: Any) -> None:
        self._connection = connection
        self._afterwards = application(*steps)
        self.told: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._connection.accept()
        await self._connection.protocol.serve(self._session())
        await self._afterwards(scope, receive, send)
        self.told.append("the application has returned")

    async def _session(self) -> None:
        self.told.append("the session begins")
        try:
            self.told.append(str(await self._connection.protocol.receive()))
        except ConnectionClosed as end:
            self.told.append(end.record.cause.value)


async def test_session_runs_when_the_application_has_returned() -> None:
    connection = Connection()
    app = Opening(connection)
    serving = asyncio.create_task(serve(connection, app))
    await connection.lives(1)
    assert connection.protocol.closed is None
    connection.receive_bytes(encode(Opcode.TEXT, b"hello"))
    await serving

    assert app.told == ["the application has returned", "the session begins", "hello"]


async def test_session_of_an_application_that_fails_finds_that_its_connection_has_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = Connection()
    app = Opening(connection, RuntimeError("not well"))
    await serve(connection, app)

    assert connection.end == CloseRecord(CloseCause.HANDLER_ERROR, 1011)
    assert app.told == ["the session begins", "handler_error"]
    assert errors(caplog) == ["the application failed in a WebSocket connection"]


async def test_session_of_an_application_that_is_cancelled_finds_that_the_service_leaves() -> None:
    connection = Connection()
    app = Opening(connection, FOR_EVER)
    serving = asyncio.create_task(serve(connection, app))
    await connection.lives(1)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert app.told == ["the session begins", "shutdown"]


async def test_session_is_cancelled_with_the_task_that_serves() -> None:
    connection = Connection()
    app = Opening(connection)
    serving = asyncio.create_task(serve(connection, app))
    await connection.lives(1)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert app.told == ["the application has returned", "the session begins"]


async def test_connection_holds_nothing_of_the_request_while_its_session_runs() -> None:
    class Request(dict[str, Any]):
        """A scope that can be looked for."""

    connection = Connection()
    app = Opening(connection)
    scope = Request(type="websocket")
    gone = weakref.ref(scope)
    serving = asyncio.create_task(serve_application(app, scope, connection.protocol, Config(app)))
    del scope
    await connection.lives(1)
    gc.collect()

    assert gone() is None
    serving.cancel()


@pytest.mark.parametrize("steps", [[], [RuntimeError("not well")]], ids=["returns", "raises"])
async def test_handshake_that_the_application_leaves_unanswered_is_refused_with_500(
    steps: list[Any],
) -> None:
    connection = Connection()
    await serve(connection, application(*steps))

    assert connection.transport.written.startswith(b"HTTP/1.1 500 ")
    assert connection.end == CloseRecord(CloseCause.HANDSHAKE_REFUSED, 1006, "refused with 500")


async def test_messages_may_be_as_long_as_uvicorn_allows() -> None:
    connection = Connection(early=encode(1, b"x" * 8))
    await serve(connection, application(ACCEPT, 6.0), ws_max_size=7)

    assert connection.end.cause is CloseCause.TOO_BIG


async def test_connection_is_pinged_as_uvicorn_is_told() -> None:
    connection = Connection()
    app = application(ACCEPT, FOR_EVER)
    serving = asyncio.create_task(
        serve(connection, app, ws_ping_interval=40.0, ws_ping_timeout=3.0)
    )
    await connection.lives(29)
    assert connection.protocol.closed is None
    await connection.lives(44)
    assert connection.end.cause is CloseCause.PING_TIMEOUT
    serving.cancel()


async def test_connection_is_not_pinged_where_uvicorn_is_told_so() -> None:
    connection = Connection()
    serving = asyncio.create_task(
        serve(connection, application(ACCEPT, FOR_EVER), ws_ping_interval=None)
    )
    await connection.lives(FOR_EVER - 1)
    assert connection.transport.writes[-1].startswith(b"HTTP/1.1 101 ")
    serving.cancel()
