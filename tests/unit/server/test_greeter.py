"""A connection until it is known what it has come for: both ways lead to the same."""

import asyncio
import logging
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from typing_extensions import override
from uvicorn.server import ServerState

from app.logs.levels import TRACE
from app.server.contracts import DIRECT
from app.server.greeter import Greeter
from app.server.http_limits import HttpLimits
from app.server.http_protocol import HttpProtocol
from app.server.protocol_factory import HttpProtocolFactory
from app.server.websocket_protocol import WebSocketProtocol
from tests.helpers.raw_client import request_head
from tests.helpers.recording_transport import RecordingTransport
from tests.helpers.virtual_time import VIRTUAL_TIME

TIMEOUT = 1000.0
"""Seconds of a clock that jumps (see `tests.helpers.virtual_time`)."""

PEER, OWN = ("192.0.2.1", 1234), ("192.0.2.2", 80)
HEAD = request_head("/a%20b/c?d=e", "Cookie: f", "Sec-WebSocket-Protocol: g, h")


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Transport(RecordingTransport):
    """One that has addresses."""

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": PEER, "sockname": OWN}.get(name, default)


class Server:
    """What Uvicorn makes protocols for, and what the application is asked."""

    def __init__(self, **options: Any) -> None:
        self.state = ServerState()
        self.asked: asyncio.Queue[Scope] = asyncio.Queue()
        factory = HttpProtocolFactory(HttpLimits.model_validate(options.pop("limits", {})))
        http = factory.as_class()
        options |= {"http": http, "interface": "asgi3", "log_config": None}
        self.config = uvicorn.Config(self._application, **options)
        self.config.load()

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.put_nowait(scope)
        await asyncio.sleep(TIMEOUT)

    def greet(self) -> tuple[Transport, Greeter]:
        """Let a client connect."""
        transport = Transport()
        greeter: Any = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config,
            server_state=self.state,
            app_state={"x": 1},
            _loop=asyncio.get_running_loop(),
        )
        transport.protocol = greeter
        greeter.connection_made(transport)
        return transport, greeter

    async def scope_of(self, *segments: bytes) -> tuple[Scope, Transport]:
        """Let a client say something, and return what the application is asked then."""
        transport, _ = self.greet()
        for segment in segments:
            transport.protocol.data_received(segment)
        return await asyncio.wait_for(self.asked.get(), TIMEOUT), transport

    async def end(self) -> None:
        for task in self.state.tasks:
            task.cancel()
        await asyncio.gather(*self.state.tasks, return_exceptions=True)
        for connection in list(self.state.connections):
            connection.connection_lost(None)


def shown(scope: Scope) -> Scope:
    return {name: value for name, value in scope.items() if name != "extensions"}


async def test_handshake_has_the_scope_that_the_parser_leads_to() -> None:
    server = Server(root_path="/root")

    at_once, straight = await server.scope_of(HEAD)
    in_parts, through_http = await server.scope_of(HEAD[:50], HEAD[50:])

    assert shown(at_once) == shown(in_parts)
    assert at_once["subprotocols"] == ["g", "h"]
    assert at_once["path"] == "/root/a b/c"
    assert (at_once["client"], at_once["server"]) == (PEER, OWN)
    assert at_once["state"] == {"x": 1}
    for scope, transport in ((at_once, straight), (in_parts, through_http)):
        assert isinstance(transport.protocol, WebSocketProtocol)
        assert scope["extensions"][DIRECT] is transport.protocol
    assert server.state.connections == {straight.protocol, through_http.protocol}
    await server.end()


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (HEAD.replace(b"Version: 13", b"Version: 8"), b"HTTP/1.1 426 "),
        (HEAD.replace(b"Host: ", b"Host: a b"), b"HTTP/1.1 400 "),
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400 "),
    ],
)
async def test_what_is_no_good_handshake_is_answered_by_the_http_class(
    request_: bytes, answer: bytes
) -> None:
    server = Server()
    transport, greeter = server.greet()

    greeter.data_received(request_)

    assert transport.written.startswith(answer)
    assert isinstance(transport.protocol, HttpProtocol)
    assert server.state.connections == {transport.protocol}
    await server.end()


async def test_limits_of_uvicorn_hold() -> None:
    server = Server(limit_concurrency=1)
    transport, greeter = server.greet()

    greeter.data_received(HEAD)

    assert transport.written.startswith(b"HTTP/1.1 503 ")
    await server.end()


async def test_head_is_due_from_the_connection_on_whoever_waits_for_it() -> None:
    server = Server(limits={"handshake-timeout": "10s"})
    loop = asyncio.get_running_loop()
    began = loop.time()
    silent, _ = server.greet()
    slow, greeter = server.greet()
    await asyncio.sleep(9)
    greeter.data_received(HEAD[:50])
    assert (slow.written, slow.protocol is greeter) == (b"", False)

    await silent.closing.wait()
    assert loop.time() - began == pytest.approx(10, abs=0.1)
    await asyncio.sleep(0.5)

    assert silent.written == b""
    assert slow.written.startswith(b"HTTP/1.1 408 ")
    await server.end()


async def test_client_that_says_nothing_may_go_and_is_let_go_at_a_shutdown() -> None:
    server = Server()
    _, gone = server.greet()
    transport, greeter = server.greet()

    gone.connection_lost(None)
    connections: set[Any] = server.state.connections
    assert connections == {greeter}
    greeter.shutdown()

    assert transport.closing.is_set()
    greeter.connection_lost(None)
    assert not connections


async def test_lines_of_uvicorn_about_each_connection_are_there_at_level_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(TRACE, "uvicorn.error")
    server = Server()

    transport, _ = server.greet()

    assert isinstance(transport.protocol, HttpProtocol)
    assert [record.levelname for record in caplog.records] == ["TRACE"]
    assert caplog.records[0].name == logging.getLogger("uvicorn.error").name
    await server.end()
