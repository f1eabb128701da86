"""Runs the lifespan of an ASGI application, as a server does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from app.testsuite.asgi import ASGI_VERSION, ASGIApp, Event


class LifespanFailed(Exception):
    """The application could not start or stop; the text is its own."""


@contextlib.asynccontextmanager
async def running_lifespan(app: ASGIApp, timeout: float) -> AsyncIterator[dict[str, Any]]:
    """Start an application, and stop it when the block is left; gives its lifespan's state.

    It runs in a task of its own.

    Raises:
        LifespanFailed: it could not start or stop, or knows no lifespan.
        TimeoutError: either took longer than `timeout` seconds.
    """
    lifespan = _Lifespan(app)
    try:
        await lifespan.go_through("startup", timeout)
        try:
            yield lifespan.state
        finally:
            await lifespan.go_through("shutdown", timeout)
    finally:
        await lifespan.end(timeout)


class _Lifespan:
    def __init__(self, app: ASGIApp) -> None:
        self.state: Final[dict[str, Any]] = {}
        self._app: Final = app
        self._events: Final = asyncio.Queue[Event]()
        self._answers: Final = asyncio.Queue[Event]()
        self._task: Final = asyncio.create_task(self._run())

    async def go_through(self, phase: str, timeout: float) -> None:
        """Tell the application of a phase, "startup" or "shutdown", and wait until it is done."""
        self._events.put_nowait({"type": f"lifespan.{phase}"})
        try:
            async with asyncio.timeout(timeout):
                answer = await self._answers.get()
        except TimeoutError:
            raise TimeoutError(f"{phase}: the application takes more than {timeout:g} s") from None
        if answer["type"] != f"lifespan.{phase}.complete":
            raise LifespanFailed(f"{phase}: {answer.get('message')}") from answer.get("cause")

    async def end(self, timeout: float) -> None:
        """Make an end of what is still going on."""
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=timeout)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": ASGI_VERSION, "state": self.state}
        last: Event = {"type": "returned", "message": "the application left its lifespan"}
        try:
            await self._app(scope, self._events.get, self._answers.put)
        except Exception as error:
            last = {"type": "raised", "message": f"the application raised {error!r}"}
            last["cause"] = error
        self._answers.put_nowait(last)
