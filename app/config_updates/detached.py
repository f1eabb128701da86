"""Blocking calls that may hang, in threads that keep nobody from leaving."""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TypeVar

from app.task_processors.pool import show_thread

R = TypeVar("R")


def run_detached(function: Callable[[], R], thread_name: str) -> asyncio.Future[R]:
    """Run a function in a thread of its own; return what will have its result, or its exception.

    The thread is a daemon: unlike those of a pool it does not have to come to its end for the event
    loop and the interpreter to come to theirs. Giving up the wait does not end it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def tell(outcome: Callable[[], None]) -> None:
        if not future.done():
            outcome()

    def run() -> None:
        outcome: Callable[[], None]
        show_thread(thread_name.encode())
        try:
            outcome = functools.partial(future.set_result, function())
        except Exception as error:
            outcome = functools.partial(future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(tell, outcome)

    threading.Thread(target=run, name=thread_name, daemon=True).start()
    return future
