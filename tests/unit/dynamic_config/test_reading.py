from pathlib import Path

import pytest

from app.dynamic_config.errors import DynamicConfigError
from app.dynamic_config.reading import read_json


def written(folder: Path, content: bytes) -> Path:
    path = folder / "values.json"
    path.write_bytes(content)
    return path


def test_object_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, '{"A": 1, "B": {"c": [true, null, "чат"]}}'.encode())

    assert read_json(path) == {"A": 1, "B": {"c": [True, None, "чат"]}}


def test_missing_file_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DynamicConfigError) as caught:
        read_json(Path("values.json"))

    assert str(caught.value) == (
        f"{tmp_path / 'values.json'}: No such file or directory;"
        " a fallback-path is relative to the current directory"
    )


def test_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DynamicConfigError, match="Is a directory"):
        read_json(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"A": 1', id="unclosed"),
        pytest.param(b'{"A": 1,}', id="comma at the end"),
        pytest.param(b"{A: 1}", id="name without quotes"),
        pytest.param(b'{"A": 1} {}', id="two documents"),
        pytest.param(b'{"A": "\xe9"}', id="not utf-8"),
        pytest.param(b'{"A": NaN}', id="NaN, which JSON does not have"),
        pytest.param(b'{"A": -Infinity}', id="Infinity, which JSON does not have"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)

    with pytest.raises(DynamicConfigError) as caught:
        read_json(path)

    assert str(caught.value).startswith(f"{path}: not valid JSON: ")


def test_place_of_an_error_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"A": 1,\n "B": }')

    with pytest.raises(DynamicConfigError, match="line 2 column 7"):
        read_json(path)


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b'"text"'])
def test_what_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)

    with pytest.raises(DynamicConfigError) as caught:
        read_json(path)

    assert caught.value.problems == ("expected an object: variable names and their values",)
