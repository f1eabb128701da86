"""What the connections of one server have in common."""

import asyncio
from dataclasses import dataclass

from uvicorn import Config
from uvicorn.server import ServerState

from app.server.connection_limit import ConnectionLimit
from app.server.http_limits import HttpLimits
from app.server.turns import Turns
from app.server.upgrade import Upgrade


@dataclass(frozen=True, slots=True)
class Serving:
    """A Uvicorn server that uses our HTTP class, on one event loop.

    Args:
        limits: What a peer may ask for.
        connection_limit: How many peers there may be.
        turns: Those of the event loop.
        config: Uvicorn's, which has been loaded.
        state: Uvicorn's.
        loop: The event loop.
        upgrade: Takes good handshakes.
    """

    limits: HttpLimits
    connection_limit: ConnectionLimit
    turns: Turns
    config: Config
    state: ServerState
    loop: asyncio.AbstractEventLoop
    upgrade: Upgrade
