import asyncio
import threading

import pytest

from app.config_service import register as register_module
from app.config_service.known_variables import Problem
from tests.unit.config_service.conftest import Api

TIMEOUT = 20.0


async def test_check_that_takes_long_keeps_nobody_from_the_file(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking, go_on = threading.Event(), threading.Event()

    def check(variables: object) -> list[Problem]:
        checking.set()
        go_on.wait(TIMEOUT)
        return []

    monkeypatch.setattr(register_module, "wrong_variables", check)
    # More than the file has threads.
    hand_ins = [asyncio.create_task(api.hand_in(f"service-{n}", A={})) for n in range(4)]
    try:
        assert await asyncio.to_thread(checking.wait, TIMEOUT)
        async with asyncio.timeout(TIMEOUT):
            assert (await api.set("A", 1)).status_code == 200
            assert (await api.poll())["configs"] == {"A": 1}
        assert not any(each.done() for each in hand_ins)
    finally:
        go_on.set()
    assert {(await each).status_code for each in hand_ins} == {200}
