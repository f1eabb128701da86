"""The URL of a config service."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

import httpx
from pydantic import AfterValidator

from app.static_config.errors import OptionError


@dataclass(frozen=True, slots=True)
class ServiceUrl:
    """Where to ask a config service something, and as whom.

    Args:
        url: Without user and password.
        auth: User and password, if the config service wants them.
        token: A token, if it wants that instead.
    """

    url: httpx.URL
    auth: tuple[str, str] | None = field(repr=False)
    token: str | None = field(repr=False)

    @classmethod
    def of(cls, config_url: str, path: str | None, token: str | None = None) -> Self:
        """Return the URL for a `config-url`, with a path of the protocol behind it or as it is.

        Raises:
            OptionError: it is no such URL. It is not told, for there may be a password in it.
        """
        url = _parse(config_url)
        auth = (url.username, url.password) if url.userinfo else None
        whole = url.path if path is None else url.path.rstrip("/") + path
        return cls(url.copy_with(username=None, password=None, path=whole), auth, token)

    @property
    def headers(self) -> Mapping[str, str]:
        """What says as whom, beside `auth`."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    @property
    def shown(self) -> str:
        """What to call it: without a query, in which there may be a key."""
        return str(self.url.copy_with(query=None))


def _check(text: str) -> str:
    _parse(text)
    return text


ConfigUrl = Annotated[str, AfterValidator(_check)]
"""An http or https URL."""

_MAX_PORT: Final = 65535

_HOST: Final = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+")


def _parse(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise _refusal() from None
    is_good = (
        url.scheme in ("http", "https")
        and _HOST.fullmatch(url.host)
        and (url.port is None or 0 < url.port <= _MAX_PORT)
        and not url.fragment
        and not re.search(r"\s", text)
    )
    if not is_good:
        raise _refusal()
    return url


def _refusal() -> OptionError:
    text = "expected an http or https URL, as http://configs.example:8083"
    return OptionError({(): text})
