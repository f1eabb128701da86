"""The outcome of a run, to be read in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from conformance.cases import SECTIONS, section_of
from conformance.report import CaseReport
from conformance.verdict import PASSED, Outcome

LISTED: Final = 10
"""Cases that have not run are named up to this many."""

Outcomes = Mapping[str, Outcome]
Reports = Mapping[str, CaseReport]


def render(outcomes: Outcomes, reports: Reports, folder: Path) -> str:
    """Return the table, and below it what is not OK.

    Args:
        outcomes: What came of each case that should have run.
        reports: What the suite says about those that have.
        folder: Where the reports are, as it is to be shown.
    """
    blocks = [
        "\n".join(_table(outcomes, reports)),
        *(_failure(reports[case], folder) for case in _cases(outcomes, Outcome.FAILED)),
        _some("not run", _cases(outcomes, Outcome.NOT_RUN)),
        _some("informational, as always", _cases(outcomes, Outcome.INFORMATIONAL)),
    ]
    return "\n\n".join(filter(None, blocks))


def closing_line(outcomes: Outcomes, seconds: float) -> str:
    """Return the outcome of the run in one line."""
    passed = sum(outcome in PASSED for outcome in outcomes.values())
    counts = [f"{passed} passed", f"{len(_cases(outcomes, Outcome.FAILED))} failed"]
    if missing := _cases(outcomes, Outcome.NOT_RUN):
        counts.append(f"{len(missing)} not run")
    return f"{', '.join(counts)} in {seconds:.0f} s"


def _table(outcomes: Outcomes, reports: Reports) -> Iterator[str]:
    yield _row("section", ["cases", *(outcome.value for outcome in Outcome), "seconds"])
    for section, title in SECTIONS.items():
        cases = [case for case in outcomes if section_of(case) == section]
        if cases:
            yield _row(f"{section:>2}.*  {title}", _counts(cases, outcomes, reports))
    yield _row(" all", _counts(list(outcomes), outcomes, reports))


def _row(title: str, cells: Sequence[str]) -> str:
    return f"{title:<32}" + "".join(f"{cell:>15}" for cell in cells)


def _counts(cases: Sequence[str], outcomes: Outcomes, reports: Reports) -> list[str]:
    results = [outcomes[case] for case in cases]
    milliseconds = sum(reports[case].duration for case in cases if case in reports)
    counts = [len(cases), *(results.count(outcome) for outcome in Outcome)]
    return [*map(str, counts), f"{milliseconds / 1000:.1f}"]


def _cases(outcomes: Outcomes, wanted: Outcome) -> list[str]:
    return [case for case, outcome in outcomes.items() if outcome is wanted]


def _failure(report: CaseReport, folder: Path) -> str:
    return "\n".join(
        [
            f"{report.case}: {report.behavior}, closing {report.closing}: {folder / report.page}",
            f"    expected: {_one_line(report.expectation)}",
            f"    result:   {_one_line(report.result)}",
            f"    closing:  {_one_line(report.closing_result)}",
        ]
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _some(title: str, cases: Sequence[str]) -> str:
    """Return a line about cases, or nothing where there are none."""
    more = f" and {len(cases) - LISTED} more" if len(cases) > LISTED else ""
    return f"{title}: {', '.join(cases[:LISTED])}{more}" if cases else ""
