import os
from pathlib import Path

import pytest

from app.static_config.errors import StaticConfigError
from app.static_config.reading import find_static_config, read_yaml


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, content: bytes) -> Path:
    path = folder / "static_config.yaml"
    path.write_bytes(content)
    return path


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


def test_mapping_is_read_with_the_types_of_yaml(folder: Path) -> None:
    path = written(folder, b"components_manager:\n  a: 1\n  b: '1'\n  c: true\n  d:\n")

    assert read_yaml(path) == {"components_manager": {"a": 1, "b": "1", "c": True, "d": None}}


def test_file_is_utf_8(folder: Path) -> None:
    path = written(folder, "name: чат\n".encode())

    assert read_yaml(path) == {"name": "чат"}


def test_missing_file_is_named_whole_with_a_way_out(folder: Path) -> None:
    path = folder / "nowhere.yaml"

    with pytest.raises(StaticConfigError) as caught:
        read_yaml(path)

    assert str(caught.value) == (
        f"{path}: No such file or directory; name another file with '-c FILE' or in $STATIC_CONFIG"
    )


def test_folder_in_the_place_of_the_file_is_refused(folder: Path) -> None:
    with pytest.raises(StaticConfigError, match="Is a directory"):
        read_yaml(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file_is_refused(folder: Path) -> None:
    path = written(folder, b"a: 1")
    path.chmod(0)

    with pytest.raises(StaticConfigError, match="Permission denied"):
        read_yaml(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a: [1", id="unclosed"),
        pytest.param(b"a: b: c", id="two colons"),
        pytest.param(b"a:\n\t- 1", id="tab"),
        pytest.param(b"a: \x00", id="forbidden character"),
        pytest.param(b"\xff\xfe\xfd", id="no text"),
        pytest.param(b"a: \xe9", id="not utf-8"),
        pytest.param(b"a: !!python/object:os.system {}", id="python object"),
        pytest.param(b"a: *nobody", id="unknown alias"),
        pytest.param(b"a: 1\n---\nb: 2", id="two documents"),
        pytest.param(b"? [1]\n: 2", id="list as a key"),
        pytest.param(b"a: 2024-13-45", id="date that is none"),
    ],
)
def test_what_is_no_yaml_is_refused(folder: Path, content: bytes) -> None:
    path = written(folder, content)

    with pytest.raises(StaticConfigError) as caught:
        read_yaml(path)

    assert str(caught.value).startswith(f"{path}: not valid YAML: ")


def test_place_of_a_yaml_error_is_said(folder: Path) -> None:
    path = written(folder, b"a: 1\nb: [2\n")

    with pytest.raises(StaticConfigError, match="line 3, column 1"):
        read_yaml(path)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"text", b"- 1\n- 2\n", b"7"])
def test_what_is_no_mapping_is_refused(folder: Path, content: bytes) -> None:
    path = written(folder, content)

    with pytest.raises(StaticConfigError) as caught:
        read_yaml(path)

    assert caught.value.problems == ("expected a mapping with the key 'components_manager'",)
