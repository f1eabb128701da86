"""Asks a config service something, over HTTP."""

import asyncio
import logging
import os
import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Generic, Protocol

import httpx

from app.config_updates.answers import A, parse_answer, printable, shown
from app.config_updates.back_off import parse_retry_after, pause
from app.config_updates.config_url import ServiceUrl
from app.config_updates.errors import UpdateError
from app.http_client.clients import Clients
from app.http_client.proxy import shown_proxy
from app.static_config.duration import written_duration

logger = logging.getLogger(__name__)

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Bytes of an answer, at most."""

LONG: Final = 256 * 1024
"""Bytes of an answer that is not parsed in between other things, but in a thread."""

_PLAIN: Final = "identity"


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a config service is asked for one update, and how.

    Args:
        count: Attempts, at most; from 1.
        timeout: Seconds for each of them, from connecting to the end of the answer.
        fallback_to_no_proxy: Whether one that fails through a proxy is made again without it.
    """

    count: int
    timeout: float
    fallback_to_no_proxy: bool


@dataclass(frozen=True, slots=True)
class _Way:
    """How a config service is asked: what by, what errors call it, and what they hint at."""

    client: httpx.AsyncClient
    name: str
    hint: str


class Question(Protocol):
    """What a config service is asked."""

    def body(self) -> str:
        """Return it as JSON."""


class ConfigClient(Generic[A]):
    """Asks one config service one kind of question; one at a time, and on one event loop.

    Args:
        url: Where.
        answer: What the answers are.
        attempts: How often, and how.
        proxy: Returns the proxy of this moment, as `Proxy` is written.
        chance: Returns numbers from 0 up to 1, which spread the attempts.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        url: ServiceUrl,
        answer: type[A],
        attempts: Attempts,
        proxy: Callable[[], str],
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url: Final = url
        self._answer: Final = answer
        self._attempts: Final = attempts
        self._proxy: Final = proxy
        self._chance: Final = chance
        self._sleep: Final = sleep
        self._clients: Final = Clients()
        # What the proxy failed with when it did without; the same again is not logged again.
        self._told = ""

    @property
    def url(self) -> str:
        """What to call the place that is asked: its URL without secrets."""
        return self._url.shown

    async def ask(self, question: Question, /, *, briefly: bool = False) -> A:
        """Return the answer to a question.

        Args:
            question: The question.
            briefly: Whether one attempt is enough.

        Raises:
            UpdateError: there is none, or none of the protocol.
        """
        body, count = question.body(), 1 if briefly else self._attempts.count
        for attempt in range(1, count):
            try:
                return await self._attempt(body)
            except _TemporaryError as error:
                await self._sleep(pause(attempt, self._chance(), error.retry_after))
        try:
            return await self._attempt(body)
        except _TemporaryError as error:
            raise UpdateError(f"{error} (attempts: {count})" if count > 1 else str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._clients.close()

    async def _attempt(self, body: str) -> A:
        proxy = self._proxy()
        client = await self._clients.through(proxy)
        if not proxy:
            return await self._post(self._directly(client), body)
        name = f"{self.url} through the proxy {shown_proxy(proxy)} (USERVER_HTTP_PROXY)"
        way = _Way(client, name, "see whether the proxy is there")
        if not self._attempts.fallback_to_no_proxy:
            return await self._post(way, body)
        try:
            answer = await self._post(way, body)
        except UpdateError as error:
            self._tell(f"the proxy is done without: {error}")
        else:
            self._told = ""
            return answer
        return await self._post(self._directly(self._clients.direct()), body)

    def _directly(self, client: httpx.AsyncClient) -> _Way:
        return _Way(client, self.url, "see config-url, and whether the config service is there")

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            logger.warning("%s", text)

    async def _post(self, way: _Way, body: str) -> A:
        try:
            async with asyncio.timeout(self._attempts.timeout):
                response, data = await self._exchange(way.client, body)
        except TimeoutError:
            timeout = written_duration(self._attempts.timeout)
            text = f"no whole answer within {timeout}, see http-timeout"
            raise _TemporaryError(f"{way.name}: {text}") from None
        except (httpx.TransportError, OSError) as error:
            raise _TemporaryError(f"{way.name}: {_reason(error)}; {way.hint}") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UpdateError(f"{way.name}: {_reason(error)}") from None
        _raise_if_refused(response, data, way.name)
        if len(data) <= LONG:
            return parse_answer(data, way.name, self._answer)
        return await asyncio.to_thread(parse_answer, data, way.name, self._answer)

    async def _exchange(self, client: httpx.AsyncClient, body: str) -> tuple[httpx.Response, bytes]:
        """Return the answer, and so much of its body as may be read, and one byte."""
        async with client.stream(
            "POST",
            self._url.url,
            content=body,
            headers={**_HEADERS, **self._url.headers},
            auth=self._url.auth,
        ) as response:
            data = bytearray()
            async for chunk in response.aiter_raw():
                data += chunk
                if len(data) > MAX_ANSWER:
                    break
            return response, bytes(data[: MAX_ANSWER + 1])


# What is compressed may be of any length when it is not any more.
_HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": _PLAIN,
}


def _raise_if_refused(response: httpx.Response, data: bytes, name: str) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        encoding = response.headers.get("Content-Encoding", _PLAIN)
        if encoding.lower() != _PLAIN:
            text = f"the answer is encoded ({printable(encoding)}), which was not asked for"
            raise UpdateError(f"{name}: {text}")
        if len(data) > MAX_ANSWER:
            text = f"the answer has more than {MAX_ANSWER // 1024**2} MiB"
            raise UpdateError(f"{name}: {text}; see load-only-my-values")
        return
    text = f"{name}: answered {status}: {shown(data)}{_hint(response)}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _TemporaryError(text, parse_retry_after(response.headers.get("Retry-After", "")))
    raise UpdateError(text)


class _TemporaryError(UpdateError):
    """Another attempt may go well, so many seconds later at the earliest."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


_HINTS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "; see token, or the user and the password in config-url",
    HTTPStatus.FORBIDDEN: "; see token, or the user and the password in config-url",
    HTTPStatus.NOT_FOUND: "; see config-url and append-path-to-url",
    HTTPStatus.METHOD_NOT_ALLOWED: "; see config-url and append-path-to-url",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "; see the user and the password in"
    " USERVER_HTTP_PROXY",
}


def _hint(response: httpx.Response) -> str:
    if response.has_redirect_location:
        location = printable(response.headers["Location"])
        return f"; redirects are not followed, this one leads to {location}: see config-url"
    return _HINTS.get(response.status_code, "")


def _reason(error: Exception) -> str:
    """Return what the operating system says, if it was that, and not what libraries make of it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, _OWN_NUMBERS):
            return os.strerror(cause.errno)
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]  # of several addresses that were tried, the first one
        else:
            cause = cause.__cause__ or cause.__context__
    return printable(str(error)) or type(error).__name__


_OWN_NUMBERS: Final = (ssl.SSLError, socket.gaierror)
"""Errors whose numbers are not the operating system's."""
