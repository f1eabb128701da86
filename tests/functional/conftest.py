"""Services that several tests share, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.testsuite import WebSocketClient
from tests.helpers.clients import TIMEOUT
from tests.helpers.service_process import PROJECT, ServiceProcess, running_service
from tests.services.odd import odd_config

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    from tests.helpers.chromium import launched_chromium

    with launched_chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page in it."""
    from tests.helpers.chromium import opened_page

    with opened_page(browser) as page:
        yield page
