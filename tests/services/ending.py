"""The chat service with handlers that tell of the end of each connection, for each way to end."""

import asyncio
import logging
import sys
from typing import Final

from starlette.requests import HTTPConnection
from typing_extensions import override

from app import daemon
from app.handlers.context import HandshakeResponse, RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.main import COMPONENTS
from app.websocket.close import CloseRecord, ConnectionClosed
from app.websocket.connection import WebSocketConnection
from tests.helpers.service_process import Section, components_of, original_config
from tests.services.odd import GuardedHandler

logger = logging.getLogger(__name__)

SENDERS: Final = 3
"""Tasks that send at once where a client asks for a flood."""

HANDSHAKE_TIMEOUT: Final = 1
"""Seconds, of the listener."""

THOUGHTS: Final = {"in-time": 0.2, "late": 1.5 * HANDSHAKE_TIMEOUT, "never": 3600.0}
"""Seconds for which a handshake may be thought over."""

_watches: Final = set[asyncio.Task[None]]()


def tell(whom: str, record: CloseRecord) -> None:
    """Log what somebody was told of the end, with the tags of the line "connection closed"."""
    tags = {
        "closed_by": record.closed_by.value,
        "cause": record.cause.value,
        "code": record.code,
        "reason": record.reason,
        "duration": round(record.duration, 3),
        "messages_received": record.traffic.messages_received,
        "bytes_received": record.traffic.bytes_received,
        "messages_sent": record.traffic.messages_sent,
        "bytes_sent": record.traffic.bytes_sent,
    }
    logger.info(whom, extra={"tags": tags})


class WitnessHandler(WebSocketHandlerBase):
    """Ends as the client says, and else echoes; logs who was told of the end, and what."""

    name = "witness"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        watch = asyncio.create_task(_watch(chat, serving))
        _watches.add(watch)
        watch.add_done_callback(_watches.discard)
        try:
            while (message := await chat.recv()) != "return":
                if message == "raise":
                    raise RuntimeError("as the client wishes")
                if message == "close":
                    await chat.close(4000, "enough")
                elif message == "flood":
                    await _flood(chat)
                else:
                    await chat.send(message)
        except ConnectionClosed as end:
            tell("recv", end.record)
            raise


async def _watch(chat: WebSocketConnection, serving: asyncio.Task[None]) -> None:
    """See the connection to its end, and send something after it."""
    tell("closed", await chat.closed)
    sending = chat.send("too late")
    try:
        sending.send(None)  # as far as it goes without waiting for anything
    except ConnectionClosed as end:
        tell("late send", end.record)
    sending.close()
    await asyncio.wait({serving})
    logger.info("handler ended")


async def _flood(chat: WebSocketConnection) -> None:
    """Send until the end, in several tasks."""

    async def send() -> None:
        try:
            while True:
                await chat.send(b"x" * 65536)
        except ConnectionClosed as end:
            tell("send", end.record)

    async with asyncio.TaskGroup() as senders:
        for _ in range(SENDERS):
            senders.create_task(send())


class ThoughtfulHandler(WitnessHandler):
    """Answers the handshake as late as the query says."""

    name = "thoughtful"

    @override
    async def handle_handshake(
        self, request: HTTPConnection, response: HandshakeResponse, context: RequestContext
    ) -> bool:
        logger.info("thinking")
        await asyncio.sleep(THOUGHTS[request.url.query])
        return True


OPTIONS: Final[dict[str, Section]] = {
    "witness": {"max-remote-payload": 1000},
    "silent": {"ping-interval": "100ms", "ping-timeout": "100ms"},
    "idle": {"idle-timeout": "300ms"},
    "brief": {"max-session-time": "300ms"},
    "both": {"idle-timeout": "300ms", "max-session-time": "300ms"},
    "hasty": {"max-messages-per-second": 2, "on-rate-limit": "close"},
    "slow": {"send-timeout": "300ms"},
}
"""The options by the name of the handler, which is its path, too."""


def ending_config() -> Section:
    """Return the original's static config with a section for each handler of this service."""
    document = original_config()
    sections = components_of(document)
    sections["server"]["listener"]["handshake-timeout"] = f"{HANDSHAKE_TIMEOUT}s"
    for name, options in OPTIONS.items():
        sections[name] = {"path": f"/{name}", "method": "GET", **options}
    sections["thoughtful"] = {"path": "/thoughtful", "method": "GET"}
    sections["guarded"] = {"path": "/guarded/{room}", "method": "GET"}
    return document


if __name__ == "__main__":
    components = COMPONENTS.append(GuardedHandler).append(ThoughtfulHandler)
    for name in OPTIONS:
        components = components.append(WitnessHandler, name)
    sys.exit(daemon.run(components, sys.argv[1:]))
