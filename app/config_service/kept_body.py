"""The body of an answer that is kept until something changes."""

from collections.abc import Callable, Hashable

from starlette.responses import JSONResponse

from app.config_service.forms import Form


class KeptBody:
    """The last body that was made: it may be long, and who looks at it asks for it again."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._body = b""

    def find(self, key: Hashable, make: Callable[[], Form]) -> bytes:
        """Return what `make` returns, as JSON; what was made for the same key is not made again."""
        if key != self._key:
            # Of two long ones there is no room.
            self._key, self._body = None, b""
            self._body = bytes(JSONResponse(make()).body)
            self._key = key
        return self._body
