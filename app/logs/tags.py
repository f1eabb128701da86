"""What a caller adds to a line with `extra={"tags": {"code": 1000}}`, as lines can have it."""

import functools
import math
from collections.abc import Mapping
from typing import Final

from app.logs.escaping import cut, escape_tskv_key

_FIELDS: Final = frozenset(
    (
        "timestamp",
        "level",
        "logger",
        "module",
        "service",
        "trace_id",
        "handler",
        "process_id",
        "thread_id",
        "thread_name",
        "text",
        "exception",
    )
)
"""What lines have beside tags."""


def plain_tags(tags: object) -> dict[str, object]:
    """Return tags under names that no field has, with values that JSON knows."""
    # Libraries may have attributes of this name that are something else.
    items = tags.items() if isinstance(tags, Mapping) else [("tags", tags)]
    return {tag_name(str(key)): plain(value) for key, value in items}


@functools.lru_cache(maxsize=1024)
def tag_name(name: str) -> str:
    """Return the name of a tag: it adds to the fields, and never takes the place of one."""
    while escape_tskv_key(name) in _FIELDS:
        name += "_"
    return name


def plain(value: object) -> object:
    """Return a value that JSON knows, be it as text."""
    kind = type(value)
    if kind is int or kind is bool or value is None:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    return cut(value if kind is str else str(value))  # type: ignore[arg-type]
