"""`python -m benchmarks.compare`: measure servers side by side, and print tables (`make bench`).

Each measurement starts a server anew, on a core of its own, and the load generator on another.
The servers have their turns in each round of a scenario, so that a machine that gets slower or
faster meanwhile is fair to all; the best round counts, since whatever else the machine does can
only add. See docs/performance.md.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.errors import BenchmarkError
from benchmarks.figures import UNITS, Figures
from benchmarks.generator import build
from benchmarks.measuring import Bench, Cores
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import BASELINE, SERVERS, Server, checkout
from benchmarks.table import number, render

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130


class Comparison:
    """Servers, scenarios, and what has come out so far."""

    def __init__(self, bench: Bench, servers: Sequence[Server], scenarios: Sequence[Scenario]):
        self._bench = bench
        self._servers = servers
        self._scenarios = scenarios
        self.results = Results(
            machine={**machine.describe(), "open files": bench.open_files},
            servers={each.name: _about(each) for each in servers},
            scenarios={each.name: each.description for each in scenarios},
        )

    def run(self, rounds: int) -> None:
        """Measure all, so many times each."""
        for scenario in self._scenarios:
            for number_of_round in range(min(rounds, scenario.max_rounds)):
                # Who is first in one round is last in the next one.
                order = self._servers[:: -1 if number_of_round % 2 else 1]
                for server in order:
                    self._measure(server, scenario)

    def _measure(self, server: Server, scenario: Scenario) -> None:
        place = f"{scenario.name}, {server.name}"
        if place in self.results.failures:
            return
        try:
            measurement = self._bench.measure(server, scenario)
        except BenchmarkError as error:
            self.results.failures[place] = str(error)
            print(f"{place}: {error}", file=sys.stderr)
            return
        self.results.measurements.append(measurement)
        figures = Figures.of([measurement])
        found = f"{number(figures.main(scenario.figure))} {UNITS[scenario.figure]}"
        print(f"{place}: {found}", file=sys.stderr, flush=True)


def _about(server: Server) -> dict[str, object]:
    return {
        "description": server.description,
        "loop": server.loop,
        "versions": server.versions(),
    }


def compare(options: argparse.Namespace) -> int:
    """Do what the command line says, and return the exit code."""
    servers = _chosen_servers(options)
    scenarios = [each for name, each in SCENARIOS.items() if name in options.scenario]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(build(Path(folder)), Cores.take(), options.seconds)
        comparison = Comparison(bench, servers, scenarios)
        code = EXIT_FAILED
        try:
            comparison.run(options.rounds)
            code = EXIT_FAILED if _is_bad(comparison.results, servers, scenarios) else 0
        except KeyboardInterrupt:
            code = EXIT_INTERRUPTED
            print("interrupted; this is what there was until then:", file=sys.stderr)
        finally:
            if options.json is not None:
                comparison.results.write(options.json)
        print(render(comparison.results))
    return code


def _is_bad(results: Results, servers: Iterable[Server], scenarios: Iterable[Scenario]) -> bool:
    """Tell whether something has failed that could have been measured."""
    unable = {
        f"{scenario.name}, {server.name}"
        for scenario in scenarios
        for server in servers
        if scenario.compressed and not server.deflates
    }
    return bool(results.failures.keys() - unable)


def _chosen_servers(options: argparse.Namespace) -> list[Server]:
    """Return the servers that are asked for; of all those that are not, the ones that are here."""
    checkouts = [checkout(folder) for folder in options.checkout]
    if options.server:
        return [*checkouts, *(SERVERS[name] for name in options.server)]
    here = []
    for server in SERVERS.values():
        try:
            server.versions()
        except BenchmarkError as error:
            print(f"left out: {error}", file=sys.stderr)
        else:
            here.append(server)
    return [*checkouts, *here]


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Measure WebSocket servers side by side, on two cores that do nothing else.",
    )
    add = parser.add_argument
    add(
        *("--scenario", "-s"),
        action="extend",
        nargs="+",
        choices=SCENARIOS,
        metavar="NAME",
        help=f"of {', '.join(SCENARIOS)}; default: all",
    )
    add(
        "--server",
        action="extend",
        nargs="+",
        choices=SERVERS,
        default=[],
        metavar="NAME",
        help=f"of {', '.join(SERVERS)}; default: all; ratios are to {BASELINE}, else to the first",
    )
    add(
        "--checkout",
        action="extend",
        nargs="+",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="our service as it is in another folder; the table has it under the folder's name",
    )
    add("--rounds", type=int, default=5, help="how often each is measured; default: 5")
    add("--seconds", type=float, default=2.0, help="how long each time; default: 2")
    add("--json", type=Path, metavar="FILE", help="where to write all that was measured")
    return parser


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    options.scenario = options.scenario or list(SCENARIOS)
    try:
        return compare(options)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED


if __name__ == "__main__":
    # Whoever ends us ends the server and the generator, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_FAILED))
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(EXIT_INTERRUPTED)
