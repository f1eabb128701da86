from pathlib import Path

import pytest

from app.dynamic_config.reading import read_json
from app.static_config.errors import ConfigFileError


def written(folder: Path, content: bytes) -> Path:
    path = folder / "values.json"
    path.write_bytes(content)
    return path


def test_object_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, '{"A": 1, "B": {"c": [true, null, "чат"]}}'.encode())

    assert read_json(path).value == {"A": 1, "B": {"c": [True, None, "чат"]}}


def test_places_have_the_whole_path_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, b'{\n"A": 1}')

    document = read_json(Path("values.json"))

    assert str(document.places.of(("A",))) == f"{tmp_path}/values.json:2"


def test_file_that_is_not_there_is_left_to_who_knows_its_option(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "values.json")


def test_folder_in_the_place_of_the_file_is_left_to_who_knows_its_option(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_json(tmp_path)


def test_path_that_no_file_can_have_is_left_to_who_knows_its_option() -> None:
    with pytest.raises(ValueError, match="null byte"):
        read_json(Path("values\0.json"))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"A": 1', id="unclosed"),
        pytest.param(b'{"A": 1,}', id="comma at the end"),
        pytest.param(b"{A: 1}", id="name without quotes"),
        pytest.param(b'{"A": 1} {}', id="two documents"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)

    with pytest.raises(ConfigFileError) as caught:
        read_json(path)

    assert str(caught.value).startswith(f"{path}:1: not valid JSON: ")


def test_what_is_wrong_with_an_object_stays_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"A": 1,\n "A": NaN}')

    assert [str(each) for each in read_json(path).problems] == [
        f"{path}:2: A: the same key is in line 1 already",
        f"{path}:2: A: not valid JSON: NaN is no value",
    ]


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b'"text"', b"true"])
def test_what_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)

    with pytest.raises(ConfigFileError) as caught:
        read_json(path)

    assert str(caught.value) == f"{path}:1: expected an object: variable names and their values"
