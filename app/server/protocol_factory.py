"""Our HTTP class, as Uvicorn takes it."""

import asyncio
from typing import Any, cast

from app.server.connection_limit import ConnectionLimit
from app.server.http_limits import HttpLimits
from app.server.http_protocol import HttpProtocol
from app.server.turns import Turns


class HttpProtocolFactory:
    """Makes the HTTP protocol of each connection of one server, with the limits of its listener.

    It goes to worker processes by pickle.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self._connection_limit = ConnectionLimit(limits.max_connections)
        self._turns = Turns()

    def __call__(self, **options: Any) -> HttpProtocol:
        """Make a protocol of what Uvicorn calls its class with."""
        return HttpProtocol(self.limits, self._connection_limit, self._turns, **options)

    def as_class(self) -> type[asyncio.Protocol]:
        """Return this as the class that Uvicorn asks for: it does no more than call it."""
        return cast("type[asyncio.Protocol]", self)
