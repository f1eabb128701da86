"""Services that several tests share."""

from collections.abc import Iterator

import pytest

from tests.helpers.service_process import ServiceProcess, running_service
from tests.services.odd import odd_config


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
