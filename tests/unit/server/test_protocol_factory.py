import asyncio
import pickle
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.server import http_protocol
from app.server.greeter import Greeter
from app.server.http_limits import HttpLimits
from app.server.protocol_factory import HttpProtocolFactory
from tests.helpers.recording_transport import RecordingTransport

TIMEOUT = 10.0


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


def made_by(factory: HttpProtocolFactory, state: ServerState | None = None) -> Greeter:
    config = uvicorn.Config(application, log_config=None, http=factory.as_class())
    config.load()
    protocol = config.http_protocol_class(  # type: ignore[call-arg]
        config=config,
        server_state=state or ServerState(),
        app_state={},
        _loop=asyncio.get_running_loop(),
    )
    assert isinstance(protocol, Greeter)
    return protocol


def answer_to(protocol: Greeter, request: bytes) -> bytes:
    """Return what a protocol writes at once when a client connects and says this."""
    transport = RecordingTransport()
    protocol.connection_made(transport)
    protocol.data_received(request)
    transport.protocol.connection_lost(None)
    return transport.written


async def test_protocols_have_the_limits_also_those_made_in_another_process() -> None:
    factory = HttpProtocolFactory(HttpLimits(max_url_size=10))
    request = b"GET /" + b"x" * 10 + b" HTTP/1.1\r\n"

    for each in (factory, pickle.loads(pickle.dumps(factory))):
        assert answer_to(made_by(each), request).startswith(b"HTTP/1.1 414 ")
    other = HttpProtocolFactory(HttpLimits(max_url_size=11))
    assert answer_to(made_by(other), request) == b""


async def test_two_servers_of_one_process_have_room_each() -> None:
    factories = [HttpProtocolFactory(HttpLimits(max_connections=1)) for _ in range(2)]
    states = [ServerState(), ServerState()]
    transports = [RecordingTransport() for _ in range(4)]
    protocols = [made_by(factories[index % 2], states[index % 2]) for index in range(4)]
    for protocol, transport in zip(protocols, transports, strict=True):
        protocol.connection_made(transport)

    assert [transport.written[:12] for transport in transports] == [
        *(b"", b"", b"HTTP/1.1 503", b"HTTP/1.1 503")
    ]
    for protocol, transport in zip(protocols, transports, strict=True):
        (transport.protocol or protocol).connection_lost(None)


async def test_refused_peer_that_does_not_end_its_tls_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TLS has no half of a stream to close, and a transport waits 30 seconds for the peer's end."""
    monkeypatch.setattr(http_protocol, "LINGER_TIMEOUT", 0.01)
    transport = RecordingTransport(can_write_eof=False)
    protocol = made_by(HttpProtocolFactory(HttpLimits()))
    protocol.connection_made(transport)
    protocol.data_received(b"nonsense\r\n\r\n")

    assert transport.written.startswith(b"HTTP/1.1 400 ")
    assert transport.closing.is_set()
    await asyncio.wait_for(transport.aborted.wait(), TIMEOUT)
    transport.protocol.connection_lost(None)


async def test_silent_peer_that_does_not_end_its_tls_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "LINGER_TIMEOUT", 0.01)
    limits = HttpLimits.model_validate({"handshake-timeout": "10ms"})
    transport = RecordingTransport(can_write_eof=False)
    protocol = made_by(HttpProtocolFactory(limits))
    protocol.connection_made(transport)
    await asyncio.wait_for(transport.aborted.wait(), TIMEOUT)

    assert transport.written == b""
    transport.protocol.connection_lost(None)
