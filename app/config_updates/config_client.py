"""Asks a config service for values, over HTTP."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from app.config_updates.answers import parse_answer, printable, shown
from app.config_updates.back_off import parse_retry_after, pause
from app.config_updates.config_url import ValuesUrl
from app.config_updates.errors import UpdateError
from app.config_updates.protocol import ValuesAnswer, ValuesRequest
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


class ConfigClient:
    """Asks one config service; one request at a time, and on one event loop.

    Args:
        values_url: Where.
        attempts: How often, and how.
        proxy: Returns the proxy of this moment, as `Proxy` is written.
        chance: Returns numbers from 0 up to 1, which spread the attempts.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        values_url: ValuesUrl,
        attempts: Attempts,
        proxy: Callable[[], str],
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._values_url: Final = values_url
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
        return self._values_url.shown

    async def ask(self, request: ValuesRequest) -> ValuesAnswer:
        """Return the answer to a request.

        Raises:
            UpdateError: there is none, or none of the protocol.
        """
        for attempt in range(1, self._attempts.count):
            try:
                return await self._attempt(request)
            except _TemporaryError as error:
                await self._sleep(pause(attempt, self._chance(), error.retry_after))
        try:
            return await self._attempt(request)
        except _TemporaryError as error:
            count = self._attempts.count
            raise UpdateError(f"{error} (attempts: {count})" if count > 1 else str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._clients.close()

    async def _attempt(self, request: ValuesRequest) -> ValuesAnswer:
        proxy = self._proxy()
        through_proxy = await self._clients.through(proxy)
        if not proxy or not self._attempts.fallback_to_no_proxy:
            return await self._post(through_proxy, request)
        try:
            answer = await self._post(through_proxy, request)
        except UpdateError as error:
            self._tell(f"the proxy {shown_proxy(proxy)} is done without: {error}")
            return await self._post(self._clients.direct(), request)
        self._told = ""
        return answer

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            logger.warning("%s", text)

    async def _post(self, client: httpx.AsyncClient, request: ValuesRequest) -> ValuesAnswer:
        try:
            async with asyncio.timeout(self._attempts.timeout):
                response, body = await self._exchange(client, request)
        except TimeoutError:
            timeout = written_duration(self._attempts.timeout)
            text = f"no whole answer within {timeout}, see http-timeout"
            raise _TemporaryError(f"{self.url}: {text}") from None
        except (httpx.TransportError, OSError) as error:
            text = f"{_reason(error)}; see config-url, and whether the config service is there"
            raise _TemporaryError(f"{self.url}: {text}") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UpdateError(f"{self.url}: {_reason(error)}") from None
        self._raise_if_refused(response, body)
        return parse_answer(body, self.url)

    async def _exchange(
        self, client: httpx.AsyncClient, request: ValuesRequest
    ) -> tuple[httpx.Response, bytes]:
        """Return the answer, and so much of its body as may be read, and one byte."""
        async with client.stream(
            "POST",
            self._values_url.url,
            content=request.model_dump_json(exclude_none=True),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            auth=self._values_url.auth,
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    break
            return response, bytes(body[: MAX_ANSWER + 1])

    def _raise_if_refused(self, response: httpx.Response, body: bytes) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            if len(body) > MAX_ANSWER:
                text = f"the answer has more than {MAX_ANSWER // 1024**2} MiB"
                raise UpdateError(f"{self.url}: {text}; see load-only-my-values")
            return
        text = f"{self.url}: answered {status}: {shown(body)}{_hint(response)}"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise _TemporaryError(text, parse_retry_after(response.headers.get("Retry-After", "")))
        raise UpdateError(text)


class _TemporaryError(UpdateError):
    """Another attempt may go well, so many seconds later at the earliest."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


_HINTS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "; see the user and the password in config-url",
    HTTPStatus.FORBIDDEN: "; see the user and the password in config-url",
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
