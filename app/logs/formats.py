r"""Turns records into lines: readable ones, tskv, JSON.

A line has the fields of the record and of its connection (`app.logs.context`), then the tags that
the caller gave with `extra={"tags": {"code": 1000}}`, in this order, then an exception.
"""

import functools
import logging
import os
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from typing_extensions import override

from app.logs.context import LINE_CONTEXT
from app.logs.escaping import cut, escape_text
from app.logs.pieces import JsonPieces, Pieces, Place, TskvPieces
from app.logs.tags import plain_tags

FormatName = Literal["text", "tskv", "json"]


class LineFormat(ABC):
    """Makes lines, each with its end, in UTF-8; for any thread."""

    def __call__(self, record: logging.LogRecord) -> bytes:
        """Return the line of a record.

        It never fails because of what is in the record: one that cannot be formatted, because its
        arguments do not fit its message, for instance, makes a line that says so.
        """
        try:
            return self._line(record).encode()
        except Exception as error:
            return self._line(_misfit(record, error)).encode()

    def line_at(self, place: Place, text: str, tags: Mapping[str, object]) -> bytes | None:
        """Return the line of a record that is made there, now, in this thread.

        None where to do without the record saves nothing. It fails if a value in `tags` does.
        """
        return None

    @abstractmethod
    def _line(self, record: logging.LogRecord) -> str: ...


def line_format(name: FormatName, service: str) -> LineFormat:
    """Return the format of this name, for the lines of a service; "" if the service has no name."""
    if name == "text":
        return _TextFormat(service)
    return _PiecesFormat((TskvPieces if name == "tskv" else JsonPieces)(service))


class _PiecesFormat(LineFormat):
    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        # Of lines at a place, which have always the same.
        self._text = functools.lru_cache(lambda text: pieces.said({"text": text}))

    @override
    def line_at(self, place: Place, text: str, tags: Mapping[str, object]) -> bytes:
        thread = (os.getpid(), threading.get_ident(), threading.current_thread().name)
        said = f"{self._text(text)}{self._pieces.tags(tags)}"
        return self._pieces.line(time.time(), place, thread, said).encode()

    @override
    def _line(self, record: logging.LogRecord) -> str:
        function, file, line = record.funcName, record.filename, record.lineno
        place = (record.levelname, record.name, function, file, line)
        thread = (record.process, record.thread, record.threadName)
        return self._pieces.line(record.created, place, thread, self._said(record))

    def _said(self, record: logging.LogRecord) -> str:
        said = self._pieces.said({"text": cut(record.getMessage())})
        tags = record.__dict__.get("tags")
        if tags is not None:
            said += self._pieces.tags(tags)
        if (exception := _exception(record)) is not None:
            said += self._pieces.said({"exception": exception})
        return said


class _TextFormat(LineFormat):
    """For a terminal.

    There is a TAB before each tag and in no value, and only the first line of a record begins with
    anything but a space: neither a tag nor a record can be forged.
    """

    def __init__(self, service: str) -> None:
        self._service = service

    @override
    def _line(self, record: logging.LogRecord) -> str:
        text, tags = cut(record.getMessage()), record.__dict__.get("tags")
        exception = _exception(record)
        moment = datetime.fromtimestamp(record.created).isoformat(" ", timespec="microseconds")
        level, service, thread, name, text = (
            escape_text(str(value))
            for value in (record.levelname, self._service, record.threadName, record.name, text)
        )
        head = f"{moment} {level:<8} {service}[{record.process} {thread}] {name}: {text}"
        fields = _of_context() if tags is None else _of_context() | plain_tags(tags)
        parts = [f"\t{escape_text(key)}={escape_text(str(fields[key]))}" for key in fields]
        lines = [] if exception is None else exception.split("\n")
        return "".join([head, *parts, "\n", *[f"    {escape_text(line)}\n" for line in lines]])


def _of_context() -> dict[str, object]:
    context = LINE_CONTEXT.get()
    if context is None:
        return {}
    handler = {"handler": context.handler} if context.handler else {}
    return {"trace_id": context.trace_id, **handler}


def _exception(record: logging.LogRecord) -> str | None:
    if not (record.exc_info or record.exc_text or record.stack_info):
        return None
    parts = [record.stack_info or ""]
    if record.exc_info and record.exc_info[0]:
        parts += traceback.format_exception(*record.exc_info)
    elif record.exc_text:
        parts.append(record.exc_text)
    return cut("\n".join(part.rstrip("\n") for part in parts if part))


def _misfit(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    """Return a record that says, in the place of `record`, that it cannot be formatted."""
    args = record.args if isinstance(record.args, tuple) else (record.args,)
    return logging.LogRecord(
        str(record.name),
        record.levelno,
        str(record.pathname),
        record.lineno,
        "this log record cannot be formatted: %s; message: %s; arguments: %s",
        (_shown(error), _shown(record.msg), ", ".join(map(_shown, args))),
        record.exc_info,
        func=record.funcName,
    )


def _shown(value: object) -> str:
    try:
        return cut(repr(value))
    except Exception:
        return f"<{type(value).__name__} without a repr>"
