from pathlib import Path

import pytest

from app.config_updates.stage import read_stage
from app.static_config.errors import OptionError


def test_no_file_is_no_stage() -> None:
    assert read_stage("") == ""


def test_stage_is_what_the_file_tells(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    path.write_text('{"env_name": "testing", "cluster": "a"}')

    assert read_stage(str(path)) == "testing"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "the file is empty"),
        ("{", ":1: not valid JSON"),
        ("[]", "expected an object"),
        ("{}", "expected the stage, a text, as 'env_name'"),
        ('{"env_name": 1}', "expected the stage, a text, as 'env_name'"),
        ('{"env_name": ""}', "expected the stage, a text, as 'env_name'"),
    ],
)
def test_file_that_tells_none_is_refused(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "environment.json"
    path.write_text(content)

    with pytest.raises(OptionError) as caught:
        read_stage(str(path))

    assert str(path) in str(caught.value)
    assert text in str(caught.value)


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"nowhere.json: No such file"):
        read_stage(str(tmp_path / "nowhere.json"))


def test_file_with_an_impossible_name_is_refused() -> None:
    with pytest.raises(OptionError, match="null byte"):
        read_stage("a\0b")
