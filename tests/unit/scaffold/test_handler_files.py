import ast
from pathlib import Path

import pytest

from app.scaffold.errors import ScaffoldError, UnexpectedFileError
from app.scaffold.handler_files import by_hand, changed_files, check_free, new_files
from app.scaffold.names import MAX_LENGTH, handler_names
from tests.unit.scaffold.projects import make_project

NAMES = handler_names("weather-feed", "/weather")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.mark.parametrize("section", ["x", "weather-feed", "y" * MAX_LENGTH])
def test_files_of_a_handler_are_python_with_lines_of_100_characters_at_most(section: str) -> None:
    names = handler_names(section, "/weather")

    for file in new_files(names):
        assert ast.get_docstring(ast.parse(file.after))
        assert "$" not in file.after
        assert max(map(len, file.after.splitlines())) <= 100


def test_handler_and_its_test_have_the_names() -> None:
    files = {str(file.path): file.after for file in new_files(NAMES)}

    assert list(files) == [
        "app/weather_feed/__init__.py",
        "app/weather_feed/handler.py",
        "tests/functional/test_weather_feed.py",
    ]
    assert "class WeatherFeedHandler(WebSocketHandlerBase):" in files["app/weather_feed/handler.py"]
    assert '    name = "weather-feed"\n' in files["app/weather_feed/handler.py"]
    assert 'websocket_client.get("weather")' in files["tests/functional/test_weather_feed.py"]


def test_files_that_name_a_handler_are_changed(root: Path) -> None:
    changes = {str(change.path): change for change in changed_files(root, NAMES)}

    assert list(changes) == ["app/main.py", "config/static_config.yaml", "pyproject.toml"]
    for path, change in changes.items():
        assert (root / path).read_text() == change.before
    assert "    WeatherFeedHandler,\n" in changes["app/main.py"].after
    assert "path: /weather\n" in changes["config/static_config.yaml"].after
    assert "daemon | weather_feed" in changes["pyproject.toml"].after


def test_free_names_are_free(root: Path) -> None:
    (root / "app" / "words.py").write_text('name = "weather-feed"\nclass A: title = "weather-feed"')

    check_free(root, NAMES)


@pytest.mark.parametrize(
    ("section", "url_path", "place"),
    [
        ("websocket-handler", "/new", "config/static_config.yaml: the section"),
        ("new", "/chat", "config/static_config.yaml: a handler has the path"),
        ("new", "/chat/", "config/static_config.yaml: a handler has the path"),
        ("chat", "/new", "app/chat is already there"),
        ("main", "/new", "app/main.py is already there"),
        ("wire", "/new", "tests/functional/test_wire.py is already there"),
        ("chat-page", "/new", "app/chat/page.py: a component is called 'chat-page'"),
        ("raising", "/new", "tests/odd.py: a component is called 'raising'"),
    ],
)
def test_name_that_is_taken_is_refused(root: Path, section: str, url_path: str, place: str) -> None:
    with pytest.raises(ScaffoldError) as refused:
        check_free(root, handler_names(section, url_path))

    assert str(refused.value).startswith(place)
    assert "choose another" in str(refused.value)


@pytest.mark.parametrize("path", ["app/main.py", "config/static_config.yaml", "pyproject.toml"])
def test_file_that_is_missing_or_unreadable_is_refused(root: Path, path: str) -> None:
    (root / path).write_bytes(b"\xff")
    with pytest.raises(UnexpectedFileError, match=f"^{path}: not UTF-8"):
        changed_files(root, NAMES)

    (root / path).unlink()
    with pytest.raises(ScaffoldError, match=f"^{path}: No such file.*; run this in the folder of"):
        changed_files(root, NAMES)


def test_module_that_may_have_the_name_and_is_no_python_is_refused(root: Path) -> None:
    (root / "app" / "broken.py").write_text('name = "weather-feed')

    with pytest.raises(UnexpectedFileError, match=r"^app/broken.py: not valid Python"):
        check_free(root, NAMES)


def test_all_that_is_to_be_written_by_hand_is_said(root: Path) -> None:
    said = by_hand(NAMES)

    for change in (*new_files(NAMES), *changed_files(root, NAMES)):
        assert f"--- {change.path}\n" in said
    assert "from app.weather_feed.handler import WeatherFeedHandler\n" in said
    assert "weather-feed:  " in said
    assert "weather_feed in the layer of daemon\n" in said
