import asyncio
import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.task_processors.pool import ThreadPool, name_thread

TIMEOUT = 10.0

needs_proc = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux shows names of threads in /proc"
)


@pytest.fixture
def make_pool() -> Iterator[Callable[[str, int], ThreadPool]]:
    """Makes pools that are stopped at the end."""
    pools: list[ThreadPool] = []

    def make(thread_name: str, worker_threads: int) -> ThreadPool:
        pools.append(ThreadPool(thread_name, worker_threads))
        return pools[-1]

    yield make
    for pool in pools:
        pool.stop()


MakePool = Callable[[str, int], ThreadPool]


def thread_name() -> str:
    return threading.current_thread().name


def name_in_the_operating_system() -> bytes:
    path = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
    return path.read_bytes().removesuffix(b"\n")


async def test_function_runs_in_a_thread_of_the_name(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 2)

    name = await pool.run(thread_name)

    assert name == "fs-worker_0"
    assert name != thread_name()


async def test_arguments_are_handed_over_and_the_result_comes_back(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)

    assert await pool.run(sorted, [1, 3, 2], reverse=True) == [3, 2, 1]


async def test_exception_passes(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)

    with pytest.raises(ZeroDivisionError):
        await pool.run(divmod, 1, 0)


async def test_stop_iteration_does_not_make_the_caller_wait_for_ever(make_pool: MakePool) -> None:
    """No coroutine can raise it; `next` over an open file is the usual way to come by it."""
    pool = make_pool("fs-worker", 1)

    with pytest.raises(RuntimeError):
        await asyncio.wait_for(pool.run(next, iter(())), 2)


async def test_thread_goes_on_after_an_exception(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(divmod, 1, 0)

    assert await pool.run(thread_name) == "fs-worker_0"


async def test_context_variables_of_the_caller_are_seen_and_not_changed(
    make_pool: MakePool,
) -> None:
    pool = make_pool("fs-worker", 1)
    variable = contextvars.ContextVar("variable", default="default")
    variable.set("of the caller")

    def read_and_write() -> str:
        seen = variable.get()
        variable.set("of the thread")
        return seen

    assert await pool.run(read_and_write) == "of the caller"
    assert variable.get() == "of the caller"


@pytest.mark.parametrize("size", [1, 3])
async def test_at_most_so_many_threads_run_at_once(make_pool: MakePool, size: int) -> None:
    pool = make_pool("fs-worker", size)
    # Opens when `size` functions are within it at the same time, and for each next lot.
    all_are_here = threading.Barrier(size, timeout=TIMEOUT)
    running: list[int] = []
    counts: list[int] = []

    def run_with_the_others() -> str:
        running.append(1)
        counts.append(len(running))
        all_are_here.wait()
        running.pop()
        return thread_name()

    names = await asyncio.gather(*(pool.run(run_with_the_others) for _ in range(size * 3)))

    assert set(names) == {f"fs-worker_{number}" for number in range(size)}
    assert max(counts) == size


async def test_stop_drops_what_has_not_begun_and_lets_the_rest_end(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)
    has_begun = threading.Event()
    may_end = threading.Event()

    def begin_and_wait() -> bool:
        has_begun.set()
        return may_end.wait(TIMEOUT)

    begun = asyncio.create_task(pool.run(begin_and_wait))
    assert await asyncio.to_thread(has_begun.wait, TIMEOUT)
    ran: list[str] = []
    waiting = asyncio.create_task(pool.run(ran.append, "waiting"))
    await asyncio.sleep(0)  # Let it hand the function over.

    pool.stop()
    may_end.set()

    assert await asyncio.wait_for(begun, TIMEOUT) is True
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, TIMEOUT)
    assert ran == []


async def test_stopped_pool_takes_no_more_work(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)

    pool.stop()
    pool.stop()

    with pytest.raises(RuntimeError):
        await pool.run(thread_name)


async def test_cancelling_the_wait_does_not_end_the_function(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)
    has_begun, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()

    def begin_wait_and_end() -> None:
        has_begun.set()
        may_end.wait(TIMEOUT)
        has_ended.set()

    waiting = asyncio.create_task(pool.run(begin_wait_and_end))
    assert await asyncio.to_thread(has_begun.wait, TIMEOUT)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_end.set()

    assert await asyncio.to_thread(has_ended.wait, TIMEOUT)


def test_function_is_submitted_without_an_event_loop(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)

    job = pool.submit(sorted, [1, 3, 2], reverse=True)

    assert job.result(TIMEOUT) == [3, 2, 1]


def test_submitted_function_may_raise_anything(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)

    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 1, 0).result(TIMEOUT)


def test_submitted_function_sees_the_caller_s_context(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)
    variable = contextvars.ContextVar("variable", default="default")
    token = variable.set("of the caller")
    try:
        job = pool.submit(variable.get)
    finally:
        variable.reset(token)

    assert job.result(TIMEOUT) == "of the caller"


def test_submitted_function_that_has_not_begun_can_be_cancelled(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)
    may_end = threading.Event()
    pool.submit(may_end.wait, TIMEOUT)
    ran: list[str] = []

    assert pool.submit(ran.append, "waiting").cancel()
    may_end.set()

    assert pool.submit(thread_name).result(TIMEOUT) == "fs-worker_0"
    assert ran == []


def test_nothing_can_be_submitted_to_a_stopped_pool(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)
    pool.stop()

    with pytest.raises(RuntimeError):
        pool.submit(thread_name)


def test_pool_without_work_has_no_threads(make_pool: MakePool) -> None:
    before = set(threading.enumerate())

    make_pool("fs-worker", 4)

    assert set(threading.enumerate()) <= before


@needs_proc
async def test_operating_system_shows_the_name(make_pool: MakePool) -> None:
    pool = make_pool("fs-worker", 1)

    assert await pool.run(name_in_the_operating_system) == b"fs-worker_0"


@needs_proc
@pytest.mark.parametrize(
    ("name", "number", "shown"),
    [
        ("exactly-15-by", 0, "exactly-15-by_0"),
        ("rather-long-name", 0, "rather-long-n_0"),
        ("rather-long-name", 7, "rather-long-n_7"),
        ("rather-long-name", 123, "rather-long_123"),
        ("", 1, "_1"),
    ],
)
async def test_long_name_is_cut_for_the_operating_system_and_keeps_its_number(
    make_pool: MakePool, name: str, number: int, shown: str
) -> None:
    def named() -> tuple[str, str]:
        name_thread(name, number)
        return thread_name(), name_in_the_operating_system().decode()

    assert await make_pool("any", 1).run(named) == (f"{name}_{number}", shown)


@needs_proc
async def test_name_of_any_script_can_be_shown(make_pool: MakePool) -> None:
    pool = make_pool("потоки", 1)

    name = await pool.run(name_in_the_operating_system)

    assert name == "потоки".encode() + b"_0"


async def test_name_that_the_operating_system_does_not_take_is_python_s_all_the_same(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_to_write(path: Path, data: bytes) -> int:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "write_bytes", refuse_to_write)

    assert await make_pool("fs-worker", 1).run(thread_name) == "fs-worker_0"
