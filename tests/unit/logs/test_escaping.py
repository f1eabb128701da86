import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.escaping import (
    MAX_CHARACTERS,
    cut,
    escape_json,
    escape_text,
    escape_tskv,
    escape_tskv_key,
)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))

BIDI_CLASSES = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
MARKS = "\u200e\u200f\u061c"


def is_unsafe(character: str) -> bool:
    """Decide by the Unicode database, not by the ranges that the code has."""
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in BIDI_CLASSES
        or character in MARKS
    )


UNSAFE = "".join(each for each in map(chr, range(0x11000)) if is_unsafe(each))


def test_every_unsafe_character_is_escaped() -> None:
    for character in UNSAFE:
        for line in (
            escape_text(character),
            escape_tskv(character),
            escape_tskv_key(character),
            escape_json(json.dumps(character, ensure_ascii=False)),
        ):
            assert line.isprintable(), ascii(character)


def test_letters_of_all_scripts_stay_readable() -> None:
    text = "grüße Привет שלום 你好 🙂 👩‍🚀"

    assert escape_text(text) == escape_tskv(text) == text
    assert escape_json(f'"{text}"') == f'"{text}"'


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("\t\r\n\0\\", r"\t\r\n\0\\"),
        ("\x1b[2J\x9b\u202e\udc80", r"\x1b[2J\x9b\u202e\udc80"),
        ("a=b", "a=b"),
    ],
)
def test_values_of_tskv_are_escaped_as_the_original_does(value: str, escaped: str) -> None:
    assert escape_tskv(value) == escaped


def test_keys_of_tskv_are_in_lower_case_without_dots_and_with_escapes() -> None:
    assert escape_tskv_key("Http.Status=\t") == r"http_status\=\t"


def test_backslashes_stay_as_they_are_for_people() -> None:
    assert escape_text(r"C:\temp") == r"C:\temp"


@given(ANY_TEXT)
def test_json_parses_back_with_the_escapes_of_half_surrogate_pairs(text: str) -> None:
    document = escape_json(json.dumps(text, ensure_ascii=False))

    expected = "".join(rf"\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)
    assert json.loads(document) == expected


@pytest.mark.parametrize("length", [0, MAX_CHARACTERS - 1, MAX_CHARACTERS])
def test_value_of_usual_length_is_not_cut(length: int) -> None:
    assert cut("x" * length) == "x" * length


def test_beginning_and_end_of_a_long_value_are_kept() -> None:
    value = cut("begin" + "x" * 2 * MAX_CHARACTERS + "end")

    assert value.startswith("begin")
    assert value.endswith("end")
    assert f" [{MAX_CHARACTERS + 8} characters left out] " in value
    assert len(value) < MAX_CHARACTERS + 100
