"""Asks a config service something, over HTTP."""

import asyncio
import logging
import random
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
"""Bytes of an answer, at most, when it is not compressed any more."""


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

    async def ask(self, question: Question) -> A:
        """Return the answer to a question.

        Raises:
            UpdateError: there is none, or none of the protocol.
        """
        body = question.body()
        for attempt in range(1, self._attempts.count):
            try:
                return await self._attempt(body)
            except _TemporaryError as error:
                await self._sleep(pause(attempt, self._chance(), error.retry_after))
        try:
            return await self._attempt(body)
        except _TemporaryError as error:
            count = self._attempts.count
            raise UpdateError(f"{error} (attempts: {count})" if count > 1 else str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._clients.close()

    async def _attempt(self, body: str) -> A:
        proxy = self._proxy()
        through_proxy = await self._clients.through(proxy)
        if not proxy or not self._attempts.fallback_to_no_proxy:
            return await self._post(through_proxy, body)
        try:
            answer = await self._post(through_proxy, body)
        except UpdateError as error:
            self._tell(f"the proxy {shown_proxy(proxy)} is done without: {error}")
            return await self._post(self._clients.direct(), body)
        self._told = ""
        return answer

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            logger.warning("%s", text)

    async def _post(self, client: httpx.AsyncClient, body: str) -> A:
        try:
            async with asyncio.timeout(self._attempts.timeout):
                response, data = await self._exchange(client, body)
        except TimeoutError:
            timeout = written_duration(self._attempts.timeout)
            text = f"no whole answer within {timeout}, see http-timeout"
            raise _TemporaryError(f"{self.url}: {text}") from None
        except (httpx.TransportError, OSError) as error:
            text = f"{_reason(error)}; see config-url, and whether the config service is there"
            raise _TemporaryError(f"{self.url}: {text}") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UpdateError(f"{self.url}: {_reason(error)}") from None
        self._raise_if_refused(response, data)
        return parse_answer(data, self.url, self._answer)

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
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > MAX_ANSWER:
                    break
            return response, bytes(data[: MAX_ANSWER + 1])

    def _raise_if_refused(self, response: httpx.Response, data: bytes) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            if len(data) > MAX_ANSWER:
                text = f"the answer has more than {MAX_ANSWER // 1024**2} MiB"
                raise UpdateError(f"{self.url}: {text}; see load-only-my-values")
            return
        text = f"{self.url}: answered {status}: {shown(data)}{_hint(response)}"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise _TemporaryError(text, parse_retry_after(response.headers.get("Retry-After", "")))
        raise UpdateError(text)


_HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}


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
    return printable(str(error)) or type(error).__name__
