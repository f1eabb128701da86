from pathlib import Path

import pytest

from app.static_config.document import Document
from app.static_config.errors import ConfigFileError
from app.static_config.lookup import Found, Lookup, Surroundings, option_of
from app.static_config.yaml_document import parse_yaml


def parse(text: str, file: str = "c.yaml") -> Document:
    return parse_yaml(text.encode(), file)


def lookup(
    variables: str | None = None,
    files: dict[str, str] | None = None,
    **environment: str,
) -> Lookup:
    """Return a search in these config vars, files and environment variables."""
    texts = files or {}
    return Lookup(
        Surroundings(
            None if variables is None else parse(variables, "v.yaml"),
            environment,
            lambda path: parse(texts[path], path) if path in texts else None,
        )
    )


def origins(found: Found | None) -> list[str | None]:
    """Return what is said of the place of each option within what was found."""
    assert found is not None
    return [
        found.origin and found.origin(place) for place in found.document.places.options.values()
    ]


@pytest.mark.parametrize(
    ("key", "option"),
    [
        ("port", "port"),
        ("port#env", "port"),
        ("port#file", "port"),
        ("port#fallback", "port"),
        ("port#envy", "port#envy"),
        ("port#", "port#"),
        ("#env", ""),
        ("port#env#file", "port#env"),
    ],
)
def test_key_is_about_the_option_before_its_suffix(key: str, option: str) -> None:
    assert option_of(key) == option


def test_variable_is_found_with_its_place() -> None:
    found = lookup("a: 1\nx: {y: 2}\n").variable("x")

    assert found is not None
    assert found.value == {"y": 2}
    assert origins(found)[1:] == ["variable 'x' in v.yaml:2", "variable 'x' in v.yaml:2"]


@pytest.mark.parametrize("variables", [None, "", "y: 1", "x2: 1"])
def test_variable_that_is_not_there_is_not_found(variables: str | None) -> None:
    search = lookup(variables)

    assert search.variable("x") is None
    assert search.in_vain == []


@pytest.mark.parametrize("suffix", ["env", "file", "fallback"])
def test_key_of_a_suffix_is_no_variable(suffix: str) -> None:
    search = lookup(f"x#{suffix}: f\n", {"f": "1"}, f="1")

    assert search.variable(f"x#{suffix}") is None


def test_variable_that_is_null_is_found() -> None:
    found = lookup("x: ~").variable("x")

    assert found is not None
    assert found.value is None


@pytest.mark.parametrize(
    ("variables", "value"),
    [
        ("x: 1\nx#env: X\nx#file: f\nx#fallback: 4", 1),
        ("x#fallback: 4\nx#file: f\nx#env: X", 2),
        ("x#env: NOT_SET\nx#file: f\nx#fallback: 4", 3),
        ("x#file: f\nx#fallback: 4", 3),
        ("x#env: NOT_SET\nx#file: nowhere\nx#fallback: 4", 4),
        ("x#env: NOT_SET\nx#fallback: 4", 4),
        ("x#file: nowhere\nx#fallback: 4", 4),
    ],
)
def test_variable_is_its_value_else_the_environment_else_a_file_else_its_fallback(
    variables: str, value: int
) -> None:
    found = lookup(variables, {"f": "3"}, X="2").variable("x")

    assert found is not None
    assert found.value == value


def test_variable_tells_each_step_that_led_to_its_value() -> None:
    variables = "a: 1\nx#env: X\ny#file: f\nz#env: NOT_SET\nz#fallback: {d: 1}\n"
    search = lookup(variables, {"f": "b: 1\nc: 2\n"}, X="{a: 1}")

    assert origins(search.variable("x")) == ["variable 'x' in v.yaml:2, environment variable X"]
    assert origins(search.variable("y")) == [
        "variable 'y' in v.yaml:3, f:1",
        "variable 'y' in v.yaml:3, f:2",
    ]
    assert origins(search.variable("z"))[-1] == "variable 'z' in v.yaml:4"


def test_where_it_was_looked_in_vain_is_remembered() -> None:
    search = lookup("x#env: X\nx#file: /f.yaml\n", X="")

    assert search.variable("x") is None
    assert search.in_vain == ["environment variable X is not set", "there is no file /f.yaml"]


def test_file_that_is_not_there_is_named_whole() -> None:
    search = lookup("x#file: f.yaml\n")

    assert search.variable("x") is None
    assert search.in_vain == [f"there is no file {Path('f.yaml').absolute()}"]


def test_variable_is_no_variable_of_the_environment() -> None:
    assert lookup("", x="1").variable("x") is None


def test_value_beside_an_option_is_found_in_its_section() -> None:
    document = parse("a#env: A\nb:\n  - a#env: B\n")
    search = lookup(A="1", B="2")

    found = search.beside(document, ("b", 0), "a", falls_back=False)

    assert found is not None
    assert found.value == 2


def test_fallback_is_part_of_the_document_that_it_stands_in() -> None:
    document = parse("a#fallback: [1]\n")

    found = lookup().beside(document, (), "a", falls_back=True)

    assert found == Found(document, ("a#fallback",), None)


def test_nothing_beside_an_option_is_nothing() -> None:
    search = lookup()

    assert search.beside(parse("a: 1\nb#env: B"), (), "a", falls_back=True) is None
    assert search.in_vain == []


def test_fallback_without_anything_to_fall_back_from_is_refused() -> None:
    with pytest.raises(ConfigFileError) as caught:
        lookup().beside(parse("\na: {b#fallback: 1}"), ("a",), "b", falls_back=False)

    assert str(caught.value) == (
        "c.yaml:2: a.b#fallback: has no effect without b#env or b#file beside it"
    )


def test_variable_with_a_fallback_only_is_refused_where_it_stands() -> None:
    with pytest.raises(ConfigFileError) as caught:
        lookup("\nx#fallback: 1").variable("x")

    assert str(caught.value).startswith("v.yaml:2: x#fallback: has no effect without ")


@pytest.mark.parametrize("suffix", ["env", "file"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("", "(got nothing)"),
        ("~", "(got nothing); in quotes it is a text: '~'"),
        ("''", "(got '')"),
        ("7", "(got 7); in quotes it is a text: '7'"),
        ("0x1F", "(got 31); in quotes it is a text: '0x1F'"),
        ("no", "(got false); in quotes it is a text: 'no'"),
        ("[X]", "(got a list)"),
        ("{X: Y}", "(got a mapping)"),
        (r'"a\nb"', r"(got 'a\nb')"),
        (r'"a\0"', r"(got 'a\x00')"),
    ],
)
def test_name_must_be_a_printable_text(suffix: str, name: str, hint: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        lookup().beside(parse(f"\na#{suffix}: {name}"), (), "a", falls_back=False)

    assert str(caught.value) == f"c.yaml:2: a#{suffix}: expected a name, as text {hint}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "A:1: not valid YAML: "),
        ("x: 1\ny: !t 2", "A:2: y: unknown tag '!t'"),
        ("x: 1\nx: 2", "A:2: x: the same key is in line 1 already"),
        ("9" * 30, f"A:1: '{'9' * 30}' is no number of at most 64 bits"),
        (r'"\ud800"', "A:1: an escape that stands for no character"),
        (r'"\U00110000"', "A:1: not valid YAML: an escape that stands for no character"),
    ],
)
def test_bad_yaml_of_the_environment_is_told_at_the_option(text: str, said: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        lookup(A=text).beside(parse("\na#env: A"), (), "a", falls_back=False)

    assert str(caught.value).startswith(f"c.yaml:2: a#env: environment variable {said}")


def test_all_that_is_wrong_with_a_file_is_told_at_the_option() -> None:
    search = lookup("\nx#file: f\n", {"f": "a: 1\na: 2\nb: !t 1\n"})

    with pytest.raises(ConfigFileError) as caught:
        search.variable("x")

    assert str(caught.value).splitlines() == [
        "v.yaml:2: x#file: f:2: a: the same key is in line 1 already",
        "v.yaml:2: x#file: f:3: b: unknown tag '!t'",
    ]


def test_environment_of_undecodable_bytes_is_read() -> None:
    found = lookup(A="\udcff").beside(parse("a#env: A"), (), "a", falls_back=False)

    assert found is not None
