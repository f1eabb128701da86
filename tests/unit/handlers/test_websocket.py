import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request
from typing_extensions import override

from app.handlers.config import WebSocketHandlerConfig
from app.handlers.context import HandshakeResponse, RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.websocket.close import CloseCause, CloseRecord, ConnectionClosed
from app.websocket.connection import WebSocketConnection
from app.websocket.limits import Limits
from tests.helpers.recording_channel import RecordingChannel
from tests.helpers.server_component import server_component

TIMEOUT = 10.0

LOST = CloseRecord(CloseCause.CONNECTION_LOST, 1006)

EXTENSIONS = b"sec-websocket-extensions"

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01".encode()


class EchoingHandler(WebSocketHandlerBase):
    name = "echoing"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        async for message in chat:
            await chat.send(message)


class ReturningHandler(WebSocketHandlerBase):
    """Remembers what it was called with."""

    name = "returning"

    context: RequestContext | None = None

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        self.context = context


class GuardedHandler(ReturningHandler):
    """Lets in who says the word."""

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        response.headers["X-Guard"] = "awake"
        if request.query_params.get("word") != "please":
            response.status_code = 401
            response.body = b"say please"
            return False
        response.subprotocol = "polite"
        context.data["agent"] = request.headers["user-agent"]
        return True


class FaintingHandler(ReturningHandler):
    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        response.headers["X-Guard"] = "faint"
        raise RuntimeError("the guard has fainted")


class RaisingHandler(WebSocketHandlerBase):
    """Raises what it was told to raise, after it has received what there is."""

    name = "raising"

    error: Exception

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        while chat.try_recv() is not None:
            pass
        raise self.error


class SleepingHandler(WebSocketHandlerBase):
    name = "sleeping"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.send("good night")
        await asyncio.Event().wait()


class ClosingHandler(WebSocketHandlerBase):
    name = "closing"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.close(4000, "enough")


def make(handler: type[WebSocketHandlerBase], **options: Any) -> Any:
    config = WebSocketHandlerConfig.model_validate({"path": "/a", "method": "GET", **options})
    return handler(config, server_component(), "section")


def raising(error: Exception) -> RaisingHandler:
    handler: RaisingHandler = make(RaisingHandler)
    handler.error = error
    return handler


def connection(
    query: str = "", *headers: tuple[bytes, bytes], **path_params: str
) -> HTTPConnection:
    scope = {
        "type": "websocket",
        "path": "/a",
        "query_string": query.encode(),
        "headers": [
            (b"user-agent", b"tests"),
            (b"traceparent", TRACEPARENT),
            (b"sec-websocket-protocol", b"rude, polite"),
            *headers,
        ],
        "path_params": path_params,
    }
    return HTTPConnection(scope)


async def serve(
    handler: WebSocketHandlerBase,
    channel: RecordingChannel,
    request: HTTPConnection | None = None,
) -> None:
    await asyncio.wait_for(handler.serve(channel, request or connection()), TIMEOUT)


def cause(channel: RecordingChannel) -> CloseCause:
    assert channel.closed is not None
    return channel.closed.cause


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_handler_is_known_to_the_server_by_its_section() -> None:
    component = server_component()
    config = WebSocketHandlerConfig(path="/a", method="GET", max_remote_payload=7)

    handler = ReturningHandler(config, component, "other-name")

    assert component.describe_handlers() == [("other-name", "/a (WebSocket)")]
    assert handler.handler_name == "other-name"


def test_message_that_memory_could_not_hold_is_warned_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.handlers.live_limits.memory_limit", lambda: 2 << 20)

    assert list(make(EchoingHandler, **{"max-remote-payload": 2 << 20}).warnings()) == []
    assert list(make(EchoingHandler, **{"max-remote-payload": (2 << 20) + 1}).warnings()) == [
        (
            ("max-remote-payload",),
            "one message could take more than the memory that there is (2 MiB)",
        )
    ]


async def test_limits_of_the_config_hold_for_the_connection() -> None:
    config = WebSocketHandlerConfig(path="/a", method="GET", max_remote_payload=7, fragment_size=3)
    channel = RecordingChannel()
    await serve(ReturningHandler(config, server_component(), "handler"), channel)

    assert channel.limits is not None
    assert channel.limits.model_dump() == config.model_dump(include=set(Limits.model_fields))


# The handshake


async def test_connection_is_accepted_unless_the_handler_says_otherwise() -> None:
    handler, channel = make(ReturningHandler), RecordingChannel()

    await serve(handler, channel)

    assert channel.accepted == [(None, [])]
    assert channel.refused == []


async def test_accepted_connection_gets_subprotocol_and_headers() -> None:
    handler, channel = make(GuardedHandler), RecordingChannel()

    await serve(handler, channel, connection("word=please"))

    assert channel.accepted == [("polite", [(b"x-guard", b"awake")])]


async def test_refused_connection_gets_status_headers_and_body_and_is_not_handled() -> None:
    handler, channel = make(GuardedHandler), RecordingChannel()

    await serve(handler, channel, connection("word=now"))

    assert channel.refused == [(401, [(b"x-guard", b"awake")], b"say please")]
    assert channel.accepted == []
    assert channel.closes == []
    assert handler.context is None


async def test_refusal_is_403_without_a_body_unless_told() -> None:
    class RefusingHandler(ReturningHandler):
        @override
        async def handle_handshake(
            self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
        ) -> bool:
            return False

    channel = RecordingChannel()

    await serve(make(RefusingHandler), channel)

    assert channel.refused == [(403, [], b"")]


async def test_exception_in_the_handshake_refuses_with_500_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler, channel = make(FaintingHandler), RecordingChannel()

    await serve(handler, channel)

    assert channel.refused == [(500, [], b"")]
    assert handler.context is None
    assert errors(caplog) == ["handler 'section' raised in the handshake"]
    assert "the guard has fainted" in caplog.text


@pytest.mark.parametrize("handler_class", [ReturningHandler, GuardedHandler])
async def test_client_that_goes_during_the_handshake_is_no_error(
    handler_class: type[WebSocketHandlerBase], caplog: pytest.LogCaptureFixture
) -> None:
    handler, channel = make(handler_class), RecordingChannel()
    channel.gone = ConnectionClosed(LOST)

    await serve(handler, channel)

    assert handler.context is None
    assert errors(caplog) == []


async def test_subprotocol_of_the_options_is_chosen_and_told() -> None:
    handler = make(ReturningHandler, subprotocols=["formal", "polite", "rude"])
    channel = RecordingChannel()

    await serve(handler, channel)

    assert channel.accepted == [("polite", [])]
    assert handler.context.subprotocol == "polite"


async def test_subprotocol_may_be_chosen_by_the_handler() -> None:
    class ChoosyHandler(ReturningHandler):
        @override
        def choose_subprotocol(self, offered: Sequence[str], request: HTTPConnection) -> str | None:
            return offered[0]

    channel = RecordingChannel()

    await serve(make(ChoosyHandler), channel)

    assert channel.accepted == [("rude", [])]


async def test_subprotocol_that_nobody_offers_refuses_with_500_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class StubbornHandler(ReturningHandler):
        @override
        def choose_subprotocol(self, offered: Sequence[str], request: HTTPConnection) -> str | None:
            return "formal"

    channel = RecordingChannel()

    await serve(make(StubbornHandler), channel)

    assert channel.refused == [(500, [], b"")]
    assert errors(caplog) == ["handler 'section' raised in the handshake"]
    assert "'formal' is none that the client offers" in caplog.text


@pytest.mark.parametrize("enabled", [True, False])
async def test_compression_is_agreed_on_where_the_options_say_so(enabled: bool) -> None:
    handler = make(ReturningHandler, compression={"enabled": enabled})
    channel = RecordingChannel()

    await serve(handler, channel, connection("", (EXTENSIONS, b"permessage-deflate")))

    assert (channel.compression is not None) is enabled


async def test_extensions_that_are_malformed_refuse_with_400_and_say_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler, channel = make(ReturningHandler), RecordingChannel()

    await serve(handler, channel, connection("", (EXTENSIONS, b"=;")))

    ((status, _, body),) = channel.refused
    assert status == 400
    assert body.endswith(b"\n")
    assert errors(caplog) == []


async def test_connection_beyond_the_limit_is_refused_until_another_has_ended() -> None:
    handler = make(SleepingHandler, **{"max-connections": 1})
    first, second = RecordingChannel(), RecordingChannel()
    serving = asyncio.create_task(serve(handler, first))
    await asyncio.wait_for(first.wait_sent(1), TIMEOUT)

    await serve(handler, second)
    assert [status for status, *_ in second.refused] == [503]
    assert second.accepted == []

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    third = RecordingChannel()
    serving = asyncio.create_task(serve(handler, third))
    await asyncio.wait_for(third.wait_sent(1), TIMEOUT)
    serving.cancel()


async def test_context_goes_from_the_handshake_to_the_handler() -> None:
    handler, channel = make(GuardedHandler), RecordingChannel()

    await serve(handler, channel, connection("word=please", room="kitchen"))

    assert handler.context == RequestContext(
        handler_name="section",
        path_params={"room": "kitchen"},
        trace_id=TRACE_ID,
        subprotocol="polite",
        data={"agent": "tests"},
    )


async def test_each_connection_has_a_context_of_its_own() -> None:
    handler = make(ReturningHandler)

    await serve(handler, RecordingChannel())
    first = handler.context
    await serve(handler, RecordingChannel())

    assert first is not handler.context
    assert first.data is not handler.context.data


# The end


async def test_connection_ends_with_1000_when_the_handler_returns() -> None:
    channel = RecordingChannel()

    await serve(make(ReturningHandler), channel)

    assert channel.closes == [(1000, "")]
    assert cause(channel) is CloseCause.HANDLER_RETURNED


async def test_close_of_the_handler_counts() -> None:
    channel = RecordingChannel()

    await serve(make(ClosingHandler), channel)

    assert channel.closes == [(4000, "enough")]
    assert cause(channel) is CloseCause.HANDLER_CLOSE


async def test_connection_ends_with_1011_when_the_handler_raises_and_it_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = RecordingChannel("hello")

    await serve(raising(RuntimeError("not well")), channel)

    assert channel.closes == [(1011, "")]
    assert cause(channel) is CloseCause.HANDLER_ERROR
    assert errors(caplog) == ["handler 'section' raised"]
    assert "not well" in caplog.text


async def test_exception_after_the_end_is_logged_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class CleaningUpHandler(WebSocketHandlerBase):
        name = "cleaning-up"

        @override
        async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
            async for _ in chat:
                pass
            raise RuntimeError("not well")

    channel = RecordingChannel()
    channel.give_end(CloseCause.CLIENT_CLOSE, 1000)

    await serve(make(CleaningUpHandler), channel)

    assert channel.closes == []
    assert errors(caplog) == ["handler 'section' raised"]


async def test_loop_over_messages_lets_the_handler_return_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = RecordingChannel("a", b"b")
    serving = asyncio.create_task(serve(make(EchoingHandler), channel))
    await asyncio.wait_for(channel.wait_sent(2), TIMEOUT)

    channel.give_end(CloseCause.CLIENT_CLOSE, 1001)
    await asyncio.wait_for(serving, TIMEOUT)

    assert channel.sent == ["a", b"b"]
    assert channel.closes == []
    assert errors(caplog) == []


@pytest.mark.parametrize(
    "record",
    [
        CloseRecord(CloseCause.CLIENT_CLOSE, 1001),
        CloseRecord(CloseCause.TOO_BIG, 1009),
        LOST,
    ],
)
async def test_end_of_its_own_connection_is_no_error_of_the_handler(
    record: CloseRecord, caplog: pytest.LogCaptureFixture
) -> None:
    class ReceivingHandler(WebSocketHandlerBase):
        name = "receiving"

        @override
        async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
            while True:
                await chat.recv()

    channel = RecordingChannel("hello")
    channel.give_end(record.cause, record.code)

    await serve(make(ReceivingHandler), channel)

    assert channel.closed == record
    assert channel.closes == []
    assert errors(caplog) == []


async def test_end_of_another_connection_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    channel = RecordingChannel()

    await serve(raising(ConnectionClosed(LOST)), channel)

    assert channel.closes == [(1011, "")]
    assert errors(caplog) == ["handler 'section' raised"]


async def test_end_of_its_own_connection_in_several_tasks_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class DuplexHandler(WebSocketHandlerBase):
        name = "duplex"

        @override
        async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
            async with asyncio.TaskGroup() as outer, asyncio.TaskGroup() as inner:
                inner.create_task(chat.send("hello"))
                inner.create_task(chat.recv())
                outer.create_task(chat.send("hello"))

    channel = RecordingChannel()
    channel.give_end(CloseCause.CONNECTION_LOST, 1006)

    await serve(make(DuplexHandler), channel)

    assert channel.closes == []
    assert errors(caplog) == []


async def test_other_error_beside_the_end_is_one(caplog: pytest.LogCaptureFixture) -> None:
    class DuplexHandler(WebSocketHandlerBase):
        name = "duplex"

        @override
        async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(chat.send("hello"))
                tasks.create_task(self._fail())

        async def _fail(self) -> None:
            raise RuntimeError("not well")

    channel = RecordingChannel()
    channel.give_end(CloseCause.CONNECTION_LOST, 1006)

    await serve(make(DuplexHandler), channel)

    assert errors(caplog) == ["handler 'section' raised"]
    assert "not well" in caplog.text


async def test_group_of_ends_of_other_connections_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = RecordingChannel()

    await serve(raising(ExceptionGroup("others", [ConnectionClosed(LOST)])), channel)

    assert channel.closes == [(1011, "")]
    assert errors(caplog) == ["handler 'section' raised"]


async def test_cancelled_handler_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    channel = RecordingChannel()
    serving = asyncio.create_task(make(SleepingHandler).serve(channel, connection()))
    await asyncio.wait_for(channel.wait_sent(1), TIMEOUT)

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(serving, TIMEOUT)

    assert channel.closes == [(1001, "")]
    assert cause(channel) is CloseCause.SHUTDOWN
    assert errors(caplog) == []


async def test_handler_that_awaits_a_cancelled_task_has_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class DependingHandler(WebSocketHandlerBase):
        name = "depending"

        @override
        async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
            other = asyncio.create_task(asyncio.Event().wait())
            other.cancel()
            await other

    channel = RecordingChannel()

    await serve(make(DependingHandler), channel)

    assert channel.closes == [(1011, "")]
    assert cause(channel) is CloseCause.HANDLER_ERROR
    assert errors(caplog) == ["handler 'section' raised"]


# A request that is no handshake


@pytest.mark.parametrize(("scheme", "url"), [("http", "ws://host/a"), ("https", "wss://host/a")])
async def test_plain_request_is_told_what_to_do(scheme: str, url: str) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": scheme,
        "path": "/a",
        "query_string": b"",
        "headers": [(b"host", b"host")],
    }

    response = await make(ReturningHandler).respond(Request(scope))

    assert response.status_code == 426
    assert (response.headers["upgrade"], response.headers["connection"]) == ("websocket", "Upgrade")
    assert bytes(response.body).decode().endswith(f" wscat -c {url}\n")
