"""The service in the process of the tests: no port, no second process, its lifespan run."""

import contextlib
import importlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest
from httpx_ws.transport import ASGIWebSocketTransport
from typing_extensions import override

from app.testsuite.asgi import ASGIApp, InProcessServer
from app.testsuite.lifespan import running_lifespan
from app.testsuite.websocket_client import WebSocketClient

HOST: Final = "testserver"


class AppClient(WebSocketClient):
    """A client of an application in process: `get` for WebSockets, `http` for requests.

    A handler that still runs LEAVE_TIMEOUT seconds after its client has left is cancelled, as it
    would be at the end of the service. There are no pings: ASGI has no control frames.

    Args:
        server: The application, behind what a server does.
        http: A client for its HTTP handlers.
        timeout: Seconds for each wait of a connection.
    """

    def __init__(self, server: InProcessServer, http: httpx.AsyncClient, timeout: float) -> None:
        super().__init__(f"ws://{HOST}", timeout)
        self._server: Final = server
        self.http: Final = http

    @override
    def _client(self, timeout: float) -> httpx.AsyncClient:
        # One transport for several connections would mix up their scopes.
        transport = ASGIWebSocketTransport(app=self._server, initial_receive_timeout=timeout)
        return httpx.AsyncClient(transport=transport, base_url=self._base_url)


@contextlib.asynccontextmanager
async def running_app(app: ASGIApp, timeout: float) -> AsyncIterator[AppClient]:
    """Start an ASGI application in process, and stop it when the block is left.

    Raises:
        LifespanFailed: it could not start or stop.
        TimeoutError: either took longer than `timeout` seconds.
    """
    async with running_lifespan(app, timeout) as state:
        server = InProcessServer(app, state, timeout)
        transport = httpx.ASGITransport(app=server)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
            yield AppClient(server, http, timeout)


@pytest.fixture(scope="session")
def service_app(service_module: str) -> ASGIApp:
    """The ASGI application that `app_client` runs: `app` of the service's `main` module.

    It is imported when a test asks for it. Override it for an application of another name.
    """
    app: ASGIApp = importlib.import_module(f"{service_module}.main").app
    return app


@pytest.fixture
async def app_client(
    service_app: ASGIApp,
    service_config_path_temp: Path,
    service_root: Path,
    service_env: Mapping[str, str],
    service_timeout: float,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[AppClient]:
    """The service in process, started for one test: `async with app_client.get("chat") as chat:`.

    It has the session's static config ($STATIC_CONFIG), environment and folder. Its config decides
    neither on ports nor on workers, and fragments, pings and limits on frames are those of a
    server, which is not there: test these with `websocket_client`.
    """
    for name, value in service_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STATIC_CONFIG", str(service_config_path_temp))
    monkeypatch.chdir(service_root)
    async with running_app(service_app, service_timeout) as client:
        yield client
