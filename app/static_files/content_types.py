"""The content type of a file, by the end of its name. Pure."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

OTHERS: Final = "__default__"
"""Stands in a map for all files that no other entry is for."""


def content_type_of(file_name: str, types: Mapping[str, str]) -> str | None:
    """Return the value of the header `Content-Type` for a file; None if no entry is for it.

    Text is said to be in UTF-8, unless the entry says something else.

    Args:
        file_name: Only its end counts: `.tar.gz` before `.gz`, and neither for a name that is
            nothing else.
        types: Media types by ends of names, with their dot; that of OTHERS is for all others.
    """
    suffixes = PurePosixPath(file_name).suffixes
    ends = ["".join(suffixes[start:]) for start in range(len(suffixes))]
    found = next((types[end] for end in (*ends, OTHERS) if end in types), None)
    return found if found is None else _with_charset(found)


def check_media_type(value: str) -> str:
    """Return `value` if it is a media type, with or without parameters (RFC 9110 section 8.3.1).

    Raises:
        ValueError: it is none.
    """
    if not _MEDIA_TYPE.fullmatch(value):
        raise ValueError("expected a media type, as 'text/html'")
    return value


def check_end(value: str) -> str:
    """Return `value` if it may stand for files: the end of a name with its dot, or OTHERS.

    Raises:
        ValueError: it may not.
    """
    if value != OTHERS and not _END.fullmatch(value):
        raise ValueError(f"expected the end of a file's name, as '.html', or {OTHERS!r}")
    return value


def _with_charset(media_type: str) -> str:
    lower = media_type.lower()
    if not lower.startswith("text/") or "charset=" in lower:
        return media_type
    return f"{media_type}; charset=utf-8"


_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}(?: *; *{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))*")

_END: Final = re.compile(r"(?:\.[^./]+)+")
