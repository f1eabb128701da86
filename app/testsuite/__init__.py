"""A pytest plugin for functional tests of a service, in three lines each.

The conftest.py at the root of the tests says `pytest_plugins = ["app.testsuite"]`. Then:

    async def test_echo(websocket_client):
        async with websocket_client.get("chat") as chat:
            await chat.send("hello")
            assert await chat.recv() == "hello"

- `service_client` (httpx) and `websocket_client` talk to the real process, which is started once a
  session. A failing test shows what the service wrote meanwhile.
- `app_client` does the same in process, for fast tests of a handler.
- All that they stand on is a fixture to override: `service_config_hooks` (what to change in the
  static config), `service_env`, `service_module`, `service_command` and more;
  `pytest --fixtures` lists them.

Tests that are coroutines are run by the plugin of anyio, on asyncio, without a mark; where
pytest-asyncio is in its mode `auto`, by that. The service is driven from outside: nothing of it is
imported here.

PYTEST_DONT_REWRITE: there is no assertion in here, and a conftest.py may import before pytest does.
"""

from app.testsuite.app_client import AppClient, app_client, service_app
from app.testsuite.asynchronous import anyio_backend, pytest_pycollect_makeitem
from app.testsuite.clients import service_client, websocket_client
from app.testsuite.connection import (
    ClientConnection,
    Close,
    ConnectionClosed,
    HandshakeRefused,
    Message,
)
from app.testsuite.lifespan import LifespanFailed
from app.testsuite.service_log import pytest_runtest_makereport, pytest_runtest_setup
from app.testsuite.service_process import (
    ServiceFailed,
    ServiceProcess,
    service_baseurl,
    service_command,
    service_process,
)
from app.testsuite.static_config import (
    ConfigHook,
    Section,
    service_config,
    service_config_hooks,
    service_config_path,
    service_config_path_temp,
    service_port,
)
from app.testsuite.target import (
    pytest_addoption,
    service_env,
    service_module,
    service_root,
    service_timeout,
)
from app.testsuite.websocket_client import WebSocketClient

__all__ = [
    "AppClient",
    "ClientConnection",
    "Close",
    "ConfigHook",
    "ConnectionClosed",
    "HandshakeRefused",
    "LifespanFailed",
    "Message",
    "Section",
    "ServiceFailed",
    "ServiceProcess",
    "WebSocketClient",
    "anyio_backend",
    "app_client",
    "pytest_addoption",
    "pytest_pycollect_makeitem",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "service_app",
    "service_baseurl",
    "service_client",
    "service_command",
    "service_config",
    "service_config_hooks",
    "service_config_path",
    "service_config_path_temp",
    "service_env",
    "service_module",
    "service_port",
    "service_process",
    "service_root",
    "service_timeout",
    "websocket_client",
]
