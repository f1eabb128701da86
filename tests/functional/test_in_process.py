"""The application in the process of somebody else, where nobody runs the lifespan."""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport

from app.main import COMPONENTS
from app.service import Service
from tests.helpers.service_process import PROJECT, original_config, write_config

TIMEOUT = 10.0


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service that no request has reached yet."""
    monkeypatch.setenv("STATIC_CONFIG", str(write_config(tmp_path, original_config())))
    return Service(COMPONENTS)


def client_of(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=ASGIWebSocketTransport(app=service), base_url="http://test")


@contextlib.asynccontextmanager
async def connected(service: Service) -> AsyncIterator[AsyncWebSocketSession]:
    chat: AsyncWebSocketSession
    async with client_of(service) as client, aconnect_ws("/chat", client) as chat:
        yield chat


@pytest.mark.parametrize("text", ["hello", "", "x" * 100_000])
async def test_text_is_echoed(service: Service, text: str) -> None:
    async with connected(service) as chat:
        await chat.send_text(text)

        assert await chat.receive_text(TIMEOUT) == text


async def test_binary_is_echoed(service: Service) -> None:
    async with connected(service) as chat:
        await chat.send_bytes(b"\x00\xff")

        assert await chat.receive_bytes(TIMEOUT) == b"\x00\xff"


async def test_message_over_the_limit_is_closed_with_1009(service: Service) -> None:
    async with connected(service) as chat:
        await chat.send_bytes(b"x" * 100_001)

        with pytest.raises(WebSocketDisconnect) as closed:
            await chat.receive(TIMEOUT)
    assert closed.value.code == 1009


async def test_page_is_served(service: Service) -> None:
    async with client_of(service) as client:
        response = await client.get("/")

    assert response.status_code == 200
    assert "<title>" in response.text


def run_python(code: str, config: Path, folder: Path) -> str:
    """Run code in a fresh interpreter and return what it prints; it must end by itself."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(PROJECT), "STATIC_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_interpreter_can_exit_after_use_and_nothing_of_it_was_changed(tmp_path: Path) -> None:
    config = write_config(tmp_path, original_config())
    code = """
import asyncio, logging, signal, threading
import httpx
from httpx_ws import aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from app.main import app

async def main():
    transport = ASGIWebSocketTransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        async with aconnect_ws("/chat", client) as chat:
            await chat.send_text("hello")
            print(await chat.receive_text(10))

asyncio.run(main())
print(threading.active_count())
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
print(logging.getLogger("app").handlers, logging.getLogger().handlers)
"""
    assert run_python(code, config, PROJECT).splitlines() == ["hello", "1", "True", "[] []"]


def test_import_opens_no_file_but_modules_and_no_socket(tmp_path: Path) -> None:
    code = """
import sys
seen = []
def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__" or (
        event == "open" and str(arguments[0]).endswith((".yaml", ".json", ".html"))
    ):
        seen.append((event, arguments))
sys.addaudithook(watch)
import app.main
print(seen)
"""
    assert run_python(code, tmp_path / "missing.yaml", tmp_path) == "[]\n"
