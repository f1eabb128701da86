"""WebSocket clients on httpx-ws."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from httpx_ws import WebSocketDisconnect, WebSocketSession, WebSocketUpgradeError, connect_ws

TIMEOUT = 10.0
"""Seconds that a client waits for anything."""


@contextlib.contextmanager
def connected(
    url: str, client: httpx.Client | None = None, **options: Any
) -> Iterator[WebSocketSession]:
    """Open a WebSocket connection until the block is left."""
    session: WebSocketSession
    with connect_ws(url, client, **options) as session:
        yield session


def refusal(url: str) -> httpx.Response:
    """Return the HTTP response that refuses a WebSocket connection."""
    with pytest.raises(WebSocketUpgradeError) as refused, connected(url):
        pass
    return refused.value.response


def close_of(session: WebSocketSession) -> WebSocketDisconnect:
    """Return what the server closes the connection with; nothing may come before it."""
    with pytest.raises(WebSocketDisconnect) as closed:
        session.receive(TIMEOUT)
    return closed.value
