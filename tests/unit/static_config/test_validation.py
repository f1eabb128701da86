from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from app.static_config.document import OptionPath
from app.static_config.duration import Duration
from app.static_config.errors import OptionError
from app.static_config.lookup import Surroundings
from app.static_config.model import ConfigModel, without_empty_sections
from app.static_config.substitution import Substituted, substitute
from app.static_config.validation import got, problems_of, quoted
from app.static_config.yaml_document import parse_yaml
from tests.helpers.documents import plain_document


class Inner(ConfigModel):
    level: int = Field(default=1, ge=1)
    long_name: str = Field(default="", alias="long-name")


class Outer(ConfigModel):
    flag: bool = False
    whole: int = 0
    maybe: int | None = None
    ratio: float = 0.5
    finite: float = Field(default=1.0, allow_inf_nan=False)
    text: str = ""
    word: str = Field(default="ab", min_length=2, max_length=5, pattern="^[a-z]+$")
    path: Annotated[Path, Field(strict=False)] = Path()
    choice: Literal["debug", "info", "error"] = "info"
    only: Literal["one"] = "one"
    number: Literal[1, 2] = 1
    above: float = Field(default=1, gt=0.5)
    below: float = Field(default=1, lt=3600.0)
    most: int = Field(default=1, le=100_000_000)
    pause: Annotated[Duration, Field(ge=1, le=3600)] = 1.0
    inner: Inner = Inner()
    optional: Inner | None = None
    by_name: dict[str, Inner] = Field(default={})
    in_order: list[Inner] = Field(default=[])
    deep: dict[str, list[Inner]] | None = None
    words: list[str] = Field(default=["a"], min_length=1, max_length=2)
    even: int = Field(default=0, multiple_of=2)


class Guarded(ConfigModel):
    """Has validators of all kinds."""

    name: str = "x"
    port: int = 1
    inner: Inner = Inner()

    @field_validator("name")
    @classmethod
    def _not_odd(cls, value: str) -> str:
        if value == "odd":
            raise ValueError("is odd")
        if value == "told":
            raise ValueError(f"there is no {value!r}")
        if value == "option":
            raise OptionError({(): "is refused"})
        return value

    @field_validator("inner")
    @classmethod
    def _not_high(cls, value: Inner) -> Inner:
        if value.level == 13:
            raise OptionError({("level",): "brings bad luck", ("long-name",): "give it one"})
        return value

    @model_validator(mode="after")
    def _not_both(self) -> "Guarded":
        if self.name == "both":
            raise OptionError({("name",): "not with a port", ("port",): "not with a name"})
        if self.name == "whole":
            raise ValueError("does not fit together")
        return self


class Deeper(ConfigModel):
    needed_name: str = Field(alias="needed-name")


class Needy(ConfigModel):
    port: int
    inner: Deeper


def put_in(text: str, variables: str = "", **environment: str) -> Substituted:
    return substitute(
        parse_yaml(text.encode(), "c.yaml"),
        Surroundings(parse_yaml(variables.encode(), "v.yaml"), environment, lambda _: None),
    )


def validate(found: Substituted, type_: Any = Outer, path: OptionPath = ()) -> list[str]:
    """Return what is wrong with what was found at `path`."""
    document = found.document
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(type_).validate_python(document.value_at(path), by_alias=True, by_name=False)
    return [str(each) for each in problems_of(caught.value, document, path, type_)]


def problems(text: str, type_: Any = Outer) -> list[str]:
    return validate(put_in(text), type_)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flag: 1", "expected true or false (got 1)"),
        ("flag: 'yes'", "expected true or false (got 'yes')"),
        ("whole: '8080'", "expected a whole number (got '8080')"),
        ("whole: 1.0", "expected a whole number (got 1.0)"),
        ("whole: yes", "expected a whole number (got true)"),
        ("whole: 1:30", "expected a whole number (got '1:30')"),
        ("whole: 010", "expected a whole number (got '010')"),
        ("whole:", "expected a whole number (got nothing)"),
        ("maybe: [1]", "expected a whole number (got a list)"),
        ("ratio: {a: 1}", "expected a number (got a mapping)"),
        ("ratio: true", "expected a number (got true)"),
        ("text:", "expected a text (got nothing)"),
        ("text: [a]", "expected a text (got a list)"),
        ("text: no", "expected a text (got false); in quotes it is a text: 'no'"),
        ("text: 2.50", "expected a text (got 2.5); in quotes it is a text: '2.50'"),
        ("text: 0x1F", "expected a text (got 31); in quotes it is a text: '0x1F'"),
        ("text: ~", "expected a text (got nothing); in quotes it is a text: '~'"),
        ("word: A", "expected a text of 2 or more characters (got 'A')"),
        ("word: abcdef", "expected a text of 5 or fewer characters (got 'abcdef')"),
        ("word: AB", "expected a text of the form ^[a-z]+$ (got 'AB')"),
        ("choice: warn", "expected 'debug', 'info' or 'error' (got 'warn')"),
        (
            "choice: DEBUG",
            "expected 'debug', 'info' or 'error' (got 'DEBUG'); did you mean 'debug'?",
        ),
        ("choice: [1]", "expected 'debug', 'info' or 'error' (got a list)"),
        (
            "choice: off",
            "expected 'debug', 'info' or 'error' (got false); in quotes it is a text: 'off'",
        ),
        ("only: two", "expected 'one' (got 'two')"),
        ("number: 3", "expected 1 or 2 (got 3)"),
        ("number: '1'", "expected 1 or 2 (got '1')"),
        ("even: 7", "expected a multiple of 2 (got 7)"),
        ("ratio: text", "expected a number (got 'text')"),
        ("finite: .inf", "expected a finite number (got inf)"),
        ("finite: .nan", "expected a finite number (got nan)"),
        ("above: 0.5", "expected more than 0.5 (got 0.5)"),
        ("below: 3600", "expected less than 3600 (got 3600)"),
        ("most: 100000001", "expected at most 100000000 (got 100000001)"),
        ("inner: {level: 0}", "expected at least 1 (got 0)"),
        ("pause: 999ms", "expected at least 1s (got '999ms')"),
        ("pause: 61m", "expected at most 1h (got '61m')"),
        (
            "pause: 1.5s",
            "expected a duration: a whole number of at most 9 digits and ms, s, m, h or d, as 10ms"
            " (got '1.5s')",
        ),
        (
            "pause: [1s]",
            "expected a duration: a whole number of at most 9 digits and ms, s, m, h or d, as 10ms"
            " (got a list)",
        ),
        ("inner: 1", "expected a mapping (got 1)"),
        ("inner: [1]", "expected a mapping (got a list)"),
        ("optional: text", "expected a mapping (got 'text')"),
        ("by_name: [1]", "expected a mapping (got a list)"),
        ("in_order: {a: 1}", "expected a list (got a mapping)"),
        ("in_order: 7", "expected a list (got 7)"),
        ("in_order: [7]", "expected a mapping (got 7)"),
        ("words: []", "expected 1 or more entries (got an empty list)"),
        ("words: [a, b, c]", "expected 2 or fewer entries (got a list)"),
        ("words: [a, 1]", "expected a text (got 1); in quotes it is a text: '1'"),
        ("path: [a]", "expected a path, as text (got a list)"),
    ],
)
def test_what_was_expected_is_told_and_what_is_there(text: str, said: str) -> None:
    (problem,) = problems(f"# comment\n{text}\n")

    assert problem.startswith("c.yaml:2: ")
    assert problem.split(": ", 2)[2] == said


def test_text_that_is_no_unicode_is_refused() -> None:
    document = plain_document("values", {"word": "\ud800"})
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.value)

    assert [str(each) for each in problems_of(caught.value, document, (), Outer)] == [
        r"values: word: expected a text of Unicode characters (got '\ud800')"
    ]


def test_other_errors_have_the_text_of_pydantic_and_what_is_there() -> None:
    class Picky(ConfigModel):
        when: Annotated[date, Field(strict=False)]

    (problem,) = problems("when: soon", Picky)

    assert problem.startswith("c.yaml:1: when: Input should be a valid date")
    assert problem.endswith(" (got 'soon')")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("falg: 1", "c.yaml:1: falg: unknown option; did you mean 'flag'?"),
        ("Flag: 1", "c.yaml:1: Flag: unknown option; did you mean 'flag'?"),
        ("zzz: {a: [1]}", "c.yaml:1: zzz: unknown option"),
        ("inner:\n  levle: 1", "c.yaml:2: inner.levle: unknown option; did you mean 'level'?"),
        (
            "optional:\n  long_name: x",
            "c.yaml:2: optional.long_name: unknown option; did you mean 'long-name'?",
        ),
        (
            "by_name:\n  x:\n    lvel: 1",
            "c.yaml:3: by_name.x.lvel: unknown option; did you mean 'level'?",
        ),
        (
            "in_order:\n- level: 1\n- leve: 1",
            "c.yaml:3: in_order.1.leve: unknown option; did you mean 'level'?",
        ),
        (
            "deep: {x: [{levels: 1}]}",
            "c.yaml:1: deep.x.0.levels: unknown option; did you mean 'level'?",
        ),
        ("inner: {flag: 1}", "c.yaml:1: inner.flag: unknown option"),
        ("on: 1", "c.yaml:1: on: unknown option"),
        ("onl: 1", "c.yaml:1: onl: unknown option; did you mean 'only'?"),
    ],
)
def test_unknown_option_is_told_with_the_one_that_was_meant(text: str, said: str) -> None:
    assert problems(text) == [said]


def test_all_that_is_wrong_is_told_with_its_line() -> None:
    text = "flag: 1\nwhole: 2\ninner:\n  level: 0\n  speed: 7\nin_order:\n  - 1\n  - level: x\n"

    assert problems(text) == [
        "c.yaml:1: flag: expected true or false (got 1)",
        "c.yaml:4: inner.level: expected at least 1 (got 0)",
        "c.yaml:5: inner.speed: unknown option",
        "c.yaml:7: in_order.0: expected a mapping (got 1)",
        "c.yaml:8: in_order.1.level: expected a whole number (got 'x')",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: odd", ["c.yaml:1: name: is odd (got 'odd')"]),
        ("name: told", ["c.yaml:1: name: there is no 'told'"]),
        ("name: option", ["c.yaml:1: name: is refused"]),
        ("port: 1\nname: whole", ["c.yaml:1: does not fit together"]),
        (
            "port: 1\nname: both",
            ["c.yaml:2: name: not with a port", "c.yaml:1: port: not with a name"],
        ),
        (
            "inner:\n  level: 13",
            ["c.yaml:2: inner.level: brings bad luck", "c.yaml:1: inner.long-name: give it one"],
        ),
    ],
)
def test_validator_is_told_at_the_option_that_it_refuses(text: str, said: list[str]) -> None:
    assert problems(text, Guarded) == said


def test_validator_within_a_section_refuses_relative_to_it() -> None:
    text = "a:\n  - name: x\n  - name: both\n    port: 2\n"

    assert problems(text, dict[str, list[Guarded]]) == [
        "c.yaml:3: a.1.name: not with a port",
        "c.yaml:4: a.1.port: not with a name",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nport: 1", ["c.yaml:2: inner: required, but not there"]),
        ("port: 1\ninner: {}", ["c.yaml:2: inner.needed-name: required, but not there"]),
    ],
)
def test_missing_option_is_told_where_it_would_stand(text: str, said: list[str]) -> None:
    assert problems(text, Needy) == said


def test_null_in_the_place_of_a_section_is_told() -> None:
    assert problems("port: 1\ninner:\n", Needy) == [
        "c.yaml:2: inner: expected a mapping (got nothing)"
    ]


def test_section_without_anything_in_it_is_told_once_where_it_is_left_out() -> None:
    document = put_in("port: 1\ninner:\n").document
    with pytest.raises(ValidationError) as caught:
        Needy.model_validate(without_empty_sections(Needy, document.value))

    assert [str(each) for each in problems_of(caught.value, document, (), Needy)] == [
        "c.yaml:2: inner: required, but not there"
    ]


def test_missing_option_is_told_with_the_reason_why_it_is() -> None:
    text = "inner: {needed-name: x}\nport#env: PORT\n"

    assert problems(text, Needy) == [
        "c.yaml:2: port: required, but not there (environment variable PORT is not set)"
    ]


def test_section_that_does_not_fit_is_told_with_the_options_that_have_no_value() -> None:
    found = put_in("name: whole\nport#env: PORT\n")

    assert validate(found, Guarded) == [
        "c.yaml:1: does not fit together (port: environment variable PORT is not set)"
    ]


def test_value_of_nothing_is_told_with_where_that_is() -> None:
    found = put_in("text: $empty\ninner: {level: 0}\n", "\nempty:\n")

    assert validate(found) == [
        "c.yaml:1: text: expected a text (got nothing) (from variable 'empty' in v.yaml:2)",
        "c.yaml:2: inner.level: expected at least 1 (got 0)",
    ]


def test_value_from_elsewhere_is_told_with_its_origin() -> None:
    found = put_in(
        "whole: $port\nin_order: $list\ntext#env: TEXT\ninner#env: INNER\n",
        "# vars\nport: '80'\nlist:\n  - level: 1\n  - level: no\n",
        TEXT="no",
        INNER="{levle: 1}",
    )

    assert validate(found) == [
        "c.yaml:1: whole: expected a whole number (got '80') (from variable 'port' in v.yaml:2)",
        "c.yaml:3: text: expected a text (got false); in quotes it is a text: 'no'"
        " (from environment variable TEXT)",
        "c.yaml:4: inner.levle: unknown option; did you mean 'level'?"
        " (from environment variable INNER)",
        "c.yaml:2: in_order.1.level: expected a whole number (got false)"
        " (from variable 'list' in v.yaml:5)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("port: $x\ninner: {needed-name: x}", id="option"),
        pytest.param("port: 1\ninner: $x", id="section"),
        pytest.param("port: 1\ninner: {needed-name: $x}", id="option within a section"),
        pytest.param("port: !t 1\ninner: {needed-name: x}", id="no value"),
        pytest.param("port: 1\ninner: !t {}", id="no section"),
        pytest.param("port: $x\ninner: !t {needed-name: 7}", id="both"),
    ],
)
def test_nothing_is_told_that_follows_only_from_an_undecided_value(text: str) -> None:
    assert validate(put_in(text), Needy) == []


@pytest.mark.parametrize("value", ["$x", "!t 1"])
def test_unknown_name_is_told_though_its_value_is_undecided(value: str) -> None:
    document = put_in(f"falg: {value}\nflag: {value}\n").document
    document = replace(document, value={"falg": None, "flag": None})
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.value)

    assert [str(each) for each in problems_of(caught.value, document, (), Outer)] == [
        "c.yaml:1: falg: unknown option; did you mean 'flag'?"
    ]


def test_list_that_an_undecided_value_makes_bad_is_not_told() -> None:
    assert validate(put_in("words: [$x]\nflag: 7\n")) == [
        "c.yaml:2: flag: expected true or false (got 7)"
    ]


def test_validator_that_blames_an_undecided_value_is_not_told() -> None:
    found = put_in("name: both\nport: $x\n")

    assert validate(found, Guarded) == ["c.yaml:1: name: not with a port"]


def test_path_of_what_was_validated_comes_first() -> None:
    found = put_in("a:\n  - whole: x\n    inner: {leve: 1}\n")

    assert validate(found, Outer, ("a", 0)) == [
        "c.yaml:2: a.0.whole: expected a whole number (got 'x')",
        "c.yaml:3: a.0.inner.leve: unknown option; did you mean 'level'?",
    ]


def test_values_without_places_are_told_with_what_they_came_from() -> None:
    document = plain_document("defaults", {"flag": "x"})
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document.value)

    assert [str(each) for each in problems_of(caught.value, document, (), Outer)] == [
        "defaults: flag: expected true or false (got 'x')"
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: 7", "; in quotes it is a text: '7'"),
        (f"a: 0x{'f' * 200}", f"; in quotes it is a text: '0x{'f' * 78}'"),
        ("a: text", ""),
        ("a: '7'", ""),
        ("a:", ""),
        ("a: [7]", ""),
    ],
)
def test_quotes_are_proposed_for_what_was_written_as_a_text(text: str, hint: str) -> None:
    assert quoted(parse_yaml(text.encode(), "c.yaml"), ("a",)) == hint


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "true"),
        (False, "false"),
        (None, "nothing"),
        (0, "0"),
        (1.5, "1.5"),
        ("text", "'text'"),
        ("", "''"),
        ("two\nlines", r"'two\nlines'"),
        ("\ud800", r"'\ud800'"),
        ({}, "an empty mapping"),
        ({"secret": 1}, "a mapping"),
        ([], "an empty list"),
        ([1], "a list"),
        ("x" * 78, f"'{'x' * 78}'"),
        ("x" * 79, f"'{'x' * 79}..."),
    ],
)
def test_what_is_there_is_shown_in_short_and_as_a_file_would_say_it(
    value: object, said: str
) -> None:
    assert got(value) == f" (got {said})"
