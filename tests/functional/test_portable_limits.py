"""Limits and causes on the portable path, under each ASGI server as it really is."""

import itertools
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.helpers.clients import TIMEOUT, close_of, connected, refusal
from tests.helpers.raw_client import RawClient, encode, encode_close
from tests.helpers.service_process import (
    ServiceProcess,
    running_command,
    wait_until,
    write_config,
)
from tests.services.limited import limited_config

SERVICE = "tests.services.limited:app"
UVICORN = ["uvicorn", SERVICE, "--port=%d"]

# What follows `python -m`, with the port where %d stands.
COMMANDS = {
    "uvicorn-sansio": [*UVICORN, "--ws=websockets-sansio"],
    "uvicorn-wsproto": [*UVICORN, "--ws=wsproto"],
    "uvicorn-websockets": [*UVICORN, "--ws=websockets"],
    "granian": ["granian", "--interface=asgi", "--port=%d", SERVICE],
    "hypercorn": ["hypercorn", "--bind=127.0.0.1:%d", SERVICE],
}

LOST = "connection_lost 1006"
NO_STATUS = "client_close 1005"

# Cause and code of what a client does, as far as the server tells: Granian keeps losses, Hypercorn
# close frames to itself.
ENDS = {
    "closes": dict.fromkeys(COMMANDS, "client_close 4002") | {"hypercorn": LOST},
    "closes-without-code": dict.fromkeys(COMMANDS, NO_STATUS) | {"hypercorn": LOST},
    "resets": dict.fromkeys(COMMANDS, LOST) | {"granian": NO_STATUS},
    "goes": dict.fromkeys(COMMANDS, LOST) | {"granian": NO_STATUS},
    "breaks-the-protocol": dict.fromkeys(COMMANDS, "protocol_error 1002")
    | {"granian": NO_STATUS, "hypercorn": LOST, "uvicorn-websockets": LOST},
}


@pytest.fixture(scope="module", params=COMMANDS)
def command(request: pytest.FixtureRequest) -> str:
    """The name of a server's command."""
    return str(request.param)


@pytest.fixture(scope="module")
def server(command: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    config = write_config(tmp_path_factory.mktemp("config"), limited_config())
    with running_command(COMMANDS[command], config) as server:
        yield server


@pytest.mark.parametrize(("path", "cause"), [("/idle", "idle_timeout"), ("/brief", "session_time")])
def test_time_that_is_over_wakes_the_handler_and_tells_the_client(
    server: ServiceProcess, path: str, cause: str
) -> None:
    with connected(f"{server.ws_url}{path}") as chat:
        chat.send_text("hello")
        assert chat.receive_text(TIMEOUT) == "hello"

        assert close_of(chat).code == 1001
    server.wait_for_line(rf"closed_by=server.*cause={cause}.*code=1001")


@pytest.mark.parametrize(("path", "message"), [("/hasty", "x"), ("/heavy", "x" * 300)])
def test_client_that_sends_more_than_it_may_is_closed_where_the_handler_says_so(
    server: ServiceProcess, path: str, message: str
) -> None:
    with connected(f"{server.ws_url}{path}") as chat:
        for _ in range(4):
            chat.send_text(message)
        for _ in range(3):
            assert chat.receive_text(TIMEOUT) == message

        assert close_of(chat).code == 1008
    server.wait_for_line(r"closed_by=server.*cause=rate_limit.*code=1008")


def test_client_that_sends_more_than_it_may_is_answered_later(server: ServiceProcess) -> None:
    messages = [str(number) for number in range(8)]
    with connected(f"{server.ws_url}/paused") as chat:
        began = time.monotonic()
        for message in messages:
            chat.send_text(message)

        assert [chat.receive_text(TIMEOUT) for _ in messages] == messages
    assert time.monotonic() - began > 0.9  # four at once, and one each quarter of a second


def test_client_that_does_not_read_is_given_up(server: ServiceProcess) -> None:
    with RawClient(server.port).open("/flooding"):
        server.wait_for_line(r"closed_by=server.*cause=slow_consumer.*code=1008")


@pytest.mark.parametrize("deed", ENDS)
def test_end_has_the_cause_that_the_server_tells_of(
    server: ServiceProcess, command: str, deed: str
) -> None:
    cause, code = ENDS[deed][command].split()
    before = _ends(server)
    with RawClient(server.port).open("/chat") as client:
        client.send(encode(Opcode.TEXT, b"hello"))
        assert client.read_frame().payload == b"hello"
        _do(deed, client)
    wait_until(lambda: len(_ends(server)) > len(before), TIMEOUT)

    assert f"cause={cause}" in _ends(server)[-1]
    assert f"code={code}" in _ends(server)[-1]


def _ends(server: ServiceProcess) -> list[str]:
    return [line for line in server.log().splitlines() if "closed_by=" in line]


def _do(deed: str, client: RawClient) -> None:
    if deed == "resets":
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sent = {
        "closes": encode_close(4002, "bye"),
        "closes-without-code": encode(Opcode.CLOSE),
        "breaks-the-protocol": b"\x81\x02hi",  # not masked
    }
    if deed in sent:
        client.send(sent[deed])
    # Otherwise, and then, the socket is closed.


def test_refusal_is_an_answer_and_no_error_in_the_log(server: ServiceProcess) -> None:
    response = refusal(f"{server.ws_url}/guarded/lobby")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Word"

    # What this logs comes after all that the refusal could.
    with connected(f"{server.ws_url}/guarded/lobby?word=please") as chat:
        assert chat.receive_text(TIMEOUT).startswith("lobby")
    server.wait_for_line(r"cause=handler_returned")
    lines = server.log().splitlines()
    after = itertools.dropwhile(lambda line: "connection refused" not in line, lines)
    assert "ERROR" not in "\n".join(after)


def test_end_by_the_server_s_own_shutdown_is_one(tmp_path: Path) -> None:
    config = write_config(tmp_path, limited_config())
    with (
        running_command(COMMANDS["uvicorn-sansio"], config) as server,
        connected(f"{server.ws_url}/chat") as chat,
    ):
        chat.send_text("hello")
        assert chat.receive_text(TIMEOUT) == "hello"
        server.stop()

        assert close_of(chat).code == 1012
    server.wait_for_line(r"closed_by=server.*cause=shutdown.*code=1012")
