"""A pool of threads with a name that the operating system shows."""

import asyncio
import contextlib
import contextvars
import functools
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class ThreadPool:
    """Runs blocking functions away from the event loop.

    Threads are made when there is work for them, `worker_threads` at most; what comes then waits.
    """

    def __init__(self, thread_name: str, worker_threads: int) -> None:
        numbers = itertools.count()
        self._executor = ThreadPoolExecutor(
            worker_threads, initializer=lambda: name_thread(thread_name, next(numbers))
        )

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `function` returns, or raise what it raises.

        It sees the caller's context variables. Cancelling the wait does not end a function that
        has begun.
        """
        return await asyncio.wrap_future(self.submit(function, *args, **kwargs))

    def submit(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Let `function` run, as `run` does, for a caller that has no event loop.

        Not for signal handlers and destructors: it takes locks.

        Raises:
            RuntimeError: the pool has been stopped.
        """
        work = functools.partial(_call, function, *args, **kwargs)
        return self._executor.submit(contextvars.copy_context().run, work)

    def stop(self) -> None:
        """Take no more work and drop what has not begun; does not wait for what has."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def name_thread(name: str, number: int) -> None:
    """Call the current thread `<name>_<number>`, in Python and, on Linux, in `ps` and `top`.

    Linux keeps 15 bytes: of a longer name the beginning, so that the number is always there.
    """
    suffix = f"_{number}"
    threading.current_thread().name = name + suffix
    show_thread(name.encode()[: _LINUX_NAME_BYTES - len(suffix)] + suffix.encode())


def show_thread(name: bytes) -> None:
    """Let Linux call the current thread like that, in `ps` and `top`; 15 bytes are kept."""
    with contextlib.suppress(OSError):
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_bytes(name)


_LINUX_NAME_BYTES = 15


def _call(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return function(*args, **kwargs)
    except StopIteration as error:
        # A future cannot carry it: whoever waits would wait for ever.
        raise RuntimeError("function raised StopIteration") from error
