"""Services that several tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.testsuite import WebSocketClient
from tests.helpers.clients import TIMEOUT
from tests.helpers.service_process import PROJECT, ServiceProcess, running_service
from tests.services.odd import odd_config


@pytest.fixture(scope="session")
def service_config_path() -> Path:
    """What `app.testsuite` starts is what we ship, whatever lies about on this machine."""
    return PROJECT / "config" / "static_config.yaml"


@pytest.fixture(scope="session")
def service() -> Iterator[ServiceProcess]:
    """The service as `python -m app` runs it, with the original's config and one worker."""
    with running_service() as service:
        yield service


@pytest.fixture(scope="session")
def odd_service() -> Iterator[ServiceProcess]:
    """The same with the handlers of `tests/services/odd.py`."""
    with running_service(document=odd_config(), module="tests.services.odd") as service:
        yield service


@pytest.fixture
def odd_client(odd_service: ServiceProcess) -> WebSocketClient:
    """A client of `odd_service`."""
    return WebSocketClient(odd_service.http_url, TIMEOUT)
