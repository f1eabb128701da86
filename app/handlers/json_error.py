"""An answer in JSON that says what is wrong with a request."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class JsonError(Exception):
    """Raise it where a request cannot be done; `JsonHandlerBase` answers with it.

    Args:
        status: The status of the answer, from 400 on.
        code: What is wrong, for programs: a word that stays the same.
        message: What is wrong, for people.
        headers: Headers of the answer.
        details: What else is in its body, which has `code` and `message`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.details = details

    def response(self) -> JSONResponse:
        """Return the answer."""
        body = {"code": self.code, "message": self.message, **self.details}
        return JSONResponse(body, self.status, self.headers)

    def __str__(self) -> str:
        return self.message
