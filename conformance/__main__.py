"""`python -m conformance [CASE ...]`: run the Autobahn suite and judge what it reports."""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.testsuite.service_process import ServiceFailed
from conformance.cases import CASES, select
from conformance.errors import ConformanceError
from conformance.report import read_reports
from conformance.service import errors_in, running_chat
from conformance.suite import find_wstest, run_suite
from conformance.table import closing_line, render
from conformance.verdict import is_passed, judge

EXIT_PASSED: Final = 0
EXIT_FAILED: Final = 1

ROOT: Final = Path(__file__).parents[1]
STATIC_CONFIG: Final = Path("conformance", "static_config.yaml")
REPORTS: Final = Path("conformance", "reports")
SERVICE_LOG: Final = REPORTS / "service.log"
ENVIRONMENT: Final = Path(".venv-conformance")

SHOWN_ERRORS: Final = 10
"""Lines of errors in the service's log that are shown: the first ones."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says, and return the exit code.

    0 if each case has run and come out well, and the service came through without an error; else 1.
    """
    options = _parser().parse_args(arguments)
    try:
        cases = select(options.cases)
        wstest = find_wstest(ROOT / ENVIRONMENT, ROOT / REPORTS)
    except ConformanceError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    _make_empty(ROOT / REPORTS)
    start = time.monotonic()
    problems = _run(wstest, cases)
    return _report(cases, problems, time.monotonic() - start)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Run the Autobahn suite against the chat, and say whether it is passed.",
    )
    parser.add_argument(
        "cases",
        metavar="CASE",
        nargs="*",
        help=f"a case, such as 7.1.6, or a pattern, such as '9.*'; by default all {len(CASES)}",
    )
    return parser


def _make_empty(folder: Path) -> None:
    """Make the folder; of an earlier run nothing may be left that could be taken for this one's."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()


def _run(wstest: Sequence[str], cases: Sequence[str]) -> list[str]:
    """Run cases, and return what went wrong besides them."""
    problems = []
    try:
        with running_chat(ROOT, STATIC_CONFIG) as (service, url):
            run_suite(wstest, ROOT / REPORTS, url, cases)
            service.check_running()
    except (ConformanceError, ServiceFailed) as error:
        problems.append(str(error))
    if (log := ROOT / SERVICE_LOG).exists():
        errors = errors_in(log.read_text(errors="replace"))
        problems += errors[:SHOWN_ERRORS]
        if errors:
            problems.append(f"errors of the service: {len(errors)}; its log: {SERVICE_LOG}")
    return problems


def _report(cases: Sequence[str], problems: Sequence[str], seconds: float) -> int:
    reports = read_reports(ROOT / REPORTS)
    outcomes = judge(cases, reports)
    print(render(outcomes, reports, REPORTS))
    print(f"\nreports: {REPORTS / 'index.html'}")
    for problem in problems:
        print(problem)
    print(closing_line(outcomes, seconds))
    return EXIT_PASSED if is_passed(outcomes) and not problems else EXIT_FAILED


if __name__ == "__main__":
    # Whoever ends us ends the service and the suite, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_FAILED))
    sys.exit(main(sys.argv[1:]))
