from pathlib import Path

from conformance.report import CaseReport
from conformance.table import closing_line, render
from conformance.verdict import Outcome, judge

FOLDER = Path("conformance/reports")

FAILED = CaseReport(
    case="12.1.1",
    behavior="UNIMPLEMENTED",
    closing="WRONG CODE",
    duration=1500,
    expectation="Receive\n   the echo.",
    result="Nothing came.",
    closing_result="Properly closed",
    page="service_case_12_1_1.html",
)
REPORTS = {
    "1.1.1": CaseReport("1.1.1", "OK", "OK", 40),
    "1.1.2": CaseReport("1.1.2", "OK", "OK", 60),
    "7.1.6": CaseReport("7.1.6", "INFORMATIONAL", "INFORMATIONAL"),
    "12.1.1": FAILED,
}
OUTCOMES = judge([*REPORTS, "13.1.1"], REPORTS)


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells of a table by the first word of each row."""
    table = text.split("\n\n")[0].splitlines()
    return {line.split()[0]: line[32:].replace("not run", "not-run").split() for line in table}


def test_each_section_has_a_row_and_all_together_have_one() -> None:
    assert rows(render(OUTCOMES, REPORTS, FOLDER)) == {
        "section": ["cases", "OK", "informational", "failed", "not-run", "seconds"],
        "1.*": ["2", "2", "0", "0", "0", "0.1"],
        "7.*": ["1", "0", "1", "0", "0", "0.0"],
        "12.*": ["1", "0", "0", "1", "0", "1.5"],
        "13.*": ["1", "0", "0", "0", "1", "0.0"],
        "all": ["5", "2", "1", "1", "1", "1.6"],
    }


def test_case_that_failed_is_shown_with_what_was_expected_and_where_its_report_is() -> None:
    blocks = render(OUTCOMES, REPORTS, FOLDER).split("\n\n")

    assert blocks[1].splitlines() == [
        "12.1.1: UNIMPLEMENTED, closing WRONG CODE: conformance/reports/service_case_12_1_1.html",
        "    expected: Receive the echo.",
        "    result:   Nothing came.",
        "    closing:  Properly closed",
    ]


def test_cases_that_have_not_run_and_those_that_are_informational_are_named() -> None:
    blocks = render(OUTCOMES, REPORTS, FOLDER).split("\n\n")

    assert blocks[2:] == ["not run: 13.1.1", "informational, as always: 7.1.6"]


def test_of_many_cases_that_have_not_run_the_first_are_named() -> None:
    outcomes = judge([f"13.1.{number}" for number in range(1, 19)], {})

    assert render(outcomes, {}, FOLDER).endswith("13.1.9, 13.1.10 and 8 more")


def test_nothing_but_the_table_is_shown_where_all_is_ok() -> None:
    reports = {"1.1.1": REPORTS["1.1.1"]}

    assert "\n\n" not in render(judge(list(reports), reports), reports, FOLDER)


def test_the_closing_line_counts_what_is_informational_as_passed() -> None:
    outcomes = {"1.1.1": Outcome.OK, "7.1.6": Outcome.INFORMATIONAL}

    assert closing_line(outcomes, 61.4) == "2 passed, 0 failed in 61 s"


def test_the_closing_line_tells_of_failed_and_of_missing_cases() -> None:
    assert closing_line(OUTCOMES, 9) == "3 passed, 1 failed, 1 not run in 9 s"
