"""What the suite says about each case."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

AGENT: Final = "service"
"""What the suite calls the service in its reports."""


@dataclass(frozen=True, slots=True)
class CaseReport:
    """The suite's report about one case.

    Args:
        case: Its number.
        behavior: How the service did, in the suite's words: `OK`, `NON-STRICT`, `FAILED` and more.
        closing: How the connection ended, likewise: `OK`, `WRONG CODE`, `UNCLEAN` and more.
        duration: Milliseconds that it took.
        expectation: What should happen, in words.
        result: What did happen, of messages.
        closing_result: What did happen at the end.
        page: The file name of the report to look at in a browser.
    """

    case: str
    behavior: str
    closing: str
    duration: int = 0
    expectation: str = ""
    result: str = ""
    closing_result: str = ""
    page: str = ""

    @classmethod
    def parse(cls, fields: dict[str, Any], page: str) -> Self:
        """Make one of the fields of the suite's JSON."""
        return cls(
            case=fields["id"],
            behavior=fields["behavior"],
            closing=fields["behaviorClose"],
            duration=fields["duration"],
            expectation=fields["expectation"],
            result=fields["result"],
            closing_result=fields["resultClose"],
            page=page,
        )


def read_reports(folder: Path) -> dict[str, CaseReport]:
    """Return the reports in a folder by case: none if the suite has not come to write them."""
    index = folder / "index.json"
    if not index.exists():
        return {}
    entries = json.loads(index.read_bytes()).get(AGENT, {})
    files = [folder / entry["reportfile"] for entry in entries.values()]
    reports = (
        CaseReport.parse(json.loads(file.read_bytes()), file.with_suffix(".html").name)
        for file in files
    )
    return {report.case: report for report in reports}
