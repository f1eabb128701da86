import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config_updates.answers import parse_answer, printable, shown
from app.config_updates.errors import UpdateError
from app.config_updates.protocol import ValuesAnswer

URL = "http://configs/configs/values"
GOOD = {"configs": {"A": 1}, "updated_at": "2026"}


def refusal(data: bytes) -> str:
    with pytest.raises(UpdateError) as caught:
        parse_answer(data, URL, ValuesAnswer)
    return str(caught.value)


def refusal_if_any(data: bytes) -> str:
    """Return why bytes are refused; only the URL if they are not."""
    try:
        parse_answer(data, URL, ValuesAnswer)
    except UpdateError as error:
        return str(error)
    return URL


def test_answer_has_values_a_time_and_names_that_were_removed() -> None:
    answer = parse_answer(json.dumps({**GOOD, "removed": ["B"]}).encode(), URL, ValuesAnswer)

    assert (answer.configs, answer.updated_at, answer.removed) == ({"A": 1}, "2026", ["B"])


def test_names_that_were_removed_may_be_missing_and_more_may_be_there() -> None:
    answer = parse_answer(json.dumps({**GOOD, "kill_switches": []}).encode(), URL, ValuesAnswer)

    assert answer.removed == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], ": expected a mapping (got an empty list)"),
        ({}, ": configs: required, but not there; "),
        ({"configs": {}}, ": updated_at: required, but not there"),
        ({**GOOD, "configs": []}, ": configs: expected a mapping (got an empty list)"),
        ({**GOOD, "configs": None}, ": configs: expected a mapping (got nothing)"),
        ({**GOOD, "updated_at": 7}, ": updated_at: expected a text (got 7)"),
        ({**GOOD, "updated_at": None}, ": updated_at: expected a text (got nothing)"),
        ({**GOOD, "removed": "A"}, ": removed: expected a list (got 'A')"),
        ({**GOOD, "removed": None}, ": removed: expected a list (got nothing)"),
        ({**GOOD, "removed": [1]}, ": removed.0: expected a text (got 1)"),
    ],
)
def test_what_is_not_of_the_protocol_is_named(value: object, text: str) -> None:
    assert refusal(json.dumps(value).encode()).startswith(URL + text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not valid JSON: Expecting value: line 1 column 1 (char 0) (got '')"),
        (b"<html>oops</html>", "(got '<html>oops</html>')"),
        (b'{"configs": {"A": NaN}, "updated_at": ""}', "not valid JSON: NaN is no value"),
        (b'{"configs": {"A": -Infinity}, "updated_at": ""}', "-Infinity is no value"),
        (b'{"configs": {"A": 1e999}, "updated_at": ""}', "1e999 is too large"),
        (b'{"configs"', "not valid JSON"),
        (b"\xff\xfe\x00\xd8", "not valid JSON"),
        (b"[" * 10**6, "nested too deeply"),
        (b'{"configs": {"A": ' + b"9" * 5000 + b'}, "updated_at": ""}', "not valid JSON"),
    ],
)
def test_what_is_no_json_is_told(data: bytes, text: str) -> None:
    assert text in refusal(data)


def test_what_is_told_of_an_answer_is_short_and_printable() -> None:
    text = refusal(b"\x1b[2J\r\nforged" + b"x" * 10**6)

    assert text.isprintable()
    assert "\\x1b[2J\\r\\nforgedxxx" in text
    assert len(text) < 500


@given(st.binary())
def test_any_bytes_are_an_answer_or_are_refused_in_one_line(data: bytes) -> None:
    text = refusal_if_any(data)

    assert text.startswith(URL)
    assert text.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries({}, optional={"configs": JSON, "updated_at": JSON, "removed": JSON})
    | JSON
)
def test_any_json_is_an_answer_or_is_refused_in_one_line(value: object) -> None:
    text = refusal_if_any(json.dumps(value).encode())

    assert text.startswith(URL)
    assert text.isprintable()


@given(st.binary())
def test_shown_bytes_are_printable_and_short(data: bytes) -> None:
    assert shown(data * 300).isprintable()
    assert len(shown(data * 300)) <= 200 * len("\\U00010000") + len("''")


@given(st.text())
def test_printable_text_is_that(text: str) -> None:
    assert printable(text).isprintable()
