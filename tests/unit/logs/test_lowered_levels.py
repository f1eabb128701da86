import logging
from collections.abc import Iterator

import pytest

from app.logs.levels import NONE, TRACE
from app.logs.lowered_levels import LoweredLevels

ROOT = logging.getLogger()
INNER = logging.getLogger("test.lowered")
OUTER = logging.getLogger("test.lowered.a")
INHERITING = logging.getLogger("test.lowered.a.b.c")  # "test.lowered.a.b" is no logger


@pytest.fixture(autouse=True)
def own_levels() -> Iterator[None]:
    """Levels belong to the whole process: each test begins with these, and leaves them as were."""
    before = {each: each.level for each in (ROOT, INNER, OUTER, INHERITING)}
    ROOT.setLevel(logging.INFO)
    INNER.setLevel(logging.ERROR)
    OUTER.setLevel(logging.DEBUG)
    INHERITING.setLevel(logging.NOTSET)
    yield
    for logger, level in before.items():
        logger.setLevel(level)


def levels() -> list[int]:
    return [each.level for each in (ROOT, INNER, OUTER, INHERITING)]


def test_levels_that_are_higher_are_lowered_and_given_back() -> None:
    lowered = LoweredLevels()

    lowered.lower(15)
    assert levels() == [15, 15, logging.DEBUG, logging.NOTSET]
    lowered.lower(TRACE)
    assert levels() == [TRACE, TRACE, TRACE, logging.NOTSET]
    lowered.lower(logging.WARNING)
    assert levels() == [logging.INFO, logging.WARNING, logging.DEBUG, logging.NOTSET]
    lowered.lower(NONE)
    assert levels() == [logging.INFO, logging.ERROR, logging.DEBUG, logging.NOTSET]


def test_loggers_make_records_of_the_lower_level_at_once() -> None:
    """What `isEnabledFor` has found out before does not stay."""
    lowered = LoweredLevels()
    assert not INNER.isEnabledFor(logging.DEBUG)

    lowered.lower(TRACE)
    assert INNER.isEnabledFor(TRACE)
    lowered.lower(NONE)
    assert not INNER.isEnabledFor(logging.WARNING)


@pytest.mark.parametrize("level", [NONE, logging.DEBUG, TRACE])
def test_level_of_a_logger_is_that_which_counts_if_none_is_lowered(level: int) -> None:
    lowered = LoweredLevels()

    lowered.lower(level)

    assert lowered.level_of("root") == logging.INFO
    assert lowered.level_of("test") in (logging.NOTSET, logging.INFO)  # it may be no logger
    assert lowered.level_of("test.lowered") == logging.ERROR
    assert lowered.level_of("test.lowered.a") == logging.DEBUG
    assert lowered.level_of("test.lowered.a.b.c") == logging.DEBUG


@pytest.mark.parametrize("name", ["test.lowered.a.b", "test.lowered.nobody", "", "a..b"])
def test_name_without_a_logger_has_no_level(name: str) -> None:
    assert LoweredLevels().level_of(name) == logging.NOTSET
    assert name not in ROOT.manager.loggerDict or name == "test.lowered.a.b"


def test_level_that_somebody_sets_meanwhile_stays() -> None:
    lowered = LoweredLevels()
    lowered.lower(TRACE)

    INNER.setLevel(logging.CRITICAL)
    assert lowered.level_of("test.lowered") == logging.CRITICAL
    lowered.lower(logging.DEBUG)
    assert INNER.level == logging.DEBUG
    assert lowered.level_of("test.lowered") == logging.CRITICAL
    lowered.lower(NONE)

    assert INNER.level == logging.CRITICAL
    assert ROOT.level == logging.INFO


def test_loggers_that_nothing_is_logged_by_are_lowered_too() -> None:
    lowered = LoweredLevels()
    INNER.setLevel(NONE)

    lowered.lower(logging.ERROR)

    assert INNER.isEnabledFor(logging.ERROR)
    assert lowered.level_of("test.lowered") == NONE
    lowered.lower(NONE)
    assert INNER.level == NONE
