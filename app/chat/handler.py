"""The chat: whatever a client says, it hears again."""

from typing_extensions import override

from app.handlers.context import RequestContext
from app.handlers.websocket import WebSocketHandlerBase
from app.websocket.connection import WebSocketConnection


class ChatHandler(WebSocketHandlerBase):
    """Echoes every message to the client that sent it, text as text and binary as binary."""

    name = "websocket-handler"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        async for message in chat:
            await chat.send(message)
