"""Connects to the service's WebSocket handlers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import httpx
from httpx_ws import AsyncWebSocketSession, WebSocketUpgradeError, aconnect_ws

from app.testsuite.connection import ClientConnection, HandshakeRefused

Headers = Mapping[str, str] | Sequence[tuple[str, str]]

LEAVE_TIMEOUT: Final = 1.0
"""Seconds that the other side has to notice that a client has left, before it is cut off."""


class WebSocketClient:
    """Makes connections; `websocket_client` is one for the service, and yours may be for others.

    Args:
        base_url: Where the service is, such as "http://127.0.0.1:8080".
        timeout: Seconds for each wait of a connection.
    """

    def __init__(self, base_url: str, timeout: float = 10.0) -> None:
        self._base_url: Final = base_url
        self._timeout: Final = timeout

    @contextlib.asynccontextmanager
    async def get(
        self,
        path: str,
        *,
        headers: Headers | None = None,
        subprotocols: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[ClientConnection]:
        """Open a connection until the block is left, which closes it with 1000.

        Leaving does not wait for the service to answer the close; `close()` does.

        Args:
            path: Path and query, such as "chat" or "/rooms/7?user=ann".
            headers: Further headers of the handshake.
            subprotocols: What to offer, the most wanted first.
            timeout: Seconds for each wait of this connection.

        Raises:
            HandshakeRefused: the service answered, but with something else than 101.
            httpx.TransportError: it could not be reached.
            TimeoutError: it has not answered in time.
        """
        seconds = self._timeout if timeout is None else timeout
        opened: asyncio.Future[ClientConnection] = asyncio.get_running_loop().create_future()
        # httpx-ws's session is a scope of cancellation, and wraps what is raised in it into groups.
        # In a task of its own it does neither to the test, and the block may also be a fixture's.
        home = asyncio.create_task(self._live(path, headers, subprotocols, seconds, opened))
        either: set[asyncio.Future[Any]] = {home, opened}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if home.done():
                home.result()
            if not opened.done():
                raise TimeoutError(f"{path}: no answer to the handshake within {seconds:g} s")
            yield opened.result()
        finally:
            await _leave(home, opened)

    async def _live(
        self,
        path: str,
        headers: Headers | None,
        subprotocols: Sequence[str] | None,
        timeout: float,
        opened: asyncio.Future[ClientConnection],
    ) -> None:
        """Hold one connection from its handshake to its end."""
        session: AsyncWebSocketSession
        async with self._client(timeout) as client:
            url = f"{client.base_url.copy_with(scheme='ws')}/{path.lstrip('/')}"
            try:
                async with aconnect_ws(
                    path,
                    client,
                    headers=httpx.Headers(headers),
                    subprotocols=None if subprotocols is None else list(subprotocols),
                    # A test sees the frames that it asks for, and no others.
                    keepalive_ping_interval_seconds=None,
                    timeout=timeout,
                ) as session:
                    connection = ClientConnection(session, url, timeout)
                    opened.set_result(connection)
                    await connection.hold()
            except WebSocketUpgradeError as refusal:
                opened.set_exception(HandshakeRefused(refusal.response))

    def _client(self, timeout: float) -> httpx.AsyncClient:
        """Return an HTTP client for one connection."""
        return http_client(self._base_url, timeout)


async def _leave(home: asyncio.Task[None], opened: asyncio.Future[ClientConnection]) -> None:
    if opened.done() and opened.exception() is None:
        opened.result().leave()
        await asyncio.wait({home}, timeout=LEAVE_TIMEOUT)
    home.cancel()
    await asyncio.wait({home}, timeout=LEAVE_TIMEOUT)
    if home.done() and not home.cancelled():
        home.result()


def http_client(base_url: str, timeout: float) -> httpx.AsyncClient:
    """Return an HTTP client for a service at `base_url`; it asks no proxy."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        trust_env=False,
        event_hooks={"response": [_read_refusal]},
    )


async def _read_refusal(response: httpx.Response) -> None:
    """Read the body of an answer while there is a stream to read it from."""
    if response.status_code != httpx.codes.SWITCHING_PROTOCOLS:
        await response.aread()
