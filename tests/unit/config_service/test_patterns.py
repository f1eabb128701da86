from collections.abc import Iterator

import pytest

from app.config_service import patterns
from app.config_service.patterns import MAX_WEIGHT, matches, weight, wrong_pattern
from app.config_service.steps import MAX_STEPS, Steps, TooManyStepsError
from app.static_config.duration import DURATION


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    patterns._kept.clear()
    yield
    patterns._kept.clear()


@pytest.mark.parametrize(
    "pattern",
    [
        f"^{DURATION}$",
        "^[A-Za-z0-9_.-]{1,200}$",
        "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$",
        r"^\p{Lu}\w{0,19}$",
        "^([0-9]{1,3}\\.){3}[0-9]{1,3}$",
    ],
)
def test_patterns_of_daily_life_are_taken(pattern: str) -> None:
    assert wrong_pattern(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\w{30}){30}",
        r"(\w{30})*{30}",
        r"\w{30}{30}",
        r"(?x)(\w{30}) {30}",
        r"(?x)(\w{ 30 })# comment" "\n{ 1 , 30 }",
        "(.{0,99}){0,99}",
        "(((a{9}){9}){9}){9,}",
        "a{99999999999999999999}",
        r"\w{41}",
        r"(\d|\pL){0,40}",
    ],
)
def test_pattern_that_repeats_too_much_is_refused(pattern: str) -> None:
    assert wrong_pattern(pattern).startswith("this pattern repeats too much")


def test_pattern_of_another_kind_lets_nothing_pass() -> None:
    assert not matches("^(?=a)", "a", Steps())


def test_many_patterns_are_not_kept_for_ever() -> None:
    for number in range(100):
        assert matches(rf"^\w{{1,20}}{number}$", f"a{number}", Steps())
    heavy = sum(map(weight, patterns._kept))

    assert 0 < heavy <= 2 * MAX_WEIGHT


def test_what_is_kept_costs_less() -> None:
    pattern = r"^\w{1,30}$"
    assert matches(pattern, "a", Steps(5 * weight(pattern)))

    assert matches(pattern, "a", Steps(1))
    with pytest.raises(TooManyStepsError):
        matches(r"^\w{1,31}$", "a", Steps(1))


def test_long_text_costs_more_with_a_heavy_pattern() -> None:
    heavy = r"\w{0,39}!"

    with pytest.raises(TooManyStepsError):
        matches(heavy, "x" * 1_000_000, Steps(MAX_STEPS))
    assert not matches("^[a-z]*!", "x" * 1_000_000, Steps(MAX_STEPS))
