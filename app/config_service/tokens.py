"""Who may do what: tokens, each with the name of who has it."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field
from starlette.requests import Request

from app.handlers.json_error import JsonError

WhoseToken = Annotated[str, Field(min_length=1, max_length=100)]
"""The name of who has a token."""


class Tokens:
    """The tokens that there are.

    Args:
        tokens: The token of each name.
        option: The option of `config-store` where they stand.
    """

    def __init__(self, tokens: Mapping[str, str], option: str = "tokens") -> None:
        self._digests: Final = {who: _digest(token) for who, token in tokens.items()}
        self._option: Final = option

    def __bool__(self) -> bool:
        return bool(self._digests)

    def who(self, request: Request) -> str:
        """Return the name of who has the token of a request.

        How long that takes says nothing about any token.

        Raises:
            JsonError: nobody has it, or the request has none.
        """
        if not self._digests:
            raise _unauthorized(f"the static config has no tokens: config-store.{self._option}")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorized("a token is required: 'Authorization: Bearer TOKEN'")
        digest = _digest(token.strip())
        # All of them are compared, whichever it is.
        found = [who for who, each in self._digests.items() if hmac.compare_digest(each, digest)]
        if not found:
            raise _unauthorized("nobody has this token", ' error="invalid_token"')
        return found[0]


def same_tokens(*options: Mapping[str, str]) -> tuple[str, str] | None:
    """Return two names that have the same token, of all that stand in some options."""
    names: dict[str, str] = {}
    for who, token in (item for tokens in options for item in tokens.items()):
        if token in names:
            return names[token], who
        names[token] = who
    return None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _unauthorized(message: str, error: str = "") -> JsonError:
    challenge = f'Bearer realm="config"{"," if error else ""}{error}'
    return JsonError(401, "unauthorized", message, {"WWW-Authenticate": challenge})
