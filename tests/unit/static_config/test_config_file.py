import os
from pathlib import Path

import pytest

from app.static_config.config_file import read_given, read_if_there, read_mapping, unreadable
from app.static_config.errors import ConfigFileError

NOT_THERE = FileNotFoundError(2, "No such file or directory")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(path: Path) -> str:
    """Return what is said of a file that no option names."""
    with pytest.raises(ConfigFileError) as caught:
        read_given(path, "give another")
    return str(caught.value)


# Files that no option names


def test_file_is_read_with_its_whole_path_in_each_place(folder: Path) -> None:
    (folder / "c.yaml").write_text("a: 1\nb: [чат]\n")

    document = read_given(Path("c.yaml"), "")

    assert document.value == {"a": 1, "b": ["чат"]}
    assert str(document.places.of(("b", 0))) == f"{folder}/c.yaml:2"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~"])
def test_empty_file_is_an_empty_mapping(folder: Path, text: str) -> None:
    (folder / "c.yaml").write_text(text)

    document = read_given(Path("c.yaml"), "")

    assert document.value == {}
    assert document.problems == ()


def test_missing_file_is_named_whole_with_a_way_out(folder: Path) -> None:
    assert refused(Path("c.yaml")) == f"{folder}/c.yaml: No such file or directory; give another"


def test_folder_in_the_place_of_the_file_is_refused(folder: Path) -> None:
    assert refused(folder) == f"{folder}: Is a directory; give another"


def test_path_that_no_file_can_have_is_refused() -> None:
    assert "null byte" in refused(Path("/c\0.yaml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file_is_refused(folder: Path) -> None:
    (folder / "secret.yaml").touch(0)

    assert "Permission denied" in refused(folder / "secret.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"text", "1: expected a mapping: 'name: value' in each line"),
        (b"\n- 1\n- 2\n", "2: expected a mapping: 'name: value' in each line"),
        (b"7", "1: expected a mapping: 'name: value' in each line"),
        (b"a: b: c", "1: not valid YAML: mapping values are not allowed here"),
        (b"a: 1\nb: \xe9", "2: not UTF-8 (byte 0xe9); save the file as UTF-8"),
    ],
)
def test_what_is_no_mapping_in_yaml_is_refused(folder: Path, content: bytes, said: str) -> None:
    (folder / "c.yaml").write_bytes(content)

    assert refused(Path("c.yaml")) == f"{folder}/c.yaml:{said}"


# Files that options name


def test_missing_mapping_is_left_to_who_knows_its_option(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_mapping(folder / "nowhere.yaml")


def test_file_that_may_be_missing_holds_anything(folder: Path) -> None:
    (folder / "port.yaml").write_text("\n8080")

    document = read_if_there("port.yaml")

    assert document is not None
    assert document.value == 8080
    assert str(document.places.document) == f"{folder}/port.yaml:2"


def test_file_that_may_be_missing_is_none_then(folder: Path) -> None:
    assert read_if_there(f"{folder}/nowhere.yaml") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", ": Is a directory"),
        ("x" * 5000, ": File name too long"),
        ("null\0byte", "null byte"),
        ("broken.yaml", "/broken.yaml:2: not valid YAML: "),
    ],
)
def test_file_that_is_there_and_cannot_be_read_is_refused(
    folder: Path, name: str, said: str
) -> None:
    (folder / "broken.yaml").write_text("\n'")

    with pytest.raises(ConfigFileError) as caught:
        read_if_there(name)

    assert str(caught.value).startswith(f"{folder}")
    assert said in str(caught.value)


# What is said of them


def test_relative_path_is_shown_whole_with_what_it_is_relative_to(folder: Path) -> None:
    assert unreadable(Path("a.pem"), NOT_THERE) == (
        f"{folder}/a.pem: No such file or directory; relative to the current directory"
    )


def test_absolute_path_is_not_said_to_be_relative() -> None:
    assert unreadable(Path("/no/a.pem"), NOT_THERE) == "/no/a.pem: No such file or directory"


def test_reason_that_the_system_does_not_give_is_that_of_python() -> None:
    assert unreadable(Path("/a"), ValueError("embedded null byte")) == "/a: embedded null byte"


@pytest.mark.parametrize("path", ["-----BEGIN PRIVATE KEY-----\nMIGH\n", "/a\nb", "\n"])
def test_contents_in_the_place_of_a_path_are_not_shown(path: str) -> None:
    assert unreadable(Path(path), NOT_THERE) == (
        "expected the path of a file, got what may be its contents"
    )
