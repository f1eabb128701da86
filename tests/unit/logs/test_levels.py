import logging
from typing import get_args

from app.logs.levels import LEVELS, NONE, TRACE, LevelName


def test_each_name_has_a_number_and_they_ascend() -> None:
    assert tuple(LEVELS) == get_args(LevelName)
    assert sorted(LEVELS.values()) == list(LEVELS.values())


def test_records_of_level_trace_say_so() -> None:
    assert logging.getLevelName(TRACE) == "TRACE"


def test_none_is_above_all_others() -> None:
    assert max(logging.getLevelNamesMapping().values()) < NONE
