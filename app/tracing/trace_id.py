"""The id that the lines and spans of one request have in common, in all services it passes."""

import random
import re
from collections.abc import Iterable

# Version, trace id, parent id, flags; versions above 00 may have more behind them (W3C Trace
# Context, section 3.2).
_TRACEPARENT = re.compile(
    rb"(?!ff)(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}"
    rb"|(?!00)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?)"
)


def trace_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the trace id of a request: 32 lower-case hexadecimal digits, not all zero.

    It is that of the `traceparent` header. Without exactly one that is valid it is a new one.

    Args:
        headers: As ASGI has them: names in lower case, one pair for each line.
    """
    values = [value for name, value in headers if name == b"traceparent"]
    if len(values) != 1:
        return new_trace_id()
    return parse_traceparent(values[0]) or new_trace_id()


def parse_traceparent(value: bytes) -> str | None:
    """Return the trace id in a `traceparent` header; None if the header is not valid."""
    match = _TRACEPARENT.fullmatch(value.strip(b" \t"))
    if match is None:
        return None
    trace_id, parent_id = (group.decode() for group in match.groups() if group is not None)
    return trace_id if trace_id.strip("0") and parent_id.strip("0") else None


def new_trace_id() -> str:
    """Return a random trace id: no secret, so no system call is made for it."""
    # The one in 2**128 that is all zero is no id.
    return f"{random.getrandbits(128) or 1:032x}"
