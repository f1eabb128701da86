"""What the tests of the page share: a config service that two services have told what they know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.test_config_service import MODULE, Admin, shipped_config
from tests.helpers.service_process import ServiceProcess, running_service

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.helpers.config_page import ConfigPage


@pytest.fixture
def configs(tmp_path: Path) -> Iterator[ServiceProcess]:
    """The config service, as `python -m app.config_service` runs it."""
    with running_service(tmp_path, shipped_config(tmp_path), module=MODULE) as service:
        yield service


@pytest.fixture
def admin(configs: ServiceProcess) -> Admin:
    """Somebody who changes values without the page."""
    return Admin(configs)


@pytest.fixture
def config_page(page: Page, configs: ServiceProcess, admin: Admin) -> ConfigPage:
    """The page, not opened yet."""
    from tests.helpers.config_page import ConfigPage, hand_in

    hand_in(admin, "chat", "mail")
    return ConfigPage(page, configs)
