"""The chat service with handlers that do what handlers should not."""

import asyncio
import logging
import os
import sys
import time

from starlette.requests import HTTPConnection
from typing_extensions import override

from app import daemon
from app.components.component import Component
from app.handlers.context import HandshakeResponse, RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.main import COMPONENTS
from app.websocket.connection import WebSocketConnection
from tests.helpers.service_process import Section, components_of, original_config

logger = logging.getLogger(__name__)


class RaisingHandler(WebSocketHandlerBase):
    name = "raising"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.recv()
        raise RuntimeError("the handler does not feel well")


class ReturningHandler(WebSocketHandlerBase):
    name = "returning"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.send(await chat.recv())


class SleepingHandler(WebSocketHandlerBase):
    name = "sleeping"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.send("good night")
        await asyncio.Event().wait()


class FloodingHandler(WebSocketHandlerBase):
    name = "flooding"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        while True:
            await chat.send(b"x" * 65536)


class BlockingHandler(WebSocketHandlerBase):
    name = "blocking"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.send("good night")
        await asyncio.sleep(0)  # the message leaves
        time.sleep(3600)  # noqa: ASYNC251 (the oddity that this handler is for)


class ExitingHandler(WebSocketHandlerBase):
    name = "exiting"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.recv()
        sys.exit(3)


class AwaitingCancelledHandler(WebSocketHandlerBase):
    """Awaits another task that somebody has cancelled."""

    name = "awaiting-cancelled"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.recv()
        other = asyncio.ensure_future(asyncio.sleep(3600))
        other.cancel()
        await other


class DuplexHandler(WebSocketHandlerBase):
    """Counts in one task, listens in another."""

    name = "duplex"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._count(chat))
            tasks.create_task(self._echo(chat))

    async def _count(self, chat: WebSocketConnection) -> None:
        for number in range(1_000_000):
            await chat.send(str(number))
            await asyncio.sleep(0)

    async def _echo(self, chat: WebSocketConnection) -> None:
        while True:
            await chat.send(f"echo {await chat.recv()!r}")


class GuardedHandler(WebSocketHandlerBase):
    """Lets in who says the word, and tells it who came."""

    name = "guarded"

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        if request.query_params.get("word") == "crash":
            raise RuntimeError("the guard has fainted")
        if request.query_params.get("word") != "please":
            response.status_code = 401
            response.headers["WWW-Authenticate"] = "Word"
            response.body = b'{"error": "say please"}'
            return False
        context.data["agent"] = request.headers["user-agent"]
        if "polite" in request.scope["subprotocols"]:
            response.subprotocol = "polite"
        response.headers["X-Guard"] = "awake"
        return True

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.send(f"{context.path_params['room']} {context.data['agent']}")


class NotingHandler(WebSocketHandlerBase):
    """Logs who came and what was said, which others should not."""

    name = "noting"

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        logger.info("from %s", request.headers.get("origin"))
        return True

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        async for message in chat:
            logger.info("noted %s", message)
            await asyncio.to_thread(logger.info, "noted in a thread: %s", message)
            await chat.send(context.trace_id)


class FailingToStart(Component):
    name = "failing"

    @override
    async def start(self) -> None:
        raise RuntimeError("no fuel")


class DyingAtStart(Component):
    name = "dying"

    @override
    async def start(self) -> None:
        os._exit(1)


class SlowToStop(Component):
    """Takes its time, which it is promised."""

    name = "slow-to-stop"

    @override
    async def stop(self) -> None:
        await asyncio.sleep(1)
        print("stopped in good order", flush=True)  # noqa: T201 (a test reads it)


ADDITIONS = {each.name: each for each in (FailingToStart, DyingAtStart, SlowToStop)}

HANDLERS = {
    RaisingHandler: "/raising",
    ReturningHandler: "/returning",
    SleepingHandler: "/sleeping",
    FloodingHandler: "/flooding",
    BlockingHandler: "/blocking",
    ExitingHandler: "/exiting",
    AwaitingCancelledHandler: "/awaiting-cancelled",
    DuplexHandler: "/duplex",
    GuardedHandler: "/guarded/{room}",
    NotingHandler: "/noting",
}


def odd_config() -> Section:
    """Return the original's static config with a section for each handler of this service."""
    document = original_config()
    for handler, path in HANDLERS.items():
        components_of(document)[handler.name] = {"path": path, "method": "GET"}
    components_of(document)["second-returning"] = {"path": "/second", "method": "GET"}
    impatient = {"path": "/impatient", "method": "GET", "close-timeout": "10ms"}
    components_of(document)["impatient"] = impatient
    return document


if __name__ == "__main__":
    components = COMPONENTS
    for handler in HANDLERS:
        components = components.append(handler)
    # One class under two names.
    components = components.append(ReturningHandler, "second-returning")
    components = components.append(SleepingHandler, "impatient")
    # $ODD names a component to add.
    if "ODD" in os.environ:
        components = components.append(ADDITIONS[os.environ["ODD"]])
    sys.exit(daemon.run(components, sys.argv[1:]))
