from collections.abc import Mapping
from pathlib import Path

import pytest

from app.static_config.config_vars import is_of_variables, named_variables, read_variables
from app.static_config.document import Document
from app.static_config.errors import ConfigFileError
from app.static_config.yaml_document import parse_yaml


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(text: str, environment: Mapping[str, str] | None = None) -> Document:
    """Return what a static config says of where its variables are."""
    return named_variables(parse_yaml(text.encode(), "c.yaml"), environment or {}).document


def read(
    text: str = "",
    given: str | None = None,
    override: str | None = None,
    **environment: str,
) -> Document | None:
    """Return the variables of a static config and of the files that the command line names."""
    return read_variables(
        named(text, environment),
        None if given is None else Path(given),
        None if override is None else Path(override),
    )


def good(text: str = "", given: str | None = None, override: str | None = None) -> Document:
    document = read(text, given, override)
    assert document is not None
    return document


def refusals(text: str = "", given: str | None = None, override: str | None = None) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        read(text, given, override)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("config_vars", True),
        ("config_vars#env", True),
        ("config_vars#file", True),
        ("config_vars#fallback", True),
        ("config_var", False),
        ("config_vars_override", False),
        ("components_manager", False),
    ],
)
def test_key_says_where_the_variables_are_if_it_is_about_them(key: str, expected: bool) -> None:
    assert is_of_variables(key) is expected


# What the static config says of them


def test_variables_are_those_of_the_file_that_the_config_names(folder: Path) -> None:
    (folder / "v.yaml").write_text("# of this host\nport: 8080\n")

    variables = good("config_vars: v.yaml\na: $port\n")

    assert variables.value == {"port": 8080}
    assert str(variables.places.of(("port",))) == f"{folder}/v.yaml:2"


@pytest.mark.parametrize(
    "text",
    [
        "config_vars#env: E",
        "config_vars#env: NOT_SET\nconfig_vars#fallback: v.yaml",
        "config_vars#file: name.yaml",
    ],
)
def test_name_of_the_variables_may_come_from_elsewhere(folder: Path, text: str) -> None:
    (folder / "v.yaml").write_text("x: 1")
    (folder / "name.yaml").write_text("v.yaml")

    variables = read(text, E="v.yaml")

    assert variables is not None
    assert variables.value == {"x": 1}


@pytest.mark.parametrize("text", ["a: 1", "config_vars:", "config_vars#env: NOT_SET", "~"])
def test_config_that_names_no_variables_has_none(text: str) -> None:
    assert read(text) is None


def test_empty_file_of_variables_has_none(folder: Path) -> None:
    (folder / "v.yaml").write_text("")

    assert good("config_vars: v.yaml").value == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "1: expected a mapping: 'name: value' in each line"),
        ("a: b: c", "1: not valid YAML: mapping values are not allowed here"),
        ("x: 1\ny: 2\nx: 3", "3: x: the same key is in line 1 already"),
        ("x: 1\ny: !t 2", "2: y: unknown tag '!t'"),
    ],
)
def test_bad_variables_are_refused_in_their_file(folder: Path, content: str, said: str) -> None:
    (folder / "v.yaml").write_text(content)

    assert refusals("config_vars: v.yaml") == [f"{folder}/v.yaml:{said}"]


def test_missing_variables_are_refused_where_they_are_named(folder: Path) -> None:
    assert refusals("\nconfig_vars: v.yaml") == [
        f"c.yaml:2: config_vars: {folder}/v.yaml: No such file or directory;"
        " relative to the current directory"
    ]


def test_absolute_path_of_the_variables_is_not_said_to_be_relative() -> None:
    assert refusals("config_vars: /no/where.yaml") == [
        "c.yaml:1: config_vars: /no/where.yaml: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("[v.yaml]", "a list"),
        ("7", "7"),
        ("''", "''"),
        ("{v: w}", "a mapping"),
        ("no", "false"),
    ],
)
def test_name_of_the_variables_must_be_a_path(name: str, got: str) -> None:
    assert refusals(f"\nconfig_vars: {name}\n") == [
        f"c.yaml:2: config_vars: expected the path of a YAML file, as text (got {got})"
    ]


def test_contents_in_the_place_of_the_path_of_the_variables_are_not_shown() -> None:
    assert refusals('config_vars: "secret: 1\\nport: 2\\n"\n') == [
        "c.yaml:1: config_vars: expected the path of a file, got what may be its contents"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config_vars: $x", "config_vars: there is no variable 'x'"),
        ("config_vars#env: [E]", "config_vars#env: expected a name, as text"),
        ("config_vars#fallback: x", "config_vars#fallback: has no effect without"),
        ("config_vars: .", "config_vars: "),
    ],
)
def test_variables_that_are_badly_named_are_refused_once(text: str, said: str) -> None:
    (problem,) = refusals(text)

    assert problem.startswith(f"c.yaml:1: {said}")


@pytest.mark.parametrize("text", ["config_vars: !t x", "config_vars#env: !t x"])
def test_name_of_the_variables_that_is_no_value_has_been_told(text: str) -> None:
    assert refusals(text) == []


def test_name_of_the_variables_that_has_no_effect_is_warned_of() -> None:
    document = parse_yaml(b"config_vars: v.yaml\nconfig_vars#env: E\n", "c.yaml")

    assert [each.path for each in named_variables(document, {}).warnings] == [("config_vars#env",)]


def test_why_no_variables_are_named_is_noted() -> None:
    assert named("config_vars#env: NOT_SET").absent == {
        ("config_vars",): "environment variable NOT_SET is not set"
    }


# What the command line says of them


def test_command_line_names_variables_instead_of_the_config(folder: Path) -> None:
    (folder / "v.yaml").write_text("size: 1\ny: 1\n")
    (folder / "other.yaml").write_text("size: 2\n")

    assert good("config_vars: v.yaml", given="other.yaml").value == {"size": 2}


def test_variables_of_the_command_line_do_not_need_those_of_the_config(folder: Path) -> None:
    (folder / "v.yaml").write_text("x: 1")

    assert good("config_vars: nowhere.yaml", given="v.yaml").value == {"x": 1}


def test_override_comes_before_the_variables_one_by_one(folder: Path) -> None:
    (folder / "v.yaml").write_text("x: {p: 1, q: no}\ny: yes\n")
    (folder / "o.yaml").write_text("# here\nx: {p: on}\nz: 4\n")

    variables = good("config_vars: v.yaml", override="o.yaml")

    assert variables.value == {"y": True, "x": {"p": True}, "z": 4}
    assert {key: str(place) for key, place in variables.places.options.items()} == {
        ("y",): f"{folder}/v.yaml:2",
        ("x",): f"{folder}/o.yaml:2",
        ("x", "p"): f"{folder}/o.yaml:2",
        ("z",): f"{folder}/o.yaml:3",
    }
    assert variables.written == {("y",): "yes", ("x", "p"): "on", ("z",): "4"}
    assert variables.places.document.file == f"{folder}/v.yaml or {folder}/o.yaml"


def test_override_comes_before_the_variables_of_the_command_line(folder: Path) -> None:
    (folder / "v.yaml").write_text("x: 1\ny: 1")
    (folder / "o.yaml").write_text("x: 2")

    assert good(given="v.yaml", override="o.yaml").value == {"y": 1, "x": 2}


@pytest.mark.parametrize("given", ["x: 1", "x#env: X", "x#file: f.yaml", "x#env: X\nx#file: f"])
@pytest.mark.parametrize("instead", ["x: 2", "x#env: Y", "x#env: NOT_SET\nx#fallback: 2"])
def test_override_replaces_all_that_is_said_of_a_variable(
    folder: Path, given: str, instead: str
) -> None:
    (folder / "v.yaml").write_text(f"{given}\nx#fallback: 1\ny: 1")
    (folder / "o.yaml").write_text(instead)

    variables = good(given="v.yaml", override="o.yaml")

    assert variables.value == {"y": 1, **parse_yaml(instead.encode(), "").mapping()}


def test_override_alone_has_variables(folder: Path) -> None:
    (folder / "o.yaml").write_text("x: 2")

    assert good(override="o.yaml").value == {"x": 2}


def test_missing_file_of_the_command_line_tells_the_option_that_names_it(folder: Path) -> None:
    said = f"{folder}/nowhere.yaml: No such file or directory"

    assert refusals(given="nowhere.yaml") == [f"{said}; --config_vars names it"]
    assert refusals(override="nowhere.yaml") == [f"{said}; --config_vars_override names it"]


def test_both_files_of_variables_that_are_missing_are_told_together(folder: Path) -> None:
    assert refusals("config_vars: v.yaml", override="o.yaml") == [
        f"c.yaml:1: config_vars: {folder}/v.yaml: No such file or directory;"
        " relative to the current directory",
        f"{folder}/o.yaml: No such file or directory; --config_vars_override names it",
    ]


def test_bad_values_in_both_files_of_variables_are_told_together(folder: Path) -> None:
    (folder / "v.yaml").write_text("x: 1\nx: 2\n")
    (folder / "o.yaml").write_text("y: 1\ny: 2\n")

    assert refusals(given="v.yaml", override="o.yaml") == [
        f"{folder}/v.yaml:2: x: the same key is in line 1 already",
        f"{folder}/o.yaml:2: y: the same key is in line 1 already",
    ]
