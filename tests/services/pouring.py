"""Handlers that send without end, and one that tells how far they have come."""

from collections import Counter
from typing import Final

from typing_extensions import override

from app.handlers.context import RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.websocket.connection import WebSocketConnection

MESSAGE_SIZE: Final = 16384
"""Bytes of each message of a PouringHandler."""

_sent: Final = Counter[str]()


class PouringHandler(WebSocketHandlerBase):
    """Sends without end, and counts by name the messages after which it need not wait any more."""

    name = "pouring"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        while True:
            await chat.send(b"x" * MESSAGE_SIZE)
            _sent[context.path_params["name"]] += 1


class WaitingPouringHandler(PouringHandler):
    """Waits for a message before that."""

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.recv()
        await super().handle(chat, context)


class CountHandler(WebSocketHandlerBase):
    """Tells who asks with a name how many messages a PouringHandler has sent."""

    name = "count"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        async for name in chat:
            await chat.send(str(_sent[str(name)]))
