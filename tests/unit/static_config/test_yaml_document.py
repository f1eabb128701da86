import math
import re
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.static_config.document import Document, OptionPath
from app.static_config.errors import ConfigFileError
from app.static_config.yaml_document import MAX_VALUES, decode, parse_yaml

properties = settings(max_examples=200, deadline=None)


def parse(text: str) -> Document:
    return parse_yaml(text.encode(), "c.yaml")


def good(text: str) -> object:
    """Return the value of a document with which nothing is wrong."""
    document = parse(text)
    assert document.problems == ()
    assert document.undecided == frozenset()
    return document.value


def problems(text: str) -> list[str]:
    """Return what is wrong with a document that is YAML all the same."""
    return [str(problem) for problem in parse(text).problems]


def invalid(data: str | bytes) -> str:
    """Return what is said of a text that is no YAML."""
    with pytest.raises(ConfigFileError) as caught:
        parse_yaml(data.encode() if isinstance(data, str) else data, "c.yaml")
    return str(caught.value)


def lines(text: str) -> dict[OptionPath, int | None]:
    return {path: place.line for path, place in parse(text).places.options.items()}


def paths(value: object, path: OptionPath = ()) -> Iterator[OptionPath]:
    """Yield the paths of all options within a plain value."""
    members = enumerate(value) if isinstance(value, list) else ()
    for key, member in value.items() if isinstance(value, dict) else members:
        yield (*path, key)
        yield from paths(member, (*path, key))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("True", True),
        ("yes", True),
        ("ON", True),
        ("false", False),
        ("no", False),
        ("Off", False),
        ("y", "y"),
        ("N", "N"),
        ("tRUE", "tRUE"),
        ("'yes'", "yes"),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("''", ""),
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("-7", -7),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0o17", 15),
        ("0b101", 5),
        ("9223372036854775807", 2**63 - 1),
        ("'1'", "1"),
        ("010", "010"),
        ("0_1", "0_1"),
        ("0o8", "0o8"),
        ("1__0", "1__0"),
        ("1_", "1_"),
        ("1:30", "1:30"),
        ("190:20:30.15", "190:20:30.15"),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1_0.5", -10.5),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        (".inf", math.inf),
        ("+.INF", math.inf),
        ("-.inf", -math.inf),
        ("inf", "inf"),
        ("nan", "nan"),
        ("1e", "1e"),
        (".", "."),
        ("1.2.3", "1.2.3"),
        ("127.0.0.1", "127.0.0.1"),
        ("2024-01-01", "2024-01-01"),
        ("2024-13-45", "2024-13-45"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("10ms", "10ms"),
        ("=", "="),
        ("<<", "<<"),
        ("text: no", {"text": False}),
        (r'"\x07"', "\x07"),
        (r'"\U0010ffff"', "\U0010ffff"),
        ("!!bool yes", True),
        ("!!bool 'TRUE'", True),
        ("!!null ''", None),
        ("!!null Null", None),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        (">-\n  one\n  two\n", "one two"),
        ("!!str 1", "1"),
        ("!!int '5'", 5),
        ("!!float 5", 5.0),
        ("! 1", 1),
        ("!!str", ""),
    ],
)
def test_scalar_is_what_it_looks_like(written: str, value: object) -> None:
    found = good(f"key: {written}" if ": " not in written else written)

    expected = value if isinstance(value, dict) else {"key": value}
    assert found == expected
    assert isinstance(found, dict)
    assert list(map(type, found.values())) == list(map(type, expected.values()))


@pytest.mark.parametrize("written", [".nan", ".NaN", ".NAN"])
def test_nan_is_a_number(written: str) -> None:
    value = good(written)

    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    "written",
    [
        "9223372036854775809",
        "9" * 30,
        "9" * 5000,
        "-" + "9" * 30,
        "0x" + "f" * 40,
        "!!int 010",
        "!!int many",
        "!!int ''",
        "!!float many",
    ],
)
def test_number_that_is_none_is_undecided(written: str) -> None:
    document = parse(f"a: {written}")

    text = written.removeprefix("!!int ").removeprefix("!!float ").strip("'")
    assert [str(each) for each in document.problems] == [
        f"c.yaml:1: a: '{text[:40]}' is no number of at most 64 bits"
    ]
    assert document.undecided == {("a",)}
    assert document.value == {"a": None}


def test_how_a_scalar_was_written_is_known_where_its_value_does_not_show_it() -> None:
    document = parse("a: 0x1F\nb: [no, text]\nc:\nd: 1_0\ne: '1'")

    assert document.written == {("a",): "0x1F", ("b", 0): "no", ("c",): "", ("d",): "1_0"}


@pytest.mark.parametrize(
    "key", ["on", "yes", "8080", "0x1F", "1.5", "null", "~", "true", "2024-01-01", "=", "1:30"]
)
def test_key_is_the_text_that_is_written(key: str) -> None:
    assert good(f"{key}: 1") == {key: 1}


@pytest.mark.parametrize("key", ["'<<'", '"<<"', "!!str <<"])
def test_quoted_merge_key_is_a_key(key: str) -> None:
    assert good(f"{key}: 1") == {"<<": 1}


def test_key_without_a_value_is_null() -> None:
    assert good("a:\n? b\n") == {"a": None, "b": None}


def test_key_with_a_lone_surrogate_is_refused() -> None:
    document = parse('a: 1\nb: {"x\\udfff": 1}\n"\\ud800": {a: 1, a: 2}\n')

    assert sorted(str(each) for each in document.problems) == [
        "c.yaml:2: b: a key with an escape that stands for no character",
        "c.yaml:3: a key with an escape that stands for no character",
    ]
    assert document.value == {"a": 1, "b": {}}


@pytest.mark.parametrize(
    "written", [r'"\ud800"', r'"a\udfffb"', r'!!int "\ud800"', r'"\ud83d\ude00"']
)
def test_value_with_a_lone_surrogate_is_undecided(written: str) -> None:
    document = parse(f"a: 1\nb: [{written}]\n")

    assert [str(each) for each in document.problems] == [
        "c.yaml:2: b.0: an escape that stands for no character"
    ]
    assert document.undecided == {("b", 0)}
    assert document.value == {"a": 1, "b": [None]}


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "--- ~\n...\n", "\ufeff"])
def test_document_without_anything_in_it_is_null(text: str) -> None:
    assert good(text) is None


@pytest.mark.parametrize("value", ["7", "text", "[1]"])
def test_document_may_be_anything(value: str) -> None:
    assert good(value) == {"7": 7, "text": "text", "[1]": [1]}[value]


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1", 1), ("# c\n\na: 1", 3), ("%YAML 1.1\n---\na: 1", 3), ("", 1)]
)
def test_document_stands_where_its_first_value_is(text: str, line: int) -> None:
    place = parse(text).places.document

    assert (place.file, place.line) == ("c.yaml", line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "a: 1\n\nb:\n  c: 2\n  # comment\n  d:\n    3\n",
            {("a",): 1, ("b",): 3, ("b", "c"): 4, ("b", "d"): 6},
            id="block mapping",
        ),
        pytest.param(
            "a:\n  - 1\n\n  -\n    2\n  - b: 3\n    c: 4\n",
            {
                ("a",): 1,
                ("a", 0): 2,
                ("a", 1): 5,
                ("a", 2): 6,
                ("a", 2, "b"): 6,
                ("a", 2, "c"): 7,
            },
            id="block list",
        ),
        pytest.param(
            "{a: 1,\n b: {c: 2,\n d: [3,\n 4]}}",
            {
                ("a",): 1,
                ("b",): 2,
                ("b", "c"): 2,
                ("b", "d"): 3,
                ("b", "d", 0): 3,
                ("b", "d", 1): 4,
            },
            id="flow style",
        ),
        pytest.param(
            "- - 1\n  - 2\n-\n  - 3",
            {(0,): 1, (0, 0): 1, (0, 1): 2, (1,): 4, (1, 0): 4},
            id="list of lists",
        ),
        pytest.param(
            "a: |\n  one\n  two\nb: >\n  x\nc: 1", {("a",): 1, ("b",): 4, ("c",): 6}, id="texts"
        ),
        pytest.param("a: 1\r\nb:\r\n  - 2\r\n", {("a",): 1, ("b",): 2, ("b", 0): 3}, id="CRLF"),
        pytest.param("\ufeffa: 1\nb: 2", {("a",): 1, ("b",): 2}, id="byte order mark"),
        pytest.param("? a\n: 1\n?\n  b\n: 2", {("a",): 1, ("b",): 4}, id="explicit keys"),
    ],
)
def test_option_stands_in_the_line_of_its_key(text: str, expected: dict[OptionPath, int]) -> None:
    assert lines(text) == expected


def test_alias_stands_where_it_is_and_what_is_in_it_stands_where_it_is_written() -> None:
    text = "base: &base\n  size: 1\nother: *base\nlist: &list\n  - 1\nsame: *list\n"

    assert good(text) == {"base": {"size": 1}, "other": {"size": 1}, "list": [1], "same": [1]}
    assert lines(text) == {
        ("base",): 1,
        ("base", "size"): 2,
        ("other",): 3,
        ("other", "size"): 2,
        ("list",): 4,
        ("list", 0): 5,
        ("same",): 6,
        ("same", 0): 5,
    }


def test_merged_options_stand_where_they_are_written() -> None:
    text = "base: &base\n  size: 1\n  name: x\nother:\n  <<: *base\n  size: 2\n"

    assert good(text) == {"base": {"size": 1, "name": "x"}, "other": {"size": 2, "name": "x"}}
    assert lines(text) == {
        ("base",): 1,
        ("base", "size"): 2,
        ("base", "name"): 3,
        ("other",): 4,
        ("other", "size"): 6,
        ("other", "name"): 3,
    }


@pytest.mark.parametrize(
    ("merge", "value"),
    [
        pytest.param("{<<: *a, x: 0}", {"x": 0, "y": 1}, id="own keys win"),
        pytest.param("{x: 0, <<: *a}", {"x": 0, "y": 1}, id="wherever they stand"),
        pytest.param("{<<: [*a, *b]}", {"x": 1, "y": 1, "z": 2}, id="the first of several wins"),
        pytest.param("{<<: [*b, *a]}", {"x": 1, "y": 2, "z": 2}, id="in their order"),
        pytest.param("{<<: [*c, *b]}", {"x": 3, "y": 1, "z": 2}, id="what merges is merged"),
        pytest.param("{<<: {w: 4}}", {"w": 4}, id="a mapping in place"),
        pytest.param("{<<: []}", {}, id="nothing"),
    ],
)
def test_merge_brings_in_what_is_not_there(merge: str, value: object) -> None:
    text = f"a: &a {{x: 1, y: 1}}\nb: &b {{y: 2, z: 2}}\nc: &c {{<<: *a, x: 3}}\nfound: {merge}\n"

    document = parse(text)

    assert document.problems == ()
    assert document.value_at(("found",)) == value


@pytest.mark.parametrize("merged", ["1", "text", "[1]", "[{a: 1}, 2]", "", "[[{a: 1}]]"])
def test_merge_of_something_else_is_refused(merged: str) -> None:
    assert problems(f"x: 1\ny:\n  <<: {merged}\n") == [
        "c.yaml:3: y: '<<' takes a mapping, or a list of mappings"
    ]


def test_same_key_twice_is_refused_and_both_lines_are_told() -> None:
    text = "a: 1\nb: 2\na: 3\nc: {d: 1,\n d: 2}\ne:\n  - f: 1\n    f: 2\na: 4\n'b': 5\n"

    assert sorted(problems(text)) == [
        "c.yaml:10: b: the same key is in line 2 already",
        "c.yaml:3: a: the same key is in line 1 already",
        "c.yaml:5: c.d: the same key is in line 4 already",
        "c.yaml:8: e.0.f: the same key is in line 7 already",
        "c.yaml:9: a: the same key is in line 1 already",
    ]


def test_of_a_key_that_is_there_twice_the_first_value_counts() -> None:
    document = parse("a: 1\na: [2]\n")

    assert document.value == {"a": 1}
    assert list(document.places.options) == [("a",)]


@pytest.mark.parametrize(
    ("merged", "said"),
    [
        ("{a: 1,\n a: 2}", "c.yaml:3: x.a: the same key is in line 2 already"),
        ("[{b: 1}, {a: 1,\n a: 2}]", "c.yaml:3: x.a: the same key is in line 2 already"),
        ("{a: 1,\n [b]: 2}", "c.yaml:3: x: a key must be plain text"),
        (
            '{a: 1,\n "\\ud800": 2}',
            "c.yaml:3: x: a key with an escape that stands for no character",
        ),
        ("{<<: {a: 1,\n a: 2}}", "c.yaml:3: x.a: the same key is in line 2 already"),
    ],
)
def test_what_is_wrong_with_keys_that_are_merged_in_place_is_told(merged: str, said: str) -> None:
    document = parse(f"x:\n  <<: {merged}\n")

    assert [str(each) for each in document.problems] == [said]
    assert document.value_at(("x", "a")) == 1


def test_what_is_wrong_with_keys_that_are_merged_at_many_places_is_told_once() -> None:
    assert problems("a: &a {x: 1,\n x: 2}\nb: {<<: *a}\nc: [*a, {<<: [*a, *a]}]\n") == [
        "c.yaml:2: a.x: the same key is in line 1 already"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [("? [1]\n: 2", 1), ("a: 1\n? {b: 1}\n: 2", 2), ("{[1, 2]: 3}", 1), ("x: &x [1]\n*x : 2", 1)],
)
def test_key_that_is_no_text_is_refused(text: str, line: int) -> None:
    assert problems(text) == [f"c.yaml:{line}: a key must be plain text"]


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("!colour red", "!colour"),
        ("!!binary aGk=", "!!binary"),
        ("!!timestamp 2024-01-01", "!!timestamp"),
        ("!!set {a, b}", "!!set"),
        ("!!omap [a: 1]", "!!omap"),
        ("!!python/object:os.system {}", "!!python/object:os.system"),
        ("!!python/name:os.system ''", "!!python/name:os.system"),
        ("!!map [1]", "!!map"),
        ("!!seq {a: 1}", "!!seq"),
        ("!!str [1]", "!!str"),
        ("!<tag:example.org,2024:x> 1", "tag:example.org,2024:x"),
    ],
)
def test_unknown_tag_is_refused_and_its_value_is_undecided(written: str, tag: str) -> None:
    document = parse(f"a: 1\nb: [{written}]\n")

    assert [str(each) for each in document.problems] == [f"c.yaml:2: b.0: unknown tag '{tag}'"]
    assert document.undecided == {("b", 0)}
    assert document.value == {"a": 1, "b": [None]}


@pytest.mark.parametrize("kind", ["bool", "null"])
@pytest.mark.parametrize("written", ["maybe", "1", "none", "nULL"])
def test_tag_that_its_value_contradicts_is_refused(kind: str, written: str) -> None:
    document = parse(f"a: !!{kind} {written}")

    assert [str(each) for each in document.problems] == [f"c.yaml:1: a: '{written}' is no !!{kind}"]
    assert document.undecided == {("a",)}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &a [1, *a]", ("a", 1)),
        ("a: &a {b: *a}", ("a", "b")),
        ("a: &a\n  b:\n    - c: *a", ("a", "b", 0, "c")),
        ("&a [*a]", (0,)),
    ],
)
def test_alias_for_what_contains_it_is_refused(text: str, path: OptionPath) -> None:
    document = parse(text)

    (problem,) = document.problems
    assert (problem.path, problem.text) == (path, "an alias for something that contains it")
    assert document.undecided == {path}


def test_mapping_that_merges_itself_is_refused() -> None:
    assert len(problems("a: &a {<<: *a}")) == 1


def test_alias_that_is_used_many_times_is_no_mistake() -> None:
    text = "a: &a {x: [1]}\nb: [*a, *a]\nc: {<<: *a, y: *a}\n"

    assert good(text) == {
        "a": {"x": [1]},
        "b": [{"x": [1]}, {"x": [1]}],
        "c": {"x": [1], "y": {"x": [1]}},
    }


def tenfold(first: str, alias: str) -> str:
    """Return a small document in which each mapping or list holds the one before ten times."""
    return f"a0: &a0 {first}\n" + "".join(
        f"a{level}: &a{level} {alias.format(', '.join([f'*a{level - 1}'] * 10))}\n"
        for level in range(1, 30)
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(tenfold("[ha]", "[{}]"), id="lists in lists"),
        pytest.param(tenfold("{ha: ha}", "{{<<: [{}]}}"), id="mappings merged into mappings"),
        pytest.param(
            f"a: &a {{{', '.join(f'k{number}: 1' for number in range(1000))}}}\n"
            f"b: {{<<: [{', '.join(['*a'] * 101)}]}}\n",
            id="a large mapping merged many times",
        ),
        pytest.param(
            f"a: &a {{{', '.join(f'k{number}: 1' for number in range(1000))}}}\n"
            f"b: [{', '.join(['{<<: *a}'] * 101)}]\n",
            id="a large mapping merged at many places",
        ),
        pytest.param(
            f"a0: &a0 {{{', '.join(f'k{number}: 1' for number in range(100))}}}\n"
            + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
            id="the same members again and again",
        ),
    ],
)
def test_aliases_that_stand_for_too_much_are_refused(text: str) -> None:
    assert invalid(text) == (
        f"c.yaml: not valid YAML: more than {MAX_VALUES} values,"
        " with aliases counted as what they stand for"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 5000, id="open lists"),
        pytest.param("[" * 5000 + "]" * 5000, id="lists"),
        pytest.param("{a: " * 5000 + "}" * 5000, id="mappings"),
        pytest.param("- " * 5000 + "x", id="block lists"),
        pytest.param("? " * 5000 + "x", id="keys"),
        pytest.param("".join(f"{' ' * depth}a:\n" for depth in range(1500)), id="block mappings"),
    ],
)
def test_too_deep_nesting_is_refused(text: str) -> None:
    assert invalid(text) == "c.yaml: not valid YAML: nested too deeply"


def test_nesting_that_a_person_would_write_is_read() -> None:
    assert len(lines("{a: " * 50 + "1" + "}" * 50)) == 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "a:\n  b: [1\nc: 2\n",
            "c.yaml:3: not valid YAML: while parsing a flow sequence that begins in line 2,"
            " expected ',' or ']', but got ':'",
            id="open list",
        ),
        pytest.param(
            "a: b: c", "c.yaml:1: not valid YAML: mapping values are not allowed here", id="colons"
        ),
        pytest.param(
            "a:\n\t- 1",
            "c.yaml:2: not valid YAML: while scanning for the next token, found character '\\t'"
            " that cannot start any token; indent with blanks",
            id="tab",
        ),
        pytest.param(
            "a:\n  b: 1\n c: 2",
            "c.yaml:3: not valid YAML: while parsing a block mapping that begins in line 1,"
            " expected <block end>, but found '<block mapping start>'",
            id="odd indent",
        ),
        pytest.param(
            "a: @x",
            "c.yaml:1: not valid YAML: while scanning for the next token, found character '@'"
            " that cannot start any token; put the text in quotes",
            id="reserved character",
        ),
        pytest.param(
            "x: 1\na: *nobody",
            "c.yaml:2: not valid YAML: found undefined alias 'nobody'",
            id="unknown alias",
        ),
        pytest.param(
            "a: 1\n---\nb: 2",
            "c.yaml:2: not valid YAML: expected a single document in the stream that begins in"
            " line 1, but found another document",
            id="two documents",
        ),
        pytest.param(
            "x: 1\na: \x07",
            "c.yaml:2: not valid YAML: the character '\\x07' is not allowed",
            id="control character",
        ),
        pytest.param(
            "x: 1\ny: \x00",
            "c.yaml:2: not valid YAML: the character '\\x00' is not allowed",
            id="NUL",
        ),
        pytest.param(
            "%YAML 2.0\n---\na: 1",
            "c.yaml:1: not valid YAML: found incompatible YAML document (version 1.* is required)",
            id="YAML 2",
        ),
        pytest.param(
            "a: !x! 1",
            "c.yaml:1: not valid YAML: while parsing a tag, expected URI, but found ' '",
            id="bad tag",
        ),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, said: str) -> None:
    assert invalid(text) == said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 'x\n\n", 3),
        ('x: 1\na: "\\q"', 2),
        ("a: &x 1\nb: &x 2", 2),
        ("- a\nb: 1", 2),
        ("a: 1\n b: 2", 2),
        ("a: 1\r\nb: [\r\n", 3),
    ],
)
def test_line_of_a_mistake_is_told(text: str, line: int) -> None:
    assert invalid(text).startswith(f"c.yaml:{line}: not valid YAML: ")
    assert "\n" not in invalid(text)


@pytest.mark.parametrize("escape", [r"\U00110000", r"\Uffffffff"])
@pytest.mark.parametrize("text", ['a: "{}"', '"{}": a', '[a, "b{}c"]'])
def test_escape_for_no_character_is_refused_with_its_line(text: str, escape: str) -> None:
    assert invalid("# first\n" + text.format(escape)) == (
        "c.yaml:2: not valid YAML: an escape that stands for no character"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: \xe9", "c.yaml:1: not UTF-8 (byte 0xe9); save the file as UTF-8"),
        (b"a: 1\n\nb: \xff\n", "c.yaml:3: not UTF-8 (byte 0xff); save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "c.yaml:1: not UTF-8 (byte 0xff); save the file as UTF-8"),
        (b"a: \xed\xa0\x80", "c.yaml:1: not UTF-8 (byte 0xed); save the file as UTF-8"),
        (b"a: 1\n\xc3", "c.yaml:2: not UTF-8 (byte 0xc3); save the file as UTF-8"),
    ],
)
def test_what_is_not_utf_8_is_refused_with_its_line(data: bytes, said: str) -> None:
    assert invalid(data) == said


def test_text_is_utf_8_with_or_without_a_byte_order_mark() -> None:
    assert decode("чат".encode(), "c.yaml") == "чат"
    assert decode("чат".encode("utf-8-sig"), "c.yaml") == "чат"


yaml_parts = [
    *("a", "b", "x", ": ", ":", "- ", "? ", "\n", "  ", " ", "[", "]", "{", "}", ", "),
    *("&x ", "*x", "<<: ", "!!int ", "!t ", "'", '"', "\\", "|\n", ">\n", "#", "---\n", "...\n"),
    *("1", "0x", ".", "~", "no", "%", "@", "\t", "\r", "\x07", "\u2028", "\ufeff", "é", "😀"),
]
yaml_texts = st.lists(st.sampled_from(yaml_parts), max_size=30).map("".join)


@properties
@given(yaml_texts.map(str.encode) | st.text().map(str.encode) | st.binary())
@example(b"")
@example(b"<<: *x")
@example(b"&x <<: {<<: *x}")
def test_any_bytes_lead_to_a_document_or_to_an_error(data: bytes) -> None:
    try:
        document = parse_yaml(data, "c.yaml")
    except ConfigFileError:
        assert invalid(data).startswith("c.yaml")
    else:
        assert set(paths(document.value)) == set(document.places.options)
        assert all(document.has(path) for path in document.undecided | document.written.keys())


# Texts that PyYAML does not put in quotes, though they are numbers in YAML 1.2, and here.
only_here_a_number = re.compile(
    r"[-+]?(0o[0-7]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?)"
)
texts = st.text(max_size=10).filter(lambda text: not only_here_a_number.fullmatch(text))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.sampled_from(["on", "~", "1:30", "010", "0x1F", "<<", "=", "2024-01-01", "1_000", ".inf"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


@properties
@given(values, st.sampled_from([True, False, None]), st.booleans())
def test_what_pyyaml_writes_is_read_and_each_value_has_a_place(
    value: object, flow_style: bool | None, unicode: bool
) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow_style, allow_unicode=unicode)

    document = parse(text)

    assert document.problems == ()
    assert repr(document.value) == repr(yaml.safe_load(text))
    assert set(document.places.options) == set(paths(document.value))


@properties
@given(st.dictionaries(texts.filter(str.isalnum), st.integers(0, 9), min_size=1), st.data())
def test_key_stands_in_the_line_that_holds_it(values: dict[str, int], data: st.DataObject) -> None:
    gap = st.sampled_from(["", "\n", "# a comment\n", "\n\n"])
    text = "".join(f"{data.draw(gap)}'{key}': {value}\n" for key, value in values.items())

    for (key,), line in lines(text).items():
        assert line is not None
        assert text.split("\n")[line - 1] == f"'{key}': {values[str(key)]}"
