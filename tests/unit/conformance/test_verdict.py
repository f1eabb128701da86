import pytest

from conformance.report import CaseReport
from conformance.verdict import Outcome, is_passed, judge


def outcome_of(case: str, behavior: str, closing: str) -> Outcome:
    return judge([case], {case: CaseReport(case, behavior, closing)})[case]


def test_case_is_ok_if_both_its_messages_and_its_end_are() -> None:
    assert outcome_of("1.1.1", "OK", "OK") is Outcome.OK


@pytest.mark.parametrize("word", ["NON-STRICT", "UNIMPLEMENTED", "FAILED", "a word of the future"])
def test_messages_that_are_not_ok_fail_a_case(word: str) -> None:
    assert outcome_of("1.1.1", word, "OK") is Outcome.FAILED


@pytest.mark.parametrize("word", ["WRONG CODE", "UNCLEAN", "FAILED BY CLIENT", "FAILED"])
def test_an_end_that_is_not_ok_fails_a_case(word: str) -> None:
    assert outcome_of("1.1.1", "OK", word) is Outcome.FAILED


@pytest.mark.parametrize("case", ["7.1.6", "7.13.1", "7.13.2"])
def test_cases_that_the_rfc_leaves_open_may_be_informational(case: str) -> None:
    assert outcome_of(case, "INFORMATIONAL", "INFORMATIONAL") is Outcome.INFORMATIONAL


@pytest.mark.parametrize(
    ("behavior", "closing"), [("FAILED", "INFORMATIONAL"), ("INFORMATIONAL", "UNCLEAN")]
)
def test_cases_that_the_rfc_leaves_open_can_fail(behavior: str, closing: str) -> None:
    assert outcome_of("7.1.6", behavior, closing) is Outcome.FAILED


@pytest.mark.parametrize(
    ("behavior", "closing"), [("INFORMATIONAL", "INFORMATIONAL"), ("OK", "INFORMATIONAL")]
)
def test_no_other_case_may_be_informational(behavior: str, closing: str) -> None:
    assert outcome_of("7.1.5", behavior, closing) is Outcome.FAILED


def test_case_without_a_report_has_not_run() -> None:
    reports = {"1.1.1": CaseReport("1.1.1", "OK", "OK")}

    assert judge(["1.1.1", "1.1.2"], reports) == {
        "1.1.1": Outcome.OK,
        "1.1.2": Outcome.NOT_RUN,
    }


@pytest.mark.parametrize(
    ("outcome", "passed"),
    [
        (Outcome.OK, True),
        (Outcome.INFORMATIONAL, True),
        (Outcome.FAILED, False),
        (Outcome.NOT_RUN, False),
    ],
)
def test_one_case_that_fails_or_is_missing_fails_the_run(outcome: Outcome, passed: bool) -> None:
    assert is_passed({"1.1.1": Outcome.OK, "7.1.6": outcome}) is passed
