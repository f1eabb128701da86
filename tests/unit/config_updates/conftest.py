"""What tests of the config client share."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.config_updates.config_client import ConfigClient
from app.config_updates.protocol import ValuesAnswer, ValuesRequest
from tests.helpers.fake_config_service import FakeConfigService
from tests.unit.config_updates.client_parts import Parts

MakeParts = Callable[..., Parts]


@pytest.fixture
async def make_parts() -> AsyncIterator[MakeParts]:
    async with AsyncExitStack() as stack:

        def make(*arguments: Any, **options: Any) -> Parts:
            parts = Parts(*arguments, **options)
            stack.push_async_exit(parts)
            return parts

        yield make


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[ValuesRequest]:
    """What clients that are made from now on are asked; they ask nobody."""
    requests: list[ValuesRequest] = []

    async def ask(
        _: ConfigClient[ValuesAnswer], request: ValuesRequest, /, *, briefly: bool = False
    ) -> ValuesAnswer:
        requests.append(request)
        return ValuesAnswer(configs={}, updated_at="")

    monkeypatch.setattr(ConfigClient, "ask", ask)
    return requests


@pytest.fixture
async def service() -> AsyncIterator[FakeConfigService]:
    with FakeConfigService() as service:
        service.set("COUNT", 2)
        yield service
