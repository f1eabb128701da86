"""When a config service is asked, in virtual time."""

import asyncio
import itertools
import random
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.config_updates.config_client import ConfigClient
from app.config_updates.errors import UpdateError
from app.config_updates.protocol import ValuesAnswer, ValuesRequest
from tests.helpers.fake_config_service import ConfigStore
from tests.helpers.virtual_time import VIRTUAL_TIME
from tests.unit.config_updates.client_parts import Parts


@pytest.fixture
def anyio_backend() -> Any:
    return VIRTUAL_TIME


@pytest.fixture
def store() -> ConfigStore:
    store = ConfigStore()
    store.set("COUNT", 2)
    return store


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch, store: ConfigStore) -> list[float]:
    """When a config service is asked, by the event loop's clock."""
    times: list[float] = []

    async def ask(
        _: ConfigClient[ValuesAnswer], request: ValuesRequest, /, *, briefly: bool = False
    ) -> ValuesAnswer:
        times.append(asyncio.get_running_loop().time())
        if store.values_for().get("COUNT") is None:
            raise UpdateError("nobody answers")
        answer = store.answer(request.model_dump(exclude_none=True))
        return ValuesAnswer.model_validate(answer)

    monkeypatch.setattr(ConfigClient, "ask", ask)
    return times


async def test_hundred_services_that_start_together_do_not_ask_together(
    times: list[float],
) -> None:
    random.seed(8)
    stack = AsyncExitStack()
    for _ in range(100):
        parts = await stack.enter_async_context(Parts())
        await parts.updater.start()
    began = asyncio.get_running_loop().time()
    assert len(times) == 100

    async with stack:
        await asyncio.sleep(10.0 * 30)

    later = [at - began for at in times[100:]]
    in_each_second = [sum(second <= at < second + 1 for at in later) for second in range(300)]
    # 10 on the average.
    assert max(in_each_second) <= 25
    assert sum(count == 0 for count in in_each_second) <= 3
    assert 100 * 28 < len(later) < 100 * 32


async def test_clock_that_is_set_anew_changes_nothing(
    times: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = itertools.cycle([0.0, 1e7, -1e7])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + next(steps))
    async with Parts(None, {"update-jitter": "0s", "full-update-interval": "30s"}) as parts:
        await parts.updater.start()
        await asyncio.sleep(100.0)

    pauses = [later - one for one, later in itertools.pairwise(times[1:])]
    assert pauses == pytest.approx([10.0] * len(pauses))
    assert len(pauses) in (8, 9)


async def test_interval_after_a_failure_may_be_another(
    times: list[float], store: ConfigStore
) -> None:
    async with Parts(None, {"update-jitter": "0s", "exception-interval": "3s"}) as parts:
        await parts.updater.start()
        store.remove("COUNT")
        await asyncio.sleep(20.0)
        failed = len(times)
        store.set("COUNT", 4)
        await asyncio.sleep(40.0)

    pauses = [later - one for one, later in itertools.pairwise(times[1 : failed + 1])]
    assert pauses[0] == pytest.approx(3.0)
    assert pauses == pytest.approx([3.0] * len(pauses))
    assert times[failed + 1] - times[failed] == pytest.approx(10.0)
    assert parts.count == 4
