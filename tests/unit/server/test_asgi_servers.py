"""What is known of ASGI servers, against what they do: their own code is asked where it can be."""

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from app.server.asgi_servers import REFUSAL_TIMEOUT, AsgiServer, server_of
from app.websocket.close import CloseCause, CloseRecord
from tests.helpers.scripted_server import ScriptedServer, disconnect
from tests.helpers.virtual_time import VIRTUAL_TIME

GONE = CloseRecord(CloseCause.CONNECTION_LOST, 1006)


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


@pytest.mark.parametrize(
    ("receive", "server"),
    [
        (WebSocketsSansIOProtocol.receive, AsgiServer(True, True, True)),
        (WSProtocol.receive, AsgiServer(True, True, False)),
        (asyncio.Queue[Any]().get, AsgiServer(True, False, False)),
        (ScriptedServer().receive, AsgiServer()),
    ],
)
async def test_server_is_known_by_its_events(receive: Any, server: AsgiServer) -> None:
    assert server_of(receive) == server


async def test_function_that_is_not_written_in_python_is_any_other_server() -> None:
    assert server_of(asyncio.get_running_loop().time) == AsgiServer()  # type: ignore[arg-type]


@pytest.mark.parametrize("facts", [{}, {"code": None}, {"code": 1005}])
def test_end_without_a_reason_is_a_loss_where_a_close_frame_always_has_one(
    facts: dict[str, Any],
) -> None:
    told = AsgiServer(loss_has_no_reason=True)

    assert told.end(disconnect(**facts)) == GONE
    assert told.end(disconnect(**facts, reason="")) == CloseRecord(CloseCause.CLIENT_CLOSE, 1005)
    assert AsgiServer().end(disconnect(**facts)) == CloseRecord(CloseCause.CLIENT_CLOSE, 1005)


def test_end_with_a_code_is_no_loss_even_without_a_reason() -> None:
    told = AsgiServer(loss_has_no_reason=True)

    assert told.end(disconnect(code=1000)) == CloseRecord(CloseCause.CLIENT_CLOSE, 1000)
    assert told.end(disconnect(code=1012)) == CloseRecord(CloseCause.SHUTDOWN, 1012)


@pytest.mark.parametrize("told", [1, 2])
async def test_refusal_is_seen_to_its_end_where_that_matters(told: int) -> None:
    server = ScriptedServer(*[disconnect(code=1006)] * told)
    loop = asyncio.get_running_loop()
    began = loop.time()

    await AsgiServer(refusal_ends_late=True).see_refused(server.receive)

    assert server.receives == 2
    assert loop.time() - began == pytest.approx(REFUSAL_TIMEOUT if told == 1 else 0.0)


async def test_refusal_needs_no_looking_after_elsewhere() -> None:
    server = ScriptedServer()

    await AsgiServer().see_refused(server.receive)

    assert server.receives == 0
