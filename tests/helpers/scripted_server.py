"""The side of an ASGI server in a connection: gives what it was told to, keeps what is sent."""

import asyncio
from typing import Any

from starlette.types import Receive

Event = dict[str, Any]


class ScriptedServer:
    """Gives the events it was told to give, keeps what is sent.

    Args:
        events: To be given first.
        known: Whether its events come as Hypercorn's do, from a queue: a wait for one may be
            cancelled. Otherwise nothing is known of it, and a wait that is cancelled takes the
            event along that has come by then.
    """

    def __init__(self, *events: Event, known: bool = False) -> None:
        self.sent: list[Event] = []
        self.receives = 0
        # What `send` raises, as servers do when the client has gone.
        self.trouble: Exception | None = None
        # Cleared: the client takes nothing, so that `send` waits.
        self.takes = asyncio.Event()
        self.takes.set()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.receive: Receive = self._events.get if known else self._receive
        for event in events:
            self.give(event)

    def give(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def send(self, event: Any) -> None:
        if self.trouble is not None:
            raise self.trouble
        await self.takes.wait()
        self.sent.append(event)

    async def _receive(self) -> Event:
        self.receives += 1
        event = await self._events.get()
        await asyncio.sleep(0)
        return event


CONNECT: Event = {"type": "websocket.connect"}


def text(content: str) -> Event:
    return {"type": "websocket.receive", "text": content}


def binary(content: bytes) -> Event:
    return {"type": "websocket.receive", "bytes": content}


def disconnect(**facts: object) -> Event:
    return {"type": "websocket.disconnect", **facts}


def close(code: int, reason: str = "") -> Event:
    return {"type": "websocket.close", "code": code, "reason": reason}
