"""The application under ASGI servers that others start: `app.main:app` on their command lines."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.clients import TIMEOUT, close_of, connected, refusal
from tests.helpers.service_process import (
    START_TIMEOUT,
    ServiceProcess,
    components_of,
    free_port,
    original_config,
    running_command,
    write_config,
)

UVICORN = ["uvicorn", "app.main:app", "--port=%d"]

# What follows `python -m`, with the port where %d stands.
COMMANDS = {
    "uvicorn": UVICORN,
    "uvicorn-workers": [*UVICORN, "--workers=2"],
    "uvicorn-wsproto": [*UVICORN, "--ws=wsproto", "--http=h11"],
    "uvicorn-lifespan-off": [*UVICORN, "--lifespan=off"],
    "granian": ["granian", "--interface=asgi", "--port=%d", "app.main:app"],
    "hypercorn": ["hypercorn", "--bind=127.0.0.1:%d", "app.main:app"],
}


@pytest.fixture(scope="module", params=COMMANDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """The application under each of the servers."""
    config = write_config(tmp_path_factory.mktemp("config"), original_config())
    with running_command(COMMANDS[request.param], config) as server:
        yield server


@pytest.mark.parametrize("message", ["hello", "", "x" * 100_000])
def test_text_is_echoed(server: ServiceProcess, message: str) -> None:
    with connected(f"{server.ws_url}/chat") as chat:
        chat.send_text(message)

        assert chat.receive_text(TIMEOUT) == message


def test_binary_is_echoed(server: ServiceProcess) -> None:
    with connected(f"{server.ws_url}/chat") as chat:
        chat.send_bytes(b"\x00\xff")

        assert chat.receive_bytes(TIMEOUT) == b"\x00\xff"


def test_message_over_the_limit_is_closed_with_1009(server: ServiceProcess) -> None:
    with connected(f"{server.ws_url}/chat") as chat:
        chat.send_text("x" * 100_001)

        assert close_of(chat).code == 1009


def test_plain_requests_are_answered_as_under_our_own_command(server: ServiceProcess) -> None:
    upgrade = httpx.get(f"{server.http_url}/chat", timeout=TIMEOUT)

    assert upgrade.status_code == 426
    assert upgrade.headers["upgrade"] == "websocket"
    assert httpx.post(f"{server.http_url}/chat", timeout=TIMEOUT).status_code == 405
    assert httpx.get(f"{server.http_url}/nowhere", timeout=TIMEOUT).status_code == 404


def test_upgrade_to_an_unknown_path_is_refused(server: ServiceProcess) -> None:
    response = refusal(f"{server.ws_url}/nowhere")

    assert response.status_code == 404


def test_uvicorn_is_told_once_that_its_command_line_decides_where_to_listen(
    tmp_path: Path,
) -> None:
    config = write_config(tmp_path, original_config())
    with running_command(UVICORN, config) as server:
        server.stop()

        assert (
            server.log().count(
                "worker_threads and server.listener, but for its limits, have no effect here"
            )
            == 1
        )
        assert f"config: {config}" in server.log()
        assert "websocket-handler: /chat (WebSocket)" in server.log()


def test_uvicorn_warns_of_what_is_probably_not_meant(tmp_path: Path) -> None:
    document = original_config()
    components_of(document)["websocket-handler"]["path#env"] = "CHAT_PATH"
    with running_command(UVICORN, write_config(tmp_path, document)) as server:
        server.wait_for_line(r"websocket-handler\.path#env: has no effect")
        server.stop()


def test_uvicorn_shows_a_config_error_without_a_traceback_and_leaves_with_its_code(
    tmp_path: Path,
) -> None:
    document = original_config()
    components_of(document)["weather"] = {}
    config = write_config(tmp_path, document)
    command = [sys.executable, "-m", *UVICORN[:2], f"--port={free_port()}"]
    with ServiceProcess(command, {"STATIC_CONFIG": str(config)}) as server:
        code = server.wait(START_TIMEOUT)
        log = server.log()

    assert code == 3
    place = rf"{config}:\d+: components_manager\.components\.weather"
    assert re.search(rf"{place}: no listed component has this name", log)
    assert "Traceback" not in log


def test_signal_closes_connections_under_uvicorn(tmp_path: Path) -> None:
    config = write_config(tmp_path, original_config())
    with (
        running_command(UVICORN, config) as server,
        connected(f"{server.ws_url}/chat") as chat,
    ):
        chat.send_text("hello")
        assert chat.receive_text(TIMEOUT) == "hello"
        server.stop()

        assert close_of(chat).code == 1001
    assert re.search(r"Application shutdown complete", server.log())
