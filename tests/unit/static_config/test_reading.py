from pathlib import Path

import pytest

from app.static_config.errors import ConfigFileError
from app.static_config.reading import ConfigFiles, find_static_config, read_static_config
from app.static_config.substitution import Substituted

WAY_OUT = "name another file with '-c FILE' or in $STATIC_CONFIG"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(
    text: str,
    variables: str | None = None,
    override: str | None = None,
    **environment: str,
) -> Substituted:
    """Read a static config, with the config vars that the command line names, if any."""
    Path("c.yaml").write_text(text)
    return read_static_config(
        ConfigFiles(
            Path("c.yaml"),
            None if variables is None else Path(variables),
            None if override is None else Path(override),
        ),
        environment,
    )


def problems(found: Substituted) -> list[str]:
    return [str(problem) for problem in found.document.problems]


def test_given_path_comes_before_the_environment(folder: Path) -> None:
    found = find_static_config(Path("given.yaml"), {"STATIC_CONFIG": "other.yaml"})

    assert found == folder / "given.yaml"


def test_environment_comes_before_the_development_config(folder: Path) -> None:
    (folder / "config_dev.yaml").touch()

    found = find_static_config(None, {"STATIC_CONFIG": "other.yaml"})

    assert found == folder / "other.yaml"


def test_development_config_comes_before_the_default(folder: Path) -> None:
    (folder / "config_dev.yaml").touch()

    assert find_static_config(None, {}) == folder / "config_dev.yaml"


def test_service_may_have_defaults_of_its_own(folder: Path) -> None:
    (folder / "config_dev.yaml").touch()
    defaults = [Path("first.yaml"), Path("second.yaml"), Path("third.yaml")]

    assert find_static_config(None, {}, defaults) == folder / "third.yaml"
    (folder / "second.yaml").touch()
    assert find_static_config(None, {}, defaults) == folder / "second.yaml"
    (folder / "first.yaml").touch()
    assert find_static_config(None, {}, defaults) == folder / "first.yaml"
    assert find_static_config(None, {"STATIC_CONFIG": "x.yaml"}, defaults) == folder / "x.yaml"


@pytest.mark.parametrize("environment", [{}, {"STATIC_CONFIG": ""}])
def test_default_is_found_where_nothing_else_is_named(
    folder: Path, environment: dict[str, str]
) -> None:
    assert find_static_config(None, environment) == folder / "config/static_config.yaml"


def test_environment_of_the_process_is_read_at_the_call(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATIC_CONFIG", "now.yaml")

    assert find_static_config(None) == folder / "now.yaml"


def test_absolute_path_stays_as_it_is() -> None:
    path = Path("/etc/service/static_config.yaml")

    assert find_static_config(path, {}) == path


def test_missing_file_is_named_whole_with_a_way_out(folder: Path) -> None:
    with pytest.raises(ConfigFileError) as caught:
        read_static_config(ConfigFiles(Path("nowhere.yaml")), {})

    assert str(caught.value) == f"{folder}/nowhere.yaml: No such file or directory; {WAY_OUT}"


def test_variables_are_those_of_the_file_that_the_config_names(folder: Path) -> None:
    (folder / "v.yaml").write_text("# of this host\nport: 8080\n")

    document = read("config_vars: v.yaml\na: $port\n").document

    assert document.value == {"a": 8080}
    assert document.places.of(("a",)).origin == f"variable 'port' in {folder}/v.yaml:2"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("named", ["", "config_vars:\n", "config_vars#env: NOT_SET\n"])
def test_config_without_variables_needs_none(named: str) -> None:
    found = read(f"{named}a: 1\n")

    assert found.document.value == {"a": 1}
    assert found.document.problems == ()


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("", ""),
        ("config_vars:\n", ""),
        ("config_vars#env: NOT_SET\n", " (environment variable NOT_SET is not set)"),
        ("config_vars#file: no.yaml\n", " (there is no file {folder}/no.yaml)"),
    ],
)
def test_variable_without_a_file_of_them_is_refused_and_it_is_told_why_there_is_none(
    folder: Path, named: str, why: str
) -> None:
    (problem,) = problems(read(f"{named}a: $x\n"))

    assert problem.endswith(
        ": a: there is no variable 'x', and no file of variables is named"
        f"{why.format(folder=folder)};"
        " name one with 'config_vars: FILE'"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "v.yaml:1: expected a mapping: 'name: value' in each line"),
        ("a: b: c", "v.yaml:1: not valid YAML: mapping values are not allowed here"),
        ("x: 1\ny: 2\nx: 3", "v.yaml:3: x: the same key is in line 1 already"),
        ("x: 1\ny: !t 2", "v.yaml:2: y: unknown tag '!t'"),
        (
            None,
            "c.yaml:1: config_vars: {folder}/v.yaml: No such file or directory;"
            " relative to the current directory",
        ),
    ],
)
def test_bad_variables_are_told_once_and_nothing_that_follows_from_them(
    folder: Path, content: str | None, said: str
) -> None:
    if content is not None:
        (folder / "v.yaml").write_text(content)

    found = read("config_vars: v.yaml\na: $x\nb: [$z]\nc: 1\n")

    assert problems(found) == [f"{folder}/{said.format(folder=folder)}"]
    assert found.document.undecided == {("a",), ("b", 0)}
    assert found.document.value == {"b": [None], "c": 1}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("config_vars: $x", "config_vars: there is no variable 'x'"),
        ("config_vars: !t x", "config_vars: unknown tag '!t'"),
        ("config_vars#env: !t x", "config_vars#env: unknown tag '!t'"),
        ("config_vars#fallback: x", "config_vars#fallback: has no effect without"),
        ("config_vars: .", "config_vars: "),
    ],
)
def test_variables_that_are_badly_named_are_told_once(named: str, said: str) -> None:
    (problem,) = problems(read(f"{named}\na: $y\n"))

    assert f"c.yaml:1: {said}" in problem


def test_other_mistakes_in_the_config_hide_nothing_of_the_variables(folder: Path) -> None:
    (folder / "v.yaml").write_text("port: 1")

    found = read("a: !t 1\nconfig_vars: v.yaml\nb: $port\nc: $prot\n")

    assert [each.path for each in found.document.problems] == [("a",), ("c",)]
    assert found.document.value_at(("b",)) == 1


def test_name_of_the_variables_that_has_no_effect_is_warned_of(folder: Path) -> None:
    (folder / "v.yaml").write_text("x: 1")

    found = read("config_vars: v.yaml\nconfig_vars#env: E\na: $x\n")

    assert [each.path for each in found.warnings] == [("config_vars#env",)]


def test_command_line_names_variables_instead_of_the_config(folder: Path) -> None:
    (folder / "v.yaml").write_text("size: 1\ny: 1\n")
    (folder / "other.yaml").write_text("size: 2\n")

    found = read("config_vars: v.yaml\na: $size\nb: $y\n", variables="other.yaml")

    assert found.document.value == {"a": 2}
    assert problems(found) == [
        f"{folder}/c.yaml:3: b: there is no variable 'y' in {folder}/other.yaml"
    ]


def test_variable_that_the_override_leaves_without_a_value_is_told(folder: Path) -> None:
    (folder / "v.yaml").write_text("x: 1")
    (folder / "o.yaml").write_text("x#env: NOT_SET")

    assert problems(read("a: $x", variables="v.yaml", override="o.yaml")) == [
        f"{folder}/c.yaml:1: a: variable 'x' in {folder}/v.yaml or {folder}/o.yaml has no value;"
        " environment variable NOT_SET is not set"
    ]


def test_variable_that_is_in_neither_file_is_told_with_both(folder: Path) -> None:
    (folder / "v.yaml").write_text("port: 1")
    (folder / "o.yaml").write_text("host: 1")

    assert problems(read("a: $prot", variables="v.yaml", override="o.yaml")) == [
        f"{folder}/c.yaml:1: a: there is no variable 'prot' in {folder}/v.yaml or"
        f" {folder}/o.yaml; did you mean 'port'?"
    ]


def test_file_of_an_option_is_looked_for_in_the_current_directory(folder: Path) -> None:
    (folder / "tls.yaml").write_text("\ncert: c.pem\n")

    document = read("tls#file: tls.yaml\n").document

    assert document.value == {"tls": {"cert": "c.pem"}}
    assert document.places.of(("tls", "cert")).origin == f"{folder}/tls.yaml:2"


def test_file_of_an_option_that_is_not_there_is_passed_over(folder: Path) -> None:
    document = read(f"a#file: {folder}/nowhere.yaml\na#fallback: 1\nb#file: no.yaml\n").document

    assert document.value == {"a": 1}
    assert document.absent == {("b",): f"there is no file {folder}/no.yaml"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", ": Is a directory"),
        ("x" * 5000, ": File name too long"),
        (r'"\ud800"', "an escape that stands for no character"),
        ("broken.yaml", "/broken.yaml:2: not valid YAML: "),
    ],
)
def test_file_of_an_option_that_cannot_be_read_is_told_at_the_option(
    folder: Path, name: str, said: str
) -> None:
    (folder / "broken.yaml").write_text("\n'")

    (problem,) = problems(read(f"\na#file: {name}\n"))

    assert problem.startswith(f"{folder}/c.yaml:2: a#file: ")
    assert said in problem


@pytest.mark.usefixtures("folder")
def test_all_that_is_wrong_is_told_together() -> None:
    found = read("a: 1\na: 2\nb: !t 1\nc: $x\nd#env: [E]\nconfig_vars: [1]\n")

    assert [each.path for each in found.document.problems] == [
        ("a",),
        ("b",),
        ("config_vars",),
        ("d#env",),
    ]


@pytest.mark.usefixtures("folder")
def test_environment_of_the_process_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PORT", "8080")
    Path("c.yaml").write_text("port#env: SOME_PORT\n")

    assert read_static_config(ConfigFiles(Path("c.yaml"))).document.value == {"port": 8080}
