"""The fixtures that talk to the service as it runs: over real sockets."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.testsuite.service_process import ServiceProcess
from app.testsuite.websocket_client import WebSocketClient, http_client


@pytest.fixture
async def service_client(
    service_process: ServiceProcess, service_baseurl: str, service_timeout: float
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the service: `await service_client.get("/")`.

    Every wait ends after `service_timeout` seconds, with an httpx.TimeoutException.
    """
    service_process.check_running()
    async with http_client(service_baseurl, service_timeout) as client:
        yield client


@pytest.fixture
def websocket_client(
    service_process: ServiceProcess, service_baseurl: str, service_timeout: float
) -> WebSocketClient:
    """A WebSocket client of the service: `async with websocket_client.get("chat") as chat:`.

    Every wait ends after `service_timeout` seconds, with a TimeoutError that says for what.
    """
    service_process.check_running()
    return WebSocketClient(service_baseurl, service_timeout)
