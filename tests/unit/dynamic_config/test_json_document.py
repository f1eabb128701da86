import json
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.dynamic_config.json_document import parse_json
from app.static_config.document import Document, OptionPath
from app.static_config.errors import ConfigFileError

properties = settings(max_examples=200, deadline=None)

SPACES = ["", "", "", " ", "\t", "\n", "\r\n", "\n\n  "]


def parse(text: str) -> Document:
    return parse_json(text.encode(), "v.json")


def problems(text: str) -> list[str]:
    """Return what is wrong with a document that is JSON all the same."""
    return [str(problem) for problem in parse(text).problems]


def invalid(data: str | bytes) -> str:
    """Return what is said of a text that is no JSON."""
    with pytest.raises(ConfigFileError) as caught:
        parse_json(data.encode() if isinstance(data, str) else data, "v.json")
    return str(caught.value)


def lines(text: str) -> dict[OptionPath, int | None]:
    """Return the line of each option."""
    options = parse(text).places.options
    return {path: place.line for path, place in options.items() if path}


class Writer:
    """Writes JSON with random blanks and escapes, and notes in which line each option stands."""

    def __init__(self, random: Random) -> None:
        self.text = ""
        self.lines: dict[OptionPath, int] = {}
        self._random = random

    def write(self, value: object, path: OptionPath = ()) -> None:
        if isinstance(value, dict):
            self._put("{")
            for position, (key, member) in enumerate(value.items()):
                self._separate(position)
                self._note((*path, key))
                self._scalar(key)
                self._put(":")
                self.write(member, (*path, key))
            self._put("}")
        elif isinstance(value, list):
            self._put("[")
            for position, member in enumerate(value):
                self._separate(position)
                self._note((*path, position))
                self.write(member, (*path, position))
            self._put("]")
        else:
            self._scalar(value)

    def _separate(self, position: int) -> None:
        if position:
            self._put(",")

    def _note(self, path: OptionPath) -> None:
        self.lines[path] = self.text.count("\n") + 1

    def _scalar(self, value: object) -> None:
        self._put(json.dumps(value, ensure_ascii=self._random.random() < 0.5))

    def _put(self, token: str) -> None:
        self.text += token + self._random.choice(SPACES)


def paths(value: object, path: OptionPath = ()) -> Iterator[OptionPath]:
    """Yield the paths of all options within a plain value."""
    members = enumerate(value) if isinstance(value, list) else ()
    for key, member in value.items() if isinstance(value, dict) else members:
        yield (*path, key)
        yield from paths(member, (*path, key))


texts = st.text(max_size=8) | st.sampled_from(
    ['"', "\\", '\\"', "{[,:]}", "\n", "😀", "\u2028", ""]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@properties
@given(values, st.randoms(use_true_random=False))
def test_value_is_that_of_the_json_module_and_each_option_stands_in_its_line(
    value: object, random: Random
) -> None:
    writer = Writer(random)
    writer.write(value)

    document = parse(writer.text)

    assert document.value == json.loads(writer.text)
    assert document.problems == ()
    assert lines(writer.text) == writer.lines


json_parts = [
    *("{", "}", "[", "]", ",", ":", '"', "\\", "\\u0061", '"a"', '"b":', "1", "-", "0", ".", "e"),
    *("true", "null", "NaN", "Infinity", "-Infinity", " ", "\n", "\t", "\x00", "\u00a0", "é"),
]
json_texts = st.lists(st.sampled_from(json_parts), max_size=25).map("".join)


@properties
@given(json_texts.map(str.encode) | st.text().map(str.encode) | st.binary())
@example(b"")
@example(b"\xef\xbb\xbf{}")
def test_bytes_lead_to_a_document_if_the_json_module_reads_them_and_else_to_an_error(
    data: bytes,
) -> None:
    try:
        expected = json.loads(data.decode("utf-8-sig"))
    except ValueError:
        assert invalid(data).startswith("v.json:")
    else:
        document = parse_json(data, "v.json")
        assert repr(document.value) == repr(expected)
        assert set(paths(expected)) <= set(document.places.options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '{"A": 1,\n "B": {"c": [true,\n  null, "чат"]}}',
            {
                ("A",): 1,
                ("B",): 2,
                ("B", "c"): 2,
                ("B", "c", 0): 2,
                ("B", "c", 1): 3,
                ("B", "c", 2): 3,
            },
            id="objects and arrays",
        ),
        pytest.param('{\n\t"A":\n\t\t1\n}', {("A",): 2}, id="tabs, and a key above its value"),
        pytest.param('{"A": 1,\r\n"B": 2}', {("A",): 1, ("B",): 2}, id="CRLF"),
        pytest.param('{"a\\"}": "\\\\",\n"b": "]"}', {('a"}',): 1, ("b",): 2}, id="escaped quotes"),
        pytest.param('{"\\u0041\\n": 1,\n"B": 2}', {("A\n",): 1, ("B",): 2}, id="escapes in a key"),
        pytest.param('{"\\ud83d\\ude00": "\\ud83d\\ude00"}', {("😀",): 1}, id="surrogate pair"),
        pytest.param('{"\\ud800":\n ["\\udfff"]}', {("\ud800",): 1, ("\ud800", 0): 2}, id="halves"),
        pytest.param('["\u2028",\n"\x7f", 1]', {(0,): 1, (1,): 2, (2,): 2}, id="odd characters"),
        pytest.param(
            "[[],\n{},\n[[\n]], 1e5,-0.5]",
            {(0,): 1, (1,): 2, (2,): 3, (2, 0): 3, (3,): 4, (4,): 4},
            id="empty collections",
        ),
        pytest.param('{"": {"": 1}}', {("",): 1, ("", ""): 1}, id="empty keys"),
    ],
)
def test_option_stands_in_the_line_of_its_key_or_of_itself(
    text: str, expected: dict[OptionPath, int]
) -> None:
    assert lines(text) == expected


def test_byte_order_mark_is_passed_over() -> None:
    document = parse_json(b'\xef\xbb\xbf{"A": 1}', "v.json")

    assert document.value == {"A": 1}
    assert lines('\ufeff{"A": 1}') == {("A",): 1}


@pytest.mark.parametrize("text", ["{}", "[]", "7", '"text"', "null", " \n1.5 "])
def test_document_may_be_anything(text: str) -> None:
    assert parse(text).value == json.loads(text)


def test_same_key_twice_is_refused_and_both_lines_are_told() -> None:
    text = (
        '{"A": 1,\n "A": 2,\n "B": {"c": 1, "d": [{"e": 1,\n "e": 2}],\n "c": 3},\n'
        ' "A": 4, "\\u0042": 5}'
    )

    assert problems(text) == [
        "v.json:2: A: the same key is in line 1 already",
        "v.json:4: B.d.0.e: the same key is in line 3 already",
        "v.json:5: B.c: the same key is in line 3 already",
        "v.json:6: A: the same key is in line 1 already",
        "v.json:6: B: the same key is in line 3 already",
    ]


def test_same_key_in_two_objects_is_no_mistake() -> None:
    assert problems('[{"a": {"a": 1}}, {"a": ["a", "a"]}]') == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_number_that_json_has_not_is_refused(number: str) -> None:
    assert problems(f'{{"A": 1,\n "B": [0, {number}], "{number}": "{number}"}}') == [
        f"v.json:2: B.1: not valid JSON: {number} is no value"
    ]


def test_number_that_json_has_not_is_refused_as_a_whole_document() -> None:
    assert problems("\nNaN") == ["v.json:2: not valid JSON: NaN is no value"]


def test_several_things_that_are_wrong_are_told_together() -> None:
    assert problems('{"A": NaN,\n "A": Infinity}') == [
        "v.json:1: A: not valid JSON: NaN is no value",
        "v.json:2: A: the same key is in line 1 already",
        "v.json:2: A: not valid JSON: Infinity is no value",
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "the file is empty; write {} at least"),
        ("\n \n", 1, "the file is empty; write {} at least"),
        ('{"A": 1,\n "B": }', 2, "Expecting value"),
        ('{"A": 1\n "B": 2}', 2, "Expecting ',' delimiter"),
        ('{"A"\n 1}', 2, "Expecting ':' delimiter"),
        (
            "{A: 1}",
            1,
            "Expecting property name enclosed in double quotes,"
            " or a comma is too many, or a comment",
        ),
        ('{"A": 1}\n\n{}', 3, "Extra data"),
        ('{"A": "x', 1, "Unterminated string"),
        ("\n// comment\n{}", 2, "Expecting value"),
        ('\n["\\x"]', 2, "Invalid "),
        ("[01]", 1, ""),
        ('{"A": 1,}', 1, ""),
        ('["a\tb"]', 1, r"Invalid control character; within a text write \t and \n"),
        ("\u00a0{}", 1, "Expecting value"),
        ("[1}", 1, "Expecting ',' delimiter"),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    assert invalid(text).startswith(f"v.json:{line}: not valid JSON: {reason}")
    assert "\n" not in invalid(text)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"A":\n "\xe9"}', "v.json:2: not UTF-8 (byte 0xe9); save the file as UTF-8"),
        ("{}".encode("utf-16"), "v.json:1: not UTF-8 (byte 0xff); save the file as UTF-8"),
        (b'["\xed\xa0\x80"]', "v.json:1: not UTF-8 (byte 0xed); save the file as UTF-8"),
    ],
)
def test_what_is_not_utf_8_is_refused_with_its_line(data: bytes, said: str) -> None:
    assert invalid(data) == said


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 200_000, id="open arrays"),
        pytest.param("[" * 200_000 + "]" * 200_000, id="arrays"),
        pytest.param('{"a":' * 200_000 + "1" + "}" * 200_000, id="objects"),
    ],
)
def test_too_deep_nesting_is_refused(text: str) -> None:
    assert invalid(text) == "v.json: not valid JSON: nested too deeply"


def test_deep_nesting_that_the_json_module_reads_has_places() -> None:
    text = "[" * 500 + "]" * 500

    assert len(lines(text)) == 499


def test_large_number_is_read() -> None:
    assert parse(f'{{"A": {"9" * 4000}}}').value == {"A": 10**4000 - 1}


def test_number_with_too_many_digits_is_refused() -> None:
    assert invalid("[" + "9" * 5000 + "]").startswith("v.json: not valid JSON: ")
