import logging

import pytest

from app.logs.levels import LEVELS, NONE
from app.logs.place_filter import PlaceFilter
from app.logs.place_levels import NUMBERS, PlaceLevels
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG

ALL_LEVELS = [1, 5, 10, 15, 20, 30, 40, 50, 60]
FORCED = [None, *NUMBERS]


def place_filter(
    enabled: str | None = None,
    disabled: str | None = None,
    *,
    level: int = logging.INFO,
    own: int = logging.NOTSET,
) -> PlaceFilter:
    value = {
        "force-enabled": [],
        "force-disabled": [],
        "force-enabled-level": {"a.py": enabled} if enabled else {},
        "force-disabled-level": {"a.py": disabled} if disabled else {},
    }
    places = PlaceLevels(USERVER_LOG_DYNAMIC_DEBUG.parse(value), ["/srv/"])
    return PlaceFilter(places, level, {"own": own}.__getitem__)


def passes(through: PlaceFilter, level: int, path: str = "/srv/a.py") -> bool:
    record = logging.LogRecord("own", level, path, 1, "text", None, None)
    return through.lets(record)


@pytest.mark.parametrize("enabled", FORCED)
@pytest.mark.parametrize("logger_level", [*LEVELS.values(), 15])
def test_enabled_place_is_logged_from_its_level_or_the_logger_s_on(
    enabled: str | None, logger_level: int
) -> None:
    through = place_filter(enabled, level=logger_level)
    lowest = min(logger_level, NUMBERS[enabled] if enabled else NONE)

    assert [level for level in ALL_LEVELS if passes(through, level)] == [
        level for level in ALL_LEVELS if level >= lowest
    ]


@pytest.mark.parametrize("disabled", FORCED)
@pytest.mark.parametrize("logger_level", [*LEVELS.values(), 15])
def test_disabled_place_is_logged_above_its_level_from_the_logger_s_on(
    disabled: str | None, logger_level: int
) -> None:
    through = place_filter(None, disabled, level=logger_level)
    highest = NUMBERS[disabled] if disabled else 0

    assert [level for level in ALL_LEVELS if passes(through, level)] == [
        level for level in ALL_LEVELS if level >= logger_level and not level <= highest
    ]


def test_other_places_are_logged_as_their_logger_says() -> None:
    through = place_filter("TRACE", level=logging.INFO)

    assert not passes(through, logging.DEBUG, "/srv/b.py")
    assert passes(through, logging.INFO, "/srv/b.py")


def test_level_of_the_logger_itself_counts_beside_that_of_the_handler() -> None:
    strict = place_filter("CRITICAL", own=logging.ERROR)
    talkative = place_filter("CRITICAL", own=logging.DEBUG)

    assert not passes(strict, logging.WARNING)
    assert passes(strict, logging.ERROR)
    assert not passes(talkative, logging.DEBUG)
    assert passes(talkative, logging.INFO)
    assert passes(place_filter("DEBUG", own=logging.ERROR), logging.DEBUG)
