import pytest

from app.logs.unknown_places import MAX_HINTS, unknown_places
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG

FILES = ["/srv/app/chat/handler.py", "/srv/app/main.py", "/lib/uvicorn/server.py", "/x.py"]
FOLDERS = ["/srv/", "/lib/"]
BEGINS = "no module that is loaded has a source file whose path begins with that"
IS = "no module that is loaded has a source file whose path is that"


def unknown(*enabled: str, **others: object) -> list[str]:
    value = {"force-enabled": [*enabled], "force-disabled": [], **others}
    return list(unknown_places(USERVER_LOG_DYNAMIC_DEBUG.parse(value), FILES, FOLDERS))


@pytest.mark.parametrize(
    "place",
    [
        "",
        "app/",
        "app/ch",
        "app/chat/handler.py",
        "app/chat/handler.py:17",
        "/srv/app/main.py:1",
        "/srv",
        "uvicorn/",
        "/x.py",
    ],
)
def test_nothing_is_said_of_a_place_that_a_file_has(place: str) -> None:
    assert unknown(place) == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("app/chta/", f"{BEGINS}; did you mean 'app/chat/'?"),
        ("app/chat/handlr.py:17", f"{IS}; did you mean 'app/chat/handler.py'?"),
        ("chat/handler.py", f"{BEGINS}; did you mean 'app/chat/handler.py'?"),
        ("app/chat/:17", f"{IS}; did you mean 'app/chat/'?"),
        ("app/main.py:x", f"{BEGINS}; did you mean 'app/main.py'?"),
        ("nothing like it", BEGINS),
    ],
)
def test_place_that_no_file_has_is_named_with_the_nearest_path(place: str, text: str) -> None:
    assert unknown(place) == [f"{place!r}: {text}"]


def test_all_places_are_looked_at_and_each_is_named_once() -> None:
    found = unknown(
        "a b",
        **{
            "force-disabled": ["c d", "a b", "app/"],
            "force-enabled-level": {"e f": "INFO", "a b": "INFO"},
            "force-disabled-level": {"g h": "INFO"},
        },
    )

    assert [each.partition(":")[0] for each in found] == ["'a b'", "'e f'", "'c d'", "'g h'"]


def test_hints_are_given_for_the_first_ones_only() -> None:
    found = unknown(*(f"app/chat/handler{number}.py" for number in range(MAX_HINTS + 2)))

    assert ["did you mean" in each for each in found] == [True] * MAX_HINTS + [False] * 2
