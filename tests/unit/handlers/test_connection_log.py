"""What is logged of a connection, and what each line of it carries."""

import asyncio
import contextvars
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from typing_extensions import override

from app.handlers.config import WebSocketHandlerConfig
from app.handlers.connection_log import MAX_PATH, ConnectionLog
from app.handlers.context import HandshakeResponse, RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.logs.context import LINE_CONTEXT, LineContext
from app.logs.formats import line_format
from app.server.request_log import REQUEST_TAGS
from app.websocket.close import CloseCause, ClosedBy, CloseRecord, ConnectionClosed
from app.websocket.connection import WebSocketConnection
from app.websocket.traffic import Traffic
from tests.helpers.recording_channel import RecordingChannel
from tests.helpers.server_component import server_component

TIMEOUT = 10.0

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01".encode()
CONTEXT = LineContext("chat", TRACE_ID)
PEER = ("192.0.2.1", 4711)

Line = dict[str, Any]

log = logging.getLogger("app.test")


class LineHandler(logging.Handler):
    """Keeps each record as a line shows it, formatted where it was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self._format = line_format("json", "sample")

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self._format(record)))


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """All lines of `app` that are logged during a test."""
    handler = LineHandler()
    logger = logging.getLogger("app")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.lines
    logger.setLevel(before)
    logger.removeHandler(handler)


def request(
    *headers: tuple[bytes, bytes], client: tuple[str, int] | None = PEER, path: str = "/chat"
) -> HTTPConnection:
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "client": client,
        "path_params": {},
    }
    return HTTPConnection(scope)


def facts(line: Line, *but: str) -> Line:
    """Return what a line says beside where and when it was logged."""
    where = {"timestamp", "logger", "module", "process_id", "thread_id", "thread_name", *but}
    return {name: value for name, value in line.items() if name not in where}


# The lines themselves


def test_opened_connection_is_one_line(lines: list[Line]) -> None:
    ConnectionLog(CONTEXT, request()).opened()

    (line,) = lines
    assert facts(line) == {
        "level": "INFO",
        "service": "sample",
        "text": "connection opened",
        "peer": "192.0.2.1:4711",
        "path": "/chat",
    }
    assert line["logger"] == "app.handlers.connection_log"


def test_refused_connection_is_one_line(lines: list[Line]) -> None:
    ConnectionLog(CONTEXT, request()).refused(401, "")

    (line,) = lines
    assert facts(line) == {
        "level": "INFO",
        "service": "sample",
        "text": "connection refused",
        "peer": "192.0.2.1:4711",
        "path": "/chat",
        "status": 401,
    }


def test_first_line_tells_of_the_request_too_and_the_last_one_does_not(lines: list[Line]) -> None:
    record = CloseRecord(CloseCause.CONNECTION_LOST, 1006)
    answers: list[Callable[[ConnectionLog], None]] = [
        lambda log: log.opened(),
        lambda log: log.refused(401, ""),
        lambda log: log.given_up(record),
    ]
    for answer in answers:
        handshake = request()
        handshake.scope[REQUEST_TAGS] = {"method": "GET", "uri": "/chat?a"}
        connection_log = ConnectionLog(CONTEXT, handshake)
        answer(connection_log)
        connection_log.closed(record)

    assert [line.get("uri") for line in lines] == ["/chat?a", None] * 3
    assert [line.get("path") for line in lines] == ["/chat", None] * 3


def test_connection_that_an_option_refuses_names_it(lines: list[Line]) -> None:
    ConnectionLog(CONTEXT, request()).refused(503, "max-connections")

    assert (lines[0]["status"], lines[0]["option"]) == (503, "max-connections")


def test_closed_connection_is_one_line_with_the_whole_record(lines: list[Line]) -> None:
    traffic = Traffic(messages_received=1, bytes_received=20, messages_sent=3, bytes_sent=40)
    record = CloseRecord(CloseCause.CLIENT_CLOSE, 4001, "bye", 1.23456, traffic)

    ConnectionLog(CONTEXT, request()).closed(record)

    (line,) = lines
    assert facts(line) == {
        "level": "INFO",
        "service": "sample",
        "trace_id": TRACE_ID,
        "handler": "chat",
        "text": "connection closed",
        "peer": "192.0.2.1:4711",
        "closed_by": "client",
        "cause": "client_close",
        "code": 4001,
        "reason": "bye",
        "duration": 1.235,
        "messages_received": 1,
        "bytes_received": 20,
        "messages_sent": 3,
        "bytes_sent": 40,
    }


@pytest.mark.parametrize(
    ("cause", "closed_by"),
    [
        (CloseCause.CLIENT_CLOSE, ClosedBy.CLIENT),
        (CloseCause.SLOW_CONSUMER, ClosedBy.SERVER),
        (CloseCause.CONNECTION_LOST, ClosedBy.TRANSPORT),
    ],
)
def test_closed_connection_says_who_did_and_why(
    lines: list[Line], cause: CloseCause, closed_by: ClosedBy
) -> None:
    ConnectionLog(CONTEXT, request()).closed(CloseRecord(cause, 1000))

    assert lines[0]["closed_by"] == closed_by.name.lower()
    assert lines[0]["cause"] == cause.name.lower()


def test_address_of_a_peer_is_as_in_a_url_and_its_path_is_cut(lines: list[Line]) -> None:
    ConnectionLog(CONTEXT, request(client=("::1", 4711), path="/" + "x" * 60_000)).opened()

    assert lines[0]["peer"] == "[::1]:4711"
    assert len(lines[0]["path"]) == MAX_PATH


def test_peer_on_a_unix_socket_has_no_address(lines: list[Line]) -> None:
    ConnectionLog(CONTEXT, request(client=None)).opened()

    assert lines[0]["peer"] == "unix"


def test_end_is_logged_for_its_connection_in_whatever_context_it_is_met(lines: list[Line]) -> None:
    """A callback of a transport has none, a task of another connection has that one's."""
    connection_log = ConnectionLog(CONTEXT, request())
    other = LineContext("other", "0" * 31 + "1")

    def end_in(context: LineContext | None) -> LineContext | None:
        LINE_CONTEXT.set(context)
        connection_log.closed(CloseRecord(CloseCause.HANDLER_RETURNED, 1000))
        return LINE_CONTEXT.get()

    for context in (None, other):
        assert contextvars.Context().run(end_in, context) is context

    assert [(line["handler"], line["trace_id"]) for line in lines] == [("chat", TRACE_ID)] * 2


# The lines of a handler's connections


class TalkingHandler(WebSocketHandlerBase):
    """Logs on all the ways that a handler may go."""

    name = "talking"

    context: RequestContext

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        log.info("in the handshake")
        if "refuse" in request.headers:
            response.status_code = 401
            return False
        if "raise" in request.headers:
            raise RuntimeError("the guard has fainted")
        return True

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        self.context = context
        log.info("in the handler")
        await asyncio.create_task(self._talk())
        await asyncio.to_thread(log.info, "in a thread")
        async for message in chat:
            log.info("message %s", message)

    async def _talk(self) -> None:
        log.info("in a task")


class RaisingHandler(TalkingHandler):
    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        raise RuntimeError("not well")


def make(handler: type[TalkingHandler]) -> TalkingHandler:
    config = WebSocketHandlerConfig(path="/chat", method="GET")
    return handler(config, server_component(), "section")


async def serve(
    *headers: tuple[bytes, bytes],
    channel: RecordingChannel | None = None,
    handler_class: type[TalkingHandler] = TalkingHandler,
) -> TalkingHandler:
    """Serve a connection whose client has sent a message and left, in a task as a server does."""
    if channel is None:
        channel = RecordingChannel("hello")
        channel.give_end(CloseCause.CLIENT_CLOSE, 1001)
    handler = make(handler_class)
    serving = asyncio.create_task(handler.serve(channel, request(*headers)))
    await asyncio.wait_for(serving, TIMEOUT)
    return handler


async def test_all_lines_of_a_connection_carry_its_handler_and_trace_id(lines: list[Line]) -> None:
    await serve((b"traceparent", TRACEPARENT))

    assert [line["text"] for line in lines] == [
        "in the handshake",
        "connection opened",
        "in the handler",
        "in a task",
        "in a thread",
        "message hello",
        "connection closed",
    ]
    assert {line["trace_id"] for line in lines} == {TRACE_ID}
    assert {line["handler"] for line in lines} == {"section"}


async def test_handler_knows_the_trace_id(lines: list[Line]) -> None:
    handler = await serve()

    assert {line["trace_id"] for line in lines} == {handler.context.trace_id}


async def test_connection_without_a_trace_id_gets_one_of_its_own(lines: list[Line]) -> None:
    first = await serve()
    second = await serve()

    ids = {first.context.trace_id, second.context.trace_id}
    assert len(ids) == 2
    assert all(len(each) == 32 and int(each, 16) for each in ids)
    assert {line["trace_id"] for line in lines} == ids


async def test_trace_id_that_is_none_does_not_come_into_a_line(lines: list[Line]) -> None:
    await serve((b"traceparent", b"00-forged\ntext=line-00f067aa0ba902b7-01"))

    assert not any("forged" in str(line) for line in lines)


async def test_connections_at_the_same_time_do_not_mix_up_their_lines(lines: list[Line]) -> None:
    def channel() -> RecordingChannel:
        made = RecordingChannel(*map(str, range(5)))
        made.give_end(CloseCause.CLIENT_CLOSE, 1000)
        return made

    handlers = await asyncio.gather(*(serve(channel=channel()) for _ in range(5)))

    for handler in handlers:
        of_one = [line for line in lines if line["trace_id"] == handler.context.trace_id]
        assert len(of_one) == 11
        assert of_one[1]["text"] == "connection opened"
        assert of_one[-1]["text"] == "connection closed"


async def test_who_serves_a_connection_in_a_task_of_its_own_keeps_its_context() -> None:
    await serve()

    assert LINE_CONTEXT.get() is None


async def test_refusal_is_the_last_line(lines: list[Line]) -> None:
    await serve((b"refuse", b""), channel=RecordingChannel())

    assert [line["text"] for line in lines] == ["in the handshake", "connection refused"]
    assert lines[-1]["status"] == 401
    assert lines[-1]["path"] == "/chat"
    assert lines[-1]["handler"] == "section"
    assert lines[-1]["trace_id"] == lines[0]["trace_id"]


async def test_handshake_that_raises_is_refused_with_500(lines: list[Line]) -> None:
    await serve((b"raise", b""), channel=RecordingChannel())

    assert [line["text"] for line in lines] == [
        "in the handshake",
        "handler 'section' raised in the handshake",
        "connection refused",
    ]
    assert lines[-1]["status"] == 500
    assert "the guard has fainted" in lines[1]["exception"]
    assert len({line["trace_id"] for line in lines}) == 1


@pytest.mark.parametrize("header", [b"accept", b"refuse"])
async def test_client_that_goes_during_the_handshake_was_neither_accepted_nor_refused(
    lines: list[Line], header: bytes
) -> None:
    channel = RecordingChannel()
    channel.gone = ConnectionClosed(CloseRecord(CloseCause.CONNECTION_LOST, 1006))

    await serve((header, b""), channel=channel)

    first, last = lines
    assert first["text"] == "in the handshake"
    assert facts(last, "trace_id") == {
        "level": "INFO",
        "service": "sample",
        "handler": "section",
        "text": "connection ended in the handshake",
        "peer": "192.0.2.1:4711",
        "path": "/chat",
        "closed_by": "transport",
        "cause": "connection_lost",
        "reason": "",
    }


async def test_handler_that_raises_is_said_before_the_end(lines: list[Line]) -> None:
    await serve(channel=RecordingChannel(), handler_class=RaisingHandler)

    assert [line["text"] for line in lines][2:] == [
        "handler 'section' raised",
        "connection closed",
    ]
    assert (lines[-1]["closed_by"], lines[-1]["code"]) == ("server", 1011)
    assert lines[-1]["cause"] == "handler_error"
    assert len({line["trace_id"] for line in lines}) == 1
