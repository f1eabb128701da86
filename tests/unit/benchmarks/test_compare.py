from pathlib import Path
from typing import cast

import pytest

from benchmarks.compare import Comparison, parser
from benchmarks.errors import BenchmarkError
from benchmarks.measuring import Bench
from benchmarks.results import Measurement
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import SERVERS, Server
from tests.unit.benchmarks.measurements import measurement


class RecordingBench:
    """Writes down who was measured when; the servers that it is told of fail."""

    open_files = 1024

    def __init__(self, *failing: str) -> None:
        self.measured: list[tuple[str, str]] = []
        self._failing = failing

    def measure(self, server: Server, scenario: Scenario) -> Measurement:
        self.measured.append((scenario.name, server.name))
        if server.name in self._failing:
            raise BenchmarkError("does not start")
        return measurement(server.name, scenario.name)


def comparison(bench: RecordingBench, *scenarios: str) -> Comparison:
    servers = [SERVERS["ours"], SERVERS["uvicorn"]]
    return Comparison(cast("Bench", bench), servers, [SCENARIOS[name] for name in scenarios])


def test_servers_have_their_turns_and_who_was_last_is_first_next() -> None:
    bench = RecordingBench()
    comparison(bench, "c64", "rtt1").run(rounds=2)

    turns = ["ours", "uvicorn", "uvicorn", "ours"]
    assert bench.measured == [(name, server) for name in ("c64", "rtt1") for server in turns]


def test_no_more_rounds_are_run_than_a_scenario_is_worth() -> None:
    bench = RecordingBench()
    comparison(bench, "idle").run(rounds=50)

    assert len(bench.measured) == 2 * SCENARIOS["idle"].max_rounds


def test_a_server_that_fails_is_left_out_of_further_rounds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench = RecordingBench("uvicorn")
    run = comparison(bench, "c64")
    run.run(rounds=3)

    assert bench.measured.count(("c64", "uvicorn")) == 1
    assert len(run.results.rounds("c64", "ours")) == 3
    assert run.results.failures == {"c64, uvicorn": "does not start"}
    assert "c64, uvicorn: does not start" in capsys.readouterr().err


def test_names_that_do_not_exist_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--scenario", "c65"])

    assert "c65" in capsys.readouterr().err


def test_a_checkout_may_be_measured_beside_servers() -> None:
    options = parser().parse_args(["--checkout", "/before", "--server", "ours", "uvicorn"])

    assert options.checkout == [Path("/before")]
    assert options.server == ["ours", "uvicorn"]
