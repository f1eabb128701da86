"""Clients of outgoing HTTP, by the proxy that they go through."""

import logging
import ssl
from typing import Final

import httpx

from app.http_client.proxy import proxy_url

_LIMITS: Final = httpx.Limits(keepalive_expiry=2.0)
"""Idle connections are kept for less time than servers usually keep them: 5 s."""

_NONE: Final = ""
"""As a proxy: none."""

_NOISY: Final = ("httpx", "httpcore")
"""Loggers that have several lines for each request."""


class Clients:
    """One client without a proxy, and one through the last proxy that was asked for.

    They take nothing from the environment but the certificate authorities, which OpenSSL finds
    ($SSL_CERT_FILE, or those of the system); follow no redirects; and wait for ever: whoever uses
    them bounds that. Belongs to one event loop; one request at a time.
    """

    def __init__(self) -> None:
        self._clients: Final[dict[str, httpx.AsyncClient]] = {}
        self._verify: ssl.SSLContext | None = None

    async def through(self, proxy: str) -> httpx.AsyncClient:
        """Return the client that goes through a proxy, as `Proxy` is written; "" is none.

        That for another proxy, of which this one takes the place, is closed.
        """
        for former in self._clients.keys() - {_NONE, proxy}:
            await self._clients.pop(former).aclose()
        return self._client(proxy)

    def direct(self) -> httpx.AsyncClient:
        """Return the client that goes through no proxy."""
        return self._client(_NONE)

    async def close(self) -> None:
        """Close all connections."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()

    def _client(self, proxy: str) -> httpx.AsyncClient:
        if proxy not in self._clients:
            self._clients[proxy] = self._make(proxy)
        return self._clients[proxy]

    def _make(self, proxy: str) -> httpx.AsyncClient:
        if self._verify is None:
            self._verify = ssl.create_default_context()
        return httpx.AsyncClient(
            proxy=_proxy(proxy, self._verify) if proxy else None,
            verify=self._verify,
            trust_env=False,
            timeout=None,
            limits=_LIMITS,
        )


def _proxy(text: str, verify: ssl.SSLContext) -> httpx.Proxy:
    url = proxy_url(text)
    return httpx.Proxy(url, ssl_context=verify if url.scheme == "https" else None)


def quieten_libraries() -> None:
    """Let the libraries beneath log warnings only, where nobody has chosen a level for them."""
    for name in _NOISY:
        library = logging.getLogger(name)
        if library.level == logging.NOTSET:
            library.setLevel(logging.WARNING)
