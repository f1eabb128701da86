import pytest

from conformance.cases import CASES, SECTIONS, section_of, select
from conformance.errors import UnknownCaseError


def test_the_suite_has_517_cases() -> None:
    assert len(CASES) == len(set(CASES)) == 517


def test_every_case_is_in_a_section_and_every_section_has_cases() -> None:
    assert {section_of(case) for case in CASES} == set(SECTIONS)


def test_without_a_pattern_all_cases_run() -> None:
    assert select([]) == list(CASES)


def test_a_number_names_one_case() -> None:
    assert select(["7.1.6"]) == ["7.1.6"]


def test_a_pattern_names_no_section_that_only_begins_alike() -> None:
    assert {section_of(case) for case in select(["1.*"])} == {"1"}


def test_cases_named_twice_run_once_in_the_order_of_the_suite() -> None:
    assert select(["10.*", "3.2", "3.1", "3.*"]) == [
        *(f"3.{number}" for number in range(1, 8)),
        "10.1.1",
    ]


@pytest.mark.parametrize("pattern", ["8.*", "7.2.1", "7", ""])
def test_pattern_that_names_no_case_is_refused(pattern: str) -> None:
    with pytest.raises(UnknownCaseError, match=f"no case is called '{pattern}'.*13.7.18"):
        select(["1.*", pattern])
