from pathlib import Path

import pytest

from app.scaffold.__main__ import main
from tests.unit.scaffold.projects import content, make_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path)


def test_handler_is_written_and_it_says_what_was_done_and_what_comes_next(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weather-feed", "--path", "/weather"], root) == 0

    assert capsys.readouterr() == (
        """\
written: app/weather_feed/__init__.py
written: app/weather_feed/handler.py
written: tests/functional/test_weather_feed.py
changed: app/main.py
changed: config/static_config.yaml
changed: pyproject.toml

next:
    make test ARGS=tests/functional/test_weather_feed.py
    make start
    npx wscat -c ws://localhost:8080/weather
""",
        "",
    )
    assert (root / "app/weather_feed/handler.py").exists()
    assert "path: /weather\n" in (root / "config/static_config.yaml").read_text()


def test_config_of_the_developer_is_mentioned_where_there_is_one(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "config_dev.yaml").touch()

    assert main(["weather-feed"], root) == 0

    assert "reads config_dev.yaml: write the section there, too" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Weather"], "name 'Weather': expected "),
        (["--", "-x"], "name '-x': expected "),
        (["chat"], "app/chat is already there"),
        (["weather", "--path", "/chat"], "config/static_config.yaml: a handler has the path"),
        (["chat-"], "name 'chat-': expected "),
    ],
)
def test_refusal_is_one_line_and_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    before = content(root)

    assert main(arguments, root) == 1

    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith(said)
    assert errors.count("\n") == 1
    assert content(root) == before


@pytest.mark.parametrize("path", ["app/main.py", "config/static_config.yaml", "pyproject.toml"])
def test_file_of_another_form_leads_to_what_to_write_by_hand(
    root: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    (root / path).write_text("")
    before = content(root)

    assert main(["weather-feed"], root) == 1

    output, errors = capsys.readouterr()
    assert errors.startswith(f"{path}: expected ")
    assert errors.endswith("; to be written by hand:\n")
    assert errors.count("\n") == 1
    assert f"--- {path}\n" in output
    assert "class WeatherFeedHandler" in output
    assert content(root) == before


def test_write_that_fails_leaves_everything_as_it_was(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "tests/functional/test_wire.py").unlink()
    (root / "tests/functional").rmdir()
    (root / "tests/functional").touch()
    before = content(root)

    assert main(["weather-feed"], root) == 1

    assert capsys.readouterr().err == (
        f"{root}/tests/functional/test_weather_feed.py: Not a directory; nothing was written\n"
    )
    assert content(root) == before
