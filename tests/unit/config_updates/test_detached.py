import asyncio
import threading
from pathlib import Path

import pytest

from app.config_updates.detached import run_detached
from tests.helpers.clients import TIMEOUT


async def test_result_comes_from_a_thread_of_its_own() -> None:
    async with asyncio.timeout(TIMEOUT):
        thread = await run_detached(threading.current_thread, "working")

    assert thread.name == "working"
    assert thread.daemon
    assert thread is not threading.current_thread()


async def test_operating_system_knows_the_thread_by_its_name() -> None:
    def shown() -> str:
        return Path(f"/proc/self/task/{threading.get_native_id()}/comm").read_text()

    async with asyncio.timeout(TIMEOUT):
        assert await run_detached(shown, "working") == "working\n"


async def test_exception_comes_to_who_waits() -> None:
    def fail() -> None:
        raise KeyError("key")

    with pytest.raises(KeyError, match="key"):
        async with asyncio.timeout(TIMEOUT):
            await run_detached(fail, "failing")


async def test_function_whose_wait_was_given_up_ends_for_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    may_end = threading.Event()
    future = run_detached(lambda: may_end.wait(TIMEOUT), "hanging")
    (thread,) = [each for each in threading.enumerate() if each.name == "hanging"]
    future.cancel()

    may_end.set()
    await asyncio.to_thread(thread.join, TIMEOUT)
    await asyncio.sleep(0)

    assert not thread.is_alive()
    assert future.cancelled()
    assert caplog.records == []


def test_loop_ends_while_a_function_hangs() -> None:
    may_end = threading.Event()

    async def start() -> asyncio.Future[bool]:
        return run_detached(lambda: may_end.wait(TIMEOUT), "hanging")

    future = asyncio.run(start())
    (thread,) = [each for each in threading.enumerate() if each.name == "hanging"]
    may_end.set()
    thread.join(TIMEOUT)

    assert not thread.is_alive()
    assert not future.done()
