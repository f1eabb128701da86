import pytest

from benchmarks.figures import UNITS
from benchmarks.scenarios import SCENARIOS, Scenario, compressed, decompressed, payload


@pytest.mark.parametrize("size", [1, 32, 1000, 65536])
def test_a_payload_has_its_size_in_ascii_and_is_always_the_same(size: int) -> None:
    assert len(payload(size)) == size
    assert payload(size).isascii()
    assert payload(size) == payload(size)


def test_what_is_compressed_can_be_inflated_and_is_shorter() -> None:
    sent = payload(1000)

    assert len(compressed(sent)) < len(sent) / 2
    assert decompressed(compressed(sent)) == sent


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_scenario_is_about_a_figure_that_it_has(scenario: Scenario) -> None:
    assert scenario.figure in UNITS
    assert scenario.idle if scenario.figure == "kilobytes" else scenario.connections


def test_a_server_needs_a_file_for_each_connection_and_some_more() -> None:
    scenario = SCENARIOS["many"]

    assert scenario.open_files > scenario.idle + scenario.connections
