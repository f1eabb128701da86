"""Our HTTP class, as Uvicorn takes it."""

import asyncio
from typing import Any, cast

from uvicorn import Config
from uvicorn.server import ServerState

from app.server.connection_limit import ConnectionLimit
from app.server.greeter import Greeter
from app.server.http_limits import HttpLimits
from app.server.serving import Serving
from app.server.turns import Turns
from app.server.upgrade import Upgrade


class HttpProtocolFactory:
    """Makes the first protocol of each connection of one server, with the limits of its listener.

    It goes to worker processes by pickle.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self._connection_limit = ConnectionLimit(limits.max_connections)
        self._turns = Turns()
        # Of the last call: what a server calls it with is always the same.
        self._serving: Serving | None = None

    def __call__(
        self,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Greeter:
        """Make a protocol of what Uvicorn calls its class with."""
        loop = _loop or asyncio.get_event_loop()
        serving = self._serving
        if (
            serving is None
            or serving.config is not config
            or serving.state is not server_state
            or serving.loop is not loop
        ):
            serving = self._serving = self._serving_of(config, server_state, loop)
        return Greeter(serving, app_state)

    def as_class(self) -> type[asyncio.Protocol]:
        """Return this as the class that Uvicorn asks for: it does no more than call it."""
        return cast("type[asyncio.Protocol]", self)

    def _serving_of(
        self, config: Config, state: ServerState, loop: asyncio.AbstractEventLoop
    ) -> Serving:
        if not config.loaded:
            config.load()
        limits, turns = self.limits, self._turns
        upgrade = Upgrade(config, state, loop, limits.handshake_timeout, turns)
        return Serving(limits, self._connection_limit, turns, config, state, loop, upgrade)
