"""Subprotocols: what a client offers and a service knows (RFC 6455 section 1.9)."""

import re
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AfterValidator

from app.websocket.headers import Headers

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def check_subprotocol(name: str) -> str:
    """Return the name of a subprotocol.

    Raises:
        ValueError: it is no token (RFC 6455 section 4.1), so that it cannot be said in a header.
    """
    if not _TOKEN.fullmatch(name):
        raise ValueError(
            f"subprotocol {name!r} is not a name of letters, digits and !#$%&'*+-.^_`|~"
        )
    return name


def _check_distinct(names: list[str]) -> list[str]:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(f"each subprotocol stands here once, {twice[0]!r} more often")
    return names


Subprotocols = Annotated[
    list[Annotated[str, AfterValidator(check_subprotocol)]], AfterValidator(_check_distinct)
]
"""An option: names of subprotocols, the preferred first."""


def offered_subprotocols(headers: Headers) -> tuple[str, ...]:
    """Return the subprotocols that a request offers, the client's dearest first.

    What could not be said in an answer is left out, so that whichever is chosen can be sent.
    """
    values = [value for name, value in headers if name == b"sec-websocket-protocol"]
    if not values:
        return ()
    names = [name.strip(" \t") for value in values for name in value.decode("latin-1").split(",")]
    return tuple(dict.fromkeys(name for name in names if _TOKEN.fullmatch(name)))


def first_offered(known: Iterable[str], offered: Iterable[str]) -> str | None:
    """Return the first of the service's subprotocols that the client offers, or None."""
    among = frozenset(offered)
    return next((name for name in known if name in among), None) if among else None
