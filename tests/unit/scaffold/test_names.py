import pytest

from app.scaffold.errors import ScaffoldError
from app.scaffold.names import MAX_LENGTH, handler_names


@pytest.mark.parametrize(
    ("name", "package", "class_name"),
    [
        ("weather-feed", "weather_feed", "WeatherFeedHandler"),
        ("feed", "feed", "FeedHandler"),
        ("room-2d", "room_2d", "Room2dHandler"),
        ("weather-handler", "weather_handler", "WeatherHandler"),
        ("handler", "handler", "HandlerHandler"),
        ("x" * MAX_LENGTH, "x" * MAX_LENGTH, f"X{'x' * (MAX_LENGTH - 1)}Handler"),
    ],
)
def test_name_becomes_a_package_and_a_class(name: str, package: str, class_name: str) -> None:
    names = handler_names(name)

    assert (names.section, names.package, names.class_name) == (name, package, class_name)
    assert names.module == f"app.{package}.handler"
    assert names.url_path == f"/{name}"


@pytest.mark.parametrize("path", ["/weather", "/weather/", "/feeds/of.the/~weather_1-2"])
def test_path_may_be_another(path: str) -> None:
    assert handler_names("weather-feed", path).url_path == path


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Weather",
        "weather_feed",
        "2nd",
        "-weather",
        "weather-",
        "weather--feed",
        "weather feed",
        "weather\n",
        "wétter",
        "../weather",
        "x" * (MAX_LENGTH + 1),
    ],
)
def test_name_that_is_not_well_formed_is_refused(name: str) -> None:
    with pytest.raises(ScaffoldError) as refused:
        handler_names(name)

    assert str(refused.value).startswith(f"name {name!r}: expected lower-case letters")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("class", "it is a keyword of Python"),
        ("async", "it is a keyword of Python"),
        ("json", "a module of the standard library is called so"),
        ("zoneinfo", "a module of the standard library is called so"),
        ("on", "in YAML it stands for True"),
        ("null", "in YAML it stands for None"),
    ],
)
def test_name_that_means_something_else_is_refused(name: str, reason: str) -> None:
    with pytest.raises(ScaffoldError) as refused:
        handler_names(name)

    assert str(refused.value) == f"name {name!r}: {reason}; choose another one"


@pytest.mark.parametrize(
    "path", ["", "/", "//", "weather", "/a//b", "/a b", "/a?b", "/{room}", "/a:", "/a\n", '/"']
)
def test_path_that_is_not_well_formed_is_refused(path: str) -> None:
    with pytest.raises(ScaffoldError) as refused:
        handler_names("weather", path)

    assert str(refused.value).startswith(f"path {path!r}: expected names of letters")
    assert "\n" not in str(refused.value)
