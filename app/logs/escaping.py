"""Keeps a value within its line and its field, whoever has chosen it.

Every format escapes what could end a line, move a terminal's cursor, turn the direction of writing
round, or not be encoded as UTF-8.
"""

import functools
from collections.abc import Mapping
from typing import Final

MAX_CHARACTERS: Final = 10_000
"""Of a value that is longer, only the beginning and the end are logged."""

_UNSAFE = (
    *range(0x20),  # C0
    *range(0x7F, 0xA0),  # DEL, C1
    0x061C,  # marks of direction, and, below, embeddings, overrides and isolates
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),  # with the separators of lines and paragraphs
    *range(0x2066, 0x2070),
)
_SURROGATES = range(0xD800, 0xE000)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


Table = Mapping[int, str]

_TEXT: Table = {
    **{code: _escape(code) for code in (*_UNSAFE, *_SURROGATES)},
    ord("\t"): r"\t",
    ord("\n"): r"\n",
    ord("\r"): r"\r",
}
_TSKV: Table = {**_TEXT, 0: r"\0", ord("\\"): r"\\"}
_TSKV_KEY: Table = {**_TSKV, ord("="): r"\=", ord("."): "_"}
# For what the encoder leaves as it is. Half a surrogate pair is no character: parsers refuse it
# even escaped, so that what is logged is the text of the escape.
_JSON: Table = {
    **{code: f"\\u{code:04x}" for code in _UNSAFE},
    **{code: f"\\\\u{code:04x}" for code in _SURROGATES},
}


def escape_text(value: str) -> str:
    """Escape for a person to read; backslashes stay as they are."""
    # All that is unsafe is not printable, and to look for that is cheap.
    return value if value.isprintable() else value.translate(_TEXT)


def escape_tskv(value: str) -> str:
    r"""Escape a value in tskv; what the original has no escape for becomes `\xHH` or `\uHHHH`."""
    if value.isprintable() and "\\" not in value:
        return value
    return value.translate(_TSKV)


@functools.lru_cache(maxsize=1024)
def escape_tskv_key(key: str) -> str:
    """Return a key as tskv has it: in lower case, without dots, escaped."""
    return key.lower().translate(_TSKV_KEY)


def escape_json(document: str) -> str:
    """Escape what a JSON encoder has left unsafe in a document."""
    return document if document.isprintable() else document.translate(_JSON)


def cut(value: str) -> str:
    """Return the value, or its beginning and its end if it is longer than MAX_CHARACTERS."""
    left_out = len(value) - MAX_CHARACTERS
    if left_out <= 0:
        return value
    half = MAX_CHARACTERS // 2
    return f"{value[:half]} [{left_out} characters left out] {value[-half:]}"
