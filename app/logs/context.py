"""What each line says about the connection that it was logged for."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from app.tracing.trace_id import trace_id_of


@dataclass(frozen=True, slots=True)
class LineContext:
    """The fields that all lines of one connection carry.

    Args:
        handler: The section that its handler runs under; "" while it is not known.
        trace_id: 32 lower-case hexadecimal digits, see `app.tracing.trace_id`.
    """

    handler: str
    trace_id: str


LINE_CONTEXT: Final[ContextVar[LineContext | None]] = ContextVar("line_context", default=None)
"""Set it in the task of a connection: it is read in the thread that logs, when it logs. Tasks that
this one starts, and what it runs on a task processor, inherit it."""


def enter_request(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Let the lines of this task be those of a new request, with the trace id of its headers."""
    LINE_CONTEXT.set(LineContext("", trace_id_of(headers)))


def enter_handler(handler: str, headers: Iterable[tuple[bytes, bytes]]) -> LineContext:
    """Let the lines of this task carry the handler, and the trace id that the request has."""
    request = LINE_CONTEXT.get()
    if request is not None and request.handler == handler:
        return request
    trace_id = trace_id_of(headers) if request is None else request.trace_id
    context = LineContext(handler, trace_id)
    LINE_CONTEXT.set(context)
    return context
