import logging
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.levels import LEVELS, NONE, TRACE
from app.logs.place_levels import MAX_REMEMBERED, NUMBERS, Forced, Place, PlaceLevels
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG

FOLDERS = ["/srv/lib/", "/srv/"]
HANDLER = "/srv/app/chat/handler.py"


def levels(**places: object) -> PlaceLevels:
    """Return the levels of places that are given by their names in the config."""
    value = {"force_enabled": [], "force_disabled": [], **places}
    named = {name.replace("_", "-"): each for name, each in value.items()}
    return PlaceLevels(USERVER_LOG_DYNAMIC_DEBUG.parse(named), FOLDERS)


# What a place is


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", Place("")),
        ("app/", Place("app/")),
        ("app/a.py", Place("app/a.py")),
        ("app/a.py:17", Place("app/a.py", 17)),
        ("app/a.py:0", Place("app/a.py", 0)),
        (":1", Place("", 1)),
        ("a:b:1", Place("a:b", 1)),
        ("app/a.py:", Place("app/a.py:")),
        ("app/a.py:-1", Place("app/a.py:-1")),
        ("app/a.py:x", Place("app/a.py:x")),
        ("app/a.py:²", Place("app/a.py:²")),
        ("app/a.py:1\n", Place("app/a.py:1\n")),
        (f"app/a.py:{'1' * 5000}", Place(f"app/a.py:{'1' * 5000}")),
    ],
)
def test_place_is_the_beginning_of_a_path_or_a_line_of_a_file(text: str, place: Place) -> None:
    assert Place.parse(text) == place


@pytest.mark.parametrize(
    ("text", "is_held"),
    [
        ("", True),
        ("app", True),
        ("app/chat/", True),
        ("app/chat/handler.py", True),
        ("/srv/app/", True),
        ("app/chat/handler.py:17", True),
        ("/srv/app/chat/handler.py:17", True),
        ("app/chat/handler.py:16", False),
        ("app/chat/:17", False),
        ("chat/", False),
        ("app/chat/handler.pyx", False),
        ("App/", False),
        ("srv/app/", False),
        (":17", False),
    ],
)
def test_place_holds_what_is_in_it_by_relative_and_by_absolute_path(
    text: str, is_held: bool
) -> None:
    forced = levels(force_enabled=[text]).at(HANDLER, 17)

    assert forced == (Forced(enabled=TRACE) if is_held else Forced())


def test_path_is_relative_to_the_innermost_folder_that_modules_are_imported_from() -> None:
    places = levels(force_enabled=["uvicorn/"])

    assert places.at("/srv/lib/uvicorn/server.py", 1) == Forced(enabled=TRACE)
    assert levels(force_enabled=["lib/"]).at("/srv/lib/uvicorn/server.py", 1) == Forced()


# What is forced


@pytest.mark.parametrize(
    ("places", "forced"),
    [
        ({}, Forced()),
        ({"force_enabled": ["app/"]}, Forced(enabled=TRACE)),
        ({"force_disabled": ["app/"]}, Forced(disabled=logging.INFO)),
        ({"force_enabled_level": {"app/": "ERROR"}}, Forced(enabled=logging.ERROR)),
        ({"force_enabled_level": {"app/": "NONE"}}, Forced(enabled=NONE)),
        ({"force_disabled_level": {"app/": "TRACE"}}, Forced(disabled=TRACE)),
        ({"force_disabled_level": {"app/": "NONE"}}, Forced(disabled=NONE)),
    ],
)
def test_level_is_that_of_the_list_or_the_place_s_own(
    places: dict[str, object], forced: Forced
) -> None:
    assert levels(**places).at(HANDLER, 17) == forced


def test_level_of_its_own_comes_before_the_list() -> None:
    places = levels(
        force_enabled=["app/a.py"],
        force_enabled_level={"app/a.py": "DEBUG"},
        force_disabled=["app/b.py"],
        force_disabled_level={"app/b.py": "ERROR"},
    )

    assert places.at("/srv/app/a.py", 1) == Forced(enabled=logging.DEBUG)
    assert places.at("/srv/app/b.py", 1) == Forced(disabled=logging.ERROR)


def test_one_state_is_that_of_the_place_that_is_enabled_however_long_the_other_is() -> None:
    """As in the original: what enables is applied last, and leaves nothing of what disables."""
    places = levels(
        force_enabled_level={"app/": "ERROR"}, force_disabled=["app/chat/handler.py:17"]
    )

    assert places.at(HANDLER, 17) == Forced(enabled=logging.ERROR)


@pytest.mark.parametrize("kind", ["enabled", "disabled"])
def test_line_comes_before_a_path_and_a_longer_path_before_a_shorter_one(kind: str) -> None:
    own = {
        "": "TRACE",
        "app/chat/": "INFO",
        "app/": "DEBUG",
        "/srv/app/chat/handler.py": "ERROR",
        "app/chat/handler.py:17": "CRITICAL",
    }
    places = levels(**{f"force_{kind}_level": own})

    for path, line, level in [
        (HANDLER, 17, logging.CRITICAL),
        (HANDLER, 18, logging.ERROR),
        ("/srv/app/chat/page.py", 17, logging.INFO),
        ("/srv/app/main.py", 17, logging.DEBUG),
        ("<string>", 17, TRACE),
    ]:
        assert places.at(path, line) == Forced(**{kind: level})


@pytest.mark.parametrize(
    ("places", "lowest"),
    [
        ({}, NONE),
        ({"force_disabled": [""]}, NONE),
        ({"force_enabled": ["a"]}, TRACE),
        ({"force_enabled_level": {"a": "NONE"}}, NONE),
        ({"force_enabled_level": {"a": "ERROR", "b": "DEBUG", "c": "INFO"}}, logging.DEBUG),
        ({"force_enabled": ["a"], "force_enabled_level": {"a": "DEBUG"}}, logging.DEBUG),
    ],
)
def test_lowest_level_is_that_of_what_is_enabled(places: dict[str, object], lowest: int) -> None:
    assert levels(**places).lowest == lowest


def test_no_places_are_false() -> None:
    assert not levels()
    assert levels(force_disabled=[""])
    assert levels(force_enabled_level={"": "NONE"})


def test_levels_have_the_same_names_in_both_configs() -> None:
    assert {name.lower(): number for name, number in NUMBERS.items()} == LEVELS


# Whatever is asked


@pytest.mark.parametrize("path", ["", "<string>", "<frozen importlib._bootstrap>", None, 17])
def test_record_of_no_file_belongs_to_all_files_only(path: str) -> None:
    assert levels(force_enabled=["app/"]).at(path, 0) == Forced()
    assert levels(force_enabled=[""]).at(path, 0) == Forced(enabled=TRACE)


PLACES = st.lists(st.sampled_from(["", "a", "a/", "a/b.py", "a/b.py:1", "/srv/a", "c.py:2"]))


@given(PLACES, PLACES, st.sampled_from(["/srv/a/b.py", "/srv/c.py"]), st.integers(1, 2))
def test_state_does_not_depend_on_the_order_of_the_places(
    enabled: list[str], disabled: list[str], path: str, line: int
) -> None:
    one = levels(force_enabled=enabled, force_disabled=disabled)
    other = levels(force_enabled=enabled[::-1], force_disabled=disabled[::-1])

    assert one.at(path, line) == other.at(path, line)


def test_what_is_remembered_is_bounded_and_any_thread_may_ask() -> None:
    places = levels(force_enabled=["app/"])
    wrong: list[int] = []

    def ask(first: int) -> None:
        for line in range(first, first + MAX_REMEMBERED):
            if places.at(HANDLER, line) != Forced(enabled=TRACE):
                wrong.append(line)

    threads = [threading.Thread(target=ask, args=(first,)) for first in (0, MAX_REMEMBERED, 5000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)
    assert places.at.cache_info().currsize == MAX_REMEMBERED  # type: ignore[attr-defined]
