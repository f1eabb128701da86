from pathlib import Path

import pytest

from app.static_config.document import Document, OptionPath
from app.static_config.lookup import Surroundings
from app.static_config.substitution import Substituted, substitute
from app.static_config.yaml_document import parse_yaml

VARIABLES = "one: 1\nlist: [a, b]\nsection: {port: 8080, name: no}\ndollar: $one\nempty:\n"

NO_FILE = "and no file of variables is named"
WAY_OUT = "name one with 'config_vars: FILE'"


def parse(text: str, file: str = "c.yaml") -> Document:
    return parse_yaml(text.encode(), file)


def put_in(
    text: str,
    variables: str | None = VARIABLES,
    environment: dict[str, str] | None = None,
    *,
    unreadable: bool = False,
    no_variables: str = "",
) -> Substituted:
    """Put in what a config takes from these variables and from the file `f`, which has 3 lines."""
    files = {"f": "# comment\nport: 1\nhosts: [a]\n", "broken": "[", "empty": ""}
    surroundings = Surroundings(
        None if variables is None else parse(variables, "v.yaml"),
        environment or {},
        lambda path: parse(files[path], path) if path in files else None,
        variables_unreadable=unreadable,
        no_variables=no_variables,
    )
    return substitute(parse(text), surroundings)


def good(text: str, **environment: str) -> object:
    """Return the value of a config with which nothing is wrong."""
    found = put_in(text, environment=environment).document
    assert found.problems == ()
    assert found.undecided == frozenset()
    return found.value


def problems(found: Substituted) -> list[str]:
    return [str(problem) for problem in found.document.problems]


def origins(found: Substituted) -> dict[OptionPath, tuple[str, str]]:
    options = found.document.places.options
    return {path: (str(place), place.origin) for path, place in options.items()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a: 1", {"a": 1}, id="plain"),
        pytest.param("a: $one", {"a": 1}, id="variable"),
        pytest.param("a: '$one'", {"a": 1}, id="variable in quotes"),
        pytest.param("a: $section", {"a": {"port": 8080, "name": False}}, id="mapping"),
        pytest.param("a: $list", {"a": ["a", "b"]}, id="list"),
        pytest.param("a: $empty", {"a": None}, id="null"),
        pytest.param("a: {b: [{c: $one}]}", {"a": {"b": [{"c": 1}]}}, id="within"),
        pytest.param("a: $none\na#env: E", {"a": 7}, id="environment, for a variable"),
        pytest.param("a: $none\na#file: empty", {"a": None}, id="file, for a variable"),
        pytest.param("a: $none\na#fallback: 9", {"a": 9}, id="fallback, for a variable"),
        pytest.param("a: $one\na#env: E\na#fallback: 9", {"a": 1}, id="variable before all others"),
        pytest.param("a#env: E", {"a": 7}, id="environment"),
        pytest.param("a#env: E\na#file: f\na#fallback: 9", {"a": 7}, id="environment first"),
        pytest.param(
            "a#env: NOT_SET\na#file: empty\na#fallback: 9", {"a": None}, id="then the file"
        ),
        pytest.param("a#file: f", {"a": {"port": 1, "hosts": ["a"]}}, id="file"),
        pytest.param(
            "a#env: NOT_SET\na#file: nowhere\na#fallback: 9", {"a": 9}, id="then the fallback"
        ),
        pytest.param("a#env: NOT_SET\na#fallback: {b: [9]}", {"a": {"b": [9]}}, id="fallback"),
        pytest.param("a#env: NOT_SET\nb: 1", {"b": 1}, id="nothing"),
        pytest.param("a: 5 $one", {"a": "5 $one"}, id="dollar within a text"),
        pytest.param("$one: 1", {"$one": 1}, id="dollar in a key"),
        pytest.param("[$one, [$one], $list]", [1, [1], ["a", "b"]], id="in lists"),
        pytest.param("7", 7, id="no mapping"),
    ],
)
def test_value_is_put_in(text: str, value: object) -> None:
    assert good(text, E="7") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8080", 8080),
        ("text", "text"),
        ("'8080'", "8080"),
        ("no", False),
        ("1:30", "1:30"),
        ("~", None),
        (" ", None),
        ("[a, 1]", ["a", 1]),
        ("{a: {b: yes}}", {"a": {"b": True}}),
        ("a: 1\nb: 2", {"a": 1, "b": 2}),
    ],
)
def test_environment_variable_is_read_as_yaml(text: str, value: object) -> None:
    assert good("a#env: E", E=text) == {"a": value}


def test_empty_environment_variable_is_not_there() -> None:
    found = put_in("a#env: E", environment={"E": ""})

    assert found.document.value == {}
    assert found.document.absent == {("a",): "environment variable E is not set"}


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("a: $dollar", {}),
        ("[$dollar]", {}),
        ("a#env: E", {"E": "$one"}),
        ("a: $none\na#fallback: $one", {}),
    ],
)
def test_dollar_in_a_value_that_was_put_in_means_nothing(
    text: str, environment: dict[str, str]
) -> None:
    value = good(text, **environment)

    assert value in ({"a": "$one"}, ["$one"])


def test_suffix_in_a_value_that_was_put_in_means_nothing() -> None:
    assert good("a#env: E", E="{b#env: E, c#fallback: 1}") == {"a": {"b#env": "E", "c#fallback": 1}}


def test_value_from_elsewhere_stands_at_the_option_and_tells_its_origin() -> None:
    found = put_in(
        "x: 0\na: $section\nb#file: f\nc: [$one]\nd#env: E\n", environment={"E": "{e: 1}"}
    )

    assert origins(found) == {
        ("x",): ("c.yaml:1", ""),
        ("a",): ("c.yaml:2", "variable 'section' in v.yaml:3"),
        ("a", "port"): ("c.yaml:2", "variable 'section' in v.yaml:3"),
        ("a", "name"): ("c.yaml:2", "variable 'section' in v.yaml:3"),
        ("b",): ("c.yaml:3", "f:2"),
        ("b", "port"): ("c.yaml:3", "f:2"),
        ("b", "hosts"): ("c.yaml:3", "f:3"),
        ("b", "hosts", 0): ("c.yaml:3", "f:3"),
        ("c",): ("c.yaml:4", ""),
        ("c", 0): ("c.yaml:4", "variable 'one' in v.yaml:1"),
        ("d",): ("c.yaml:5", "environment variable E"),
        ("d", "e"): ("c.yaml:5", "environment variable E"),
    }


def test_fallback_stands_where_it_is_written() -> None:
    found = put_in("a: $none\na#env: NOT_SET\na#fallback:\n  b:\n    - 1\n")

    assert origins(found) == {
        ("a",): ("c.yaml:3", ""),
        ("a", "b"): ("c.yaml:4", ""),
        ("a", "b", 0): ("c.yaml:5", ""),
    }


def test_variable_with_several_lines_tells_the_one_that_matters() -> None:
    found = put_in("a: $x", "x:\n  b: 1\n  c:\n    - 2\n")

    assert [origin for _, origin in origins(found).values()] == [
        "variable 'x' in v.yaml:1",
        "variable 'x' in v.yaml:2",
        "variable 'x' in v.yaml:3",
        "variable 'x' in v.yaml:4",
    ]


def test_how_a_value_was_written_goes_with_it() -> None:
    found = put_in("a: $section\nb: 0x1F\nc: $none\nc#fallback: [yes]\nd: [$one]\n")

    assert found.document.written == {
        ("a", "port"): "8080",
        ("a", "name"): "no",
        ("b",): "0x1F",
        ("c", 0): "yes",
        ("d", 0): "1",
    }


@pytest.mark.parametrize("value", ["1", "text", "[]", "{}", "~"])
def test_value_in_place_wins_and_what_is_passed_over_is_warned_of(value: str) -> None:
    found = put_in(f"a: {value}\na#env: E\na#file: broken\na#fallback: 9\n", environment={"E": "7"})

    assert found.document.value == parse(f"a: {value}").value
    assert found.document.problems == ()
    assert [str(each) for each in found.warnings] == [
        "c.yaml:2: a#env: has no effect, since 'a' has a value of its own",
        "c.yaml:3: a#file: has no effect, since 'a' has a value of its own",
        "c.yaml:4: a#fallback: has no effect, since 'a' has a value of its own",
    ]


def test_what_is_taken_from_elsewhere_is_no_reason_to_warn() -> None:
    found = put_in(
        "a: $one\na#env: E\na#fallback: 9\nb#env: E\nb#fallback: 1\n", environment={"E": "7"}
    )

    assert found.warnings == ()


@pytest.mark.parametrize(
    ("text", "variables", "said"),
    [
        ("a: $x", None, f"a: there is no variable 'x', {NO_FILE}; {WAY_OUT}"),
        ("a: $x", "", "a: there is no variable 'x' in v.yaml"),
        ("a: $prot", "port: 1", "a: there is no variable 'prot' in v.yaml; did you mean 'port'?"),
        (
            "a: $prot",
            "port#env: P",
            "a: there is no variable 'prot' in v.yaml; did you mean 'port'?",
        ),
        ("a: $", "x: 1", "a: there is no variable '' in v.yaml"),
        ("a: {b: ['$x y']}", "", "a.b.0: there is no variable 'x y' in v.yaml"),
        (
            "a: $x\na#env: E\na#file: nowhere",
            "",
            "a: there is no variable 'x' in v.yaml; environment variable E is not set;"
            f" there is no file {Path('nowhere').absolute()}",
        ),
        (
            "a: $x\na#env: E",
            None,
            f"a: there is no variable 'x', {NO_FILE}; environment variable E is not set; {WAY_OUT}",
        ),
        (
            "a: $x",
            "x#env: X\nx#file: nowhere",
            "a: variable 'x' in v.yaml has no value; environment variable X is not set;"
            f" there is no file {Path('nowhere').absolute()}",
        ),
    ],
)
def test_variable_that_is_not_there_is_told(text: str, variables: str | None, said: str) -> None:
    assert problems(put_in(f"\n{text}", variables)) == [f"c.yaml:2: {said}"]


def test_why_no_file_of_variables_is_named_is_told() -> None:
    found = put_in("a: $x\na#env: E\n", None, no_variables="there is no file name.yaml")

    assert problems(found) == [
        f"c.yaml:1: a: there is no variable 'x', {NO_FILE} (there is no file name.yaml);"
        f" environment variable E is not set; {WAY_OUT}"
    ]


def test_variable_that_is_not_there_leaves_its_option_undecided() -> None:
    found = put_in("a: $x\nb: {c: $y, d: 1}\ne: [$z, 2]\n", "")

    assert found.document.value == {"b": {"d": 1}, "e": [None, 2]}
    assert found.document.undecided == {("a",), ("b", "c"), ("e", 0)}
    assert len(found.document.problems) == 3


def test_variables_that_could_not_be_read_are_not_told_one_by_one() -> None:
    found = put_in("a: $x\nb: [$y]\nc: $z\nc#fallback: 1\n", None, unreadable=True)

    assert found.document.problems == ()
    assert found.document.undecided == {("a",), ("b", 0)}
    assert found.document.value_at(("c",)) == 1


def test_option_that_nothing_leads_to_is_absent_for_a_reason() -> None:
    found = put_in("server:\n  port#env: PORT\n  tls#env: TLS\n  tls#file: tls.yaml\n")

    assert found.document.value == {"server": {}}
    assert found.document.problems == ()
    assert found.document.undecided == frozenset()
    assert found.document.absent == {
        ("server", "port"): "environment variable PORT is not set",
        ("server", "tls"): "environment variable TLS is not set;"
        f" there is no file {Path('tls.yaml').absolute()}",
    }
    assert str(found.document.places.of(("server", "port"))) == "c.yaml:2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: $empty", "variable 'empty' in v.yaml:5"),
        ("a#env: E", "environment variable E"),
        ("a#file: empty", "empty:1"),
    ],
)
def test_option_that_is_given_nothing_is_absent_for_a_reason(text: str, said: str) -> None:
    found = put_in(text, environment={"E": "~"}).document

    assert found.value == {"a": None}
    assert found.absent == {("a",): f"there is nothing in {said}"}


def test_fallback_of_nothing_is_meant() -> None:
    assert put_in("a#env: NOT_SET\na#fallback: ~\n").document.absent == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a#file: broken", "a#file: broken:1: not valid YAML: "),
        ("a#env: E", "a#env: environment variable E:1: not valid YAML: "),
        ("a#env: [E]", "a#env: expected a name, as text (got a list)"),
        ("a#env: 7", "a#env: expected a name, as text (got 7); in quotes it is a text: '7'"),
        ("a#fallback: 1", "a#fallback: has no effect without a#env or a#file beside it"),
        ("{b#file: ''}", "b#file: expected a name, as text (got '')"),
    ],
)
def test_what_cannot_be_put_in_is_told_once_and_leaves_the_option_undecided(
    text: str, said: str
) -> None:
    found = put_in(f"x: 1\nsection:\n  - {text}\n", environment={"E": "["})

    (problem,) = problems(found)
    assert problem.startswith(f"c.yaml:3: section.0.{said}")
    (undecided,) = found.document.undecided
    assert undecided[:2] == ("section", 0)
    assert len(undecided) == 3


@pytest.mark.parametrize("suffix", ["env", "file"])
def test_name_that_is_no_value_is_told_once(suffix: str) -> None:
    found = put_in(f"a#{suffix}: !t x\nb: 1\n")

    assert problems(found) == [f"c.yaml:1: a#{suffix}: unknown tag '!t'"]
    assert found.document.is_undecided(("a",))


def test_variable_whose_file_is_broken_is_told_at_its_place() -> None:
    found = put_in("a: $x\nb: $x\n", "y: 1\nx#file: broken\n")

    assert {each.split(": not")[0] for each in problems(found)} == {
        "v.yaml:2: x#file: broken:1",
    }
    assert found.document.undecided == {("a",), ("b",)}


def test_what_was_wrong_with_the_document_stays_so() -> None:
    found = put_in("a: !t 1\nb: 1\nb: $x\nc: $one\n")

    assert sorted(problems(found)) == [
        "c.yaml:1: a: unknown tag '!t'",
        "c.yaml:3: b: the same key is in line 2 already",
    ]
    assert found.document.undecided == {("a",)}
    assert found.document.value == {"a": None, "b": 1, "c": 1}


@pytest.mark.parametrize(
    ("text", "path"),
    [("a#env: NOT_SET\na#fallback: !t 1", ("a",)), ("a: $x\na#fallback: {b: !t 1}", ("a", "b"))],
)
def test_fallback_that_is_no_value_leaves_its_option_undecided_and_nothing_else(
    text: str, path: OptionPath
) -> None:
    found = put_in(f"{text}\nc: !t 1\nd#env: NOT_SET\nd#fallback: 1\n")

    assert len(found.document.problems) == 2
    assert found.document.is_undecided(path)
    assert not found.document.hides(("d",))


def test_alias_is_put_in_at_each_place() -> None:
    found = put_in("a: &a\n  b: $one\nc: *a\n")

    assert found.document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert origins(found)[("c", "b")] == ("c.yaml:2", "variable 'one' in v.yaml:1")


def test_place_of_the_document_stays() -> None:
    assert put_in("\n\na: 1").document.places.document.line == 3
