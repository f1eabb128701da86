r"""Turns records into lines: readable ones, tskv, JSON.

A line has the fields of the record and of its connection (`app.logs.context`), then the tags that
the caller gave with `extra={"tags": {"code": 1000}}`, in this order, then an exception.
"""

import json
import logging
import math
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from app.logs.context import LINE_CONTEXT
from app.logs.escaping import cut, escape_json, escape_text, escape_tskv, escape_tskv_key

FormatName = Literal["text", "tskv", "json"]

Fields = dict[str, object]

LineFormat = Callable[[logging.LogRecord], bytes]
"""Returns the line of a record, with the end of the line, in UTF-8."""


def line_format(name: FormatName, service: str) -> LineFormat:
    """Return the format of this name, for the lines of a service; "" if the service has no name.

    It never fails because of what is in a record: one that cannot be formatted, because its
    arguments do not fit its message, for instance, makes a line that says so.
    """
    render = _RENDERERS[name]

    def format_record(record: logging.LogRecord) -> bytes:
        try:
            return render(_fields(record, service)).encode()
        except Exception as error:
            return render(_fields(_misfit(record, error), service)).encode()

    return format_record


def _fields(record: logging.LogRecord, service: str) -> Fields:
    """Return all that a line says, in its order."""
    fields: Fields = {
        "timestamp": datetime.fromtimestamp(record.created).isoformat(timespec="microseconds"),
        "level": record.levelname,
        "logger": record.name,
        "module": f"{record.funcName} ( {record.filename}:{record.lineno} )",
    }
    if service:
        fields["service"] = service
    context = LINE_CONTEXT.get()
    if context is not None:
        fields["trace_id"] = context.trace_id
        if context.handler:
            fields["handler"] = context.handler
    fields["process_id"] = record.process
    fields["thread_id"] = f"0x{record.thread or 0:016x}"
    fields["thread_name"] = record.threadName
    fields["text"] = cut(record.getMessage())
    tags = record.__dict__.get("tags")
    if tags is not None:
        _add_tags(fields, tags)
    if record.exc_info or record.exc_text or record.stack_info:
        fields[_EXCEPTION] = cut(_exception(record))
    return fields


_EXCEPTION = "exception"
_OF_THE_RECORD = frozenset(
    (
        "timestamp",
        "level",
        "logger",
        "module",
        "service",
        "process_id",
        "thread_id",
        "thread_name",
        "text",
    )
)
_NAMES = _OF_THE_RECORD | {"trace_id", "handler", _EXCEPTION}


def _add_tags(fields: Fields, tags: object) -> None:
    # Libraries may have attributes of this name that are something else.
    items = tags.items() if isinstance(tags, Mapping) else [("tags", tags)]
    for key, value in items:
        name = str(key)
        # A tag adds to the fields; it never takes the place of one.
        while escape_tskv_key(name) in _NAMES:
            name += "_"
        fields[name] = cut(value) if isinstance(value, str) else _plain(value)


def _plain(value: object) -> object:
    """Return a value that JSON knows, be it as text."""
    if value is None or type(value) in (bool, int):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    return cut(str(value))


def _exception(record: logging.LogRecord) -> str:
    parts = [record.stack_info or ""]
    if record.exc_info and record.exc_info[0]:
        parts += traceback.format_exception(*record.exc_info)
    elif record.exc_text:
        parts.append(record.exc_text)
    return "\n".join(part.rstrip("\n") for part in parts if part)


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


def _render_text(fields: Fields) -> str:
    """Render for a terminal.

    There is a TAB before each tag and in no value, and only the first line of a record begins with
    anything but a space: neither a tag nor a record can be forged.
    """
    shown = {name: escape_text(str(value)) for name, value in fields.items() if name != _EXCEPTION}
    head = (
        f"{shown['timestamp'].replace('T', ' ')} {shown['level']:<8}"
        f" {shown.get('service', '')}[{shown['process_id']} {shown['thread_name']}]"
        f" {shown['logger']}: {shown['text']}"
    )
    tags = [
        f"\t{escape_text(name)}={value}"
        for name, value in shown.items()
        if name not in _OF_THE_RECORD
    ]
    lines = str(fields[_EXCEPTION]).split("\n") if _EXCEPTION in fields else []
    return "".join([head, *tags, "\n", *[f"    {escape_text(line)}\n" for line in lines]])


def _render_tskv(fields: Fields) -> str:
    parts = [f"{escape_tskv_key(key)}={escape_tskv(str(value))}" for key, value in fields.items()]
    return "\t".join(["tskv", *parts]) + "\n"


def _render_json(fields: Fields) -> str:
    return escape_json(_encode(fields)) + "\n"


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_RENDERERS: Final[Mapping[FormatName, Callable[[Fields], str]]] = {
    "text": _render_text,
    "tskv": _render_tskv,
    "json": _render_json,
}
