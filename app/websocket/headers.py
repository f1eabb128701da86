"""Headers of HTTP."""

from collections.abc import Sequence

Headers = Sequence[tuple[bytes, bytes]]
"""As ASGI has them: one pair for each line; the names of a request's are in lower case."""
