"""Whether the suite is passed: every case, without a blemish."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from conformance.report import CaseReport

UNDECIDED: Final = frozenset({"7.1.6", "7.13.1", "7.13.2"})
"""Cases in which RFC 6455 leaves open what happens: the suite only tells what did.

They are a large message with a close frame and a ping right behind it, and close codes above 4999.
"""


class Outcome(Enum):
    """What came of a case."""

    OK = "OK"
    INFORMATIONAL = "informational"
    FAILED = "failed"
    NOT_RUN = "not run"


PASSED: Final = frozenset({Outcome.OK, Outcome.INFORMATIONAL})


def judge(cases: Sequence[str], reports: Mapping[str, CaseReport]) -> dict[str, Outcome]:
    """Return what came of each case that should have run."""
    return {case: _outcome(reports.get(case)) for case in cases}


def is_passed(outcomes: Mapping[str, Outcome]) -> bool:
    """Return whether all cases that should have run have, and came out well."""
    return PASSED.issuperset(outcomes.values())


def _outcome(report: CaseReport | None) -> Outcome:
    """Only OK for what was received together with OK for how the connection ended is OK."""
    if report is None:
        return Outcome.NOT_RUN
    words = {report.behavior, report.closing}
    if words == {"OK"}:
        return Outcome.OK
    if words <= {"OK", "INFORMATIONAL"} and report.case in UNDECIDED:
        return Outcome.INFORMATIONAL
    return Outcome.FAILED
