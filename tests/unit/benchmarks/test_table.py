import pytest

from benchmarks.table import markdown, number, ratio, render
from tests.unit.benchmarks.measurements import idle, measurement, results


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.491, "0.49"),
        (7.216, "7.22"),
        (12.34, "12.3"),
        (132.4, "132"),
        (412144.3, "412144"),
    ],
)
def test_a_number_has_three_digits_or_those_before_the_point(
    value: float | None, text: str
) -> None:
    assert number(value) == text


def test_a_ratio_needs_both_numbers() -> None:
    assert ratio(3.0, 4.0) == 0.75
    assert ratio(None, 4.0) is ratio(3.0, None) is ratio(3.0, 0.0) is None


def test_a_table_has_its_numbers_on_the_right() -> None:
    assert markdown(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_each_server_is_compared_with_uvicorn() -> None:
    text = render(results(measurement(server_cpu=0.25), measurement("uvicorn"), idle("ours", 9e3)))

    assert "times what uvicorn takes" in text
    assert "| ours | 250 (0.50) | 9.00 |" in text
    assert "| uvicorn | 500 (1.00) | - |" in text


def test_without_uvicorn_each_is_compared_with_the_first() -> None:
    text = render(results(measurement("before"), measurement("ours", server_cpu=0.4)))

    assert "times what before takes" in text
    assert "| ours | 400 (0.80) |" in text


def test_each_scenario_has_a_table_of_its_own() -> None:
    text = render(results(measurement("uvicorn"), measurement(server_cpu=0.25)))

    assert "**c64**: c64 connections." in text
    assert "| ours | 250 | 250 | 0.50 | 1000 | 1000 | 1000 | 5000 | - | - | 25% | 25% |" in text


def test_a_generator_that_may_be_what_was_measured_is_marked() -> None:
    text = render(results(measurement("uvicorn", generator_cpu=0.71, server_cpu=1.0)))

    assert "| 100% | 71% (!) |" in text


def test_what_has_failed_is_told_in_a_line() -> None:
    text = render(results(measurement(), aiohttp="does not start\nTraceback ..."))

    assert "- aiohttp: does not start\n" in text
    assert "Traceback" not in text


def test_machine_and_versions_are_told() -> None:
    text = render(results(measurement()))

    assert "- ours: ours it is; uvloop; ours 1.0" in text
    assert "date: 2026-11-26; processor: a fast one" in text
