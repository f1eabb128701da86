import json
from pathlib import Path

from conformance.report import CaseReport, read_reports

DETAILS = {
    "id": "7.1.6",
    "behavior": "INFORMATIONAL",
    "behaviorClose": "OK",
    "duration": 77,
    "expectation": "Either is right.",
    "result": "A message came.",
    "resultClose": "Connection was properly closed",
    "wirelog": [],
}


def test_each_case_of_the_index_is_read_from_its_own_report(tmp_path: Path) -> None:
    index = {"service": {"7.1.6": {"reportfile": "service_case_7_1_6.json"}}}
    (tmp_path / "index.json").write_text(json.dumps(index))
    (tmp_path / "service_case_7_1_6.json").write_text(json.dumps(DETAILS))

    assert read_reports(tmp_path) == {
        "7.1.6": CaseReport(
            case="7.1.6",
            behavior="INFORMATIONAL",
            closing="OK",
            duration=77,
            expectation="Either is right.",
            result="A message came.",
            closing_result="Connection was properly closed",
            page="service_case_7_1_6.html",
        )
    }


def test_there_are_no_reports_of_a_suite_that_reached_no_server(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")

    assert read_reports(tmp_path) == {}


def test_there_are_no_reports_of_a_suite_that_was_ended(tmp_path: Path) -> None:
    assert read_reports(tmp_path) == {}
