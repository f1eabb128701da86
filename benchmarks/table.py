"""Results as Markdown: `python -m benchmarks.table FILE`."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.errors import BenchmarkError
from benchmarks.figures import UNITS, Figures
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import BASELINE

GENERATOR_LIMIT: Final = 0.7
"""Part of its core from which on the load generator may be what is measured."""

_EXPLANATION: Final = (
    "CPU: of all processes of the server, for a message or, in `conn`, for a connection, in the"
    " best round; median: of the rounds; ratio: to the server that others are compared with; KB:"
    " resident memory of an idle connection; core: what the server used of its core; load: what"
    " the load generator used of its own, with (!) where it may be what was measured."
)

_NOTHING: Final = "-"
_HEADS: Final = (
    *("server", "CPU, µs", "median", "ratio", "per second", "p50, µs", "p99", "p99.9"),
    *("KB", "ratio", "core", "load"),
)


def render(results: Results) -> str:
    """Return all tables: one of all scenarios, and one of each."""
    parts = [_summary(results), *(_details(results, name) for name in results.scenarios)]
    if results.failures:
        failures = [f"- {what}: {why.splitlines()[0]}" for what, why in results.failures.items()]
        parts.append("\n".join(["Without figures:", "", *failures]))
    return "\n\n".join([*parts, _legend(results)])


def baseline_of(results: Results) -> str:
    """Return the server that others are compared with: the first one if the usual is not there."""
    return BASELINE if BASELINE in results.servers else next(iter(results.servers))


def ratio(value: float | None, base: float | None) -> float | None:
    """Return how many times as much that is, if both were measured."""
    return value / base if value is not None and base else None


def number(value: float | None) -> str:
    """Return a number with three digits, or more before the point."""
    if value is None:
        return _NOTHING
    digits = max(0, 2 - len(str(int(value))) + 1) if value else 0
    return f"{value:.{digits}f}"


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are numbers."""
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _summary(results: Results) -> str:
    base = baseline_of(results)
    names = list(results.scenarios)
    figures = {
        (scenario, server): Figures.of(results.rounds(scenario, server)).main(_about(scenario))
        for scenario in names
        for server in results.servers
    }
    rows = []
    for server in results.servers:
        cells = [server]
        for scenario in names:
            value = figures[scenario, server]
            times = ratio(value, figures[scenario, base])
            cells.append(number(value) + (f" ({times:.2f})" if times is not None else ""))
        rows.append(cells)
    heads = ["server", *(f"{name}, {UNITS[_about(name)]}" for name in names)]
    return f"In brackets: times what {base} takes.\n\n{markdown(heads, rows)}"


def _about(scenario: str) -> str:
    return SCENARIOS[scenario].figure


def _details(results: Results, scenario: str) -> str:
    base = Figures.of(results.rounds(scenario, baseline_of(results)))
    rows = []
    for server in results.servers:
        if rounds := results.rounds(scenario, server):
            rows.append([server, *_cells(Figures.of(rounds), base)])
    return f"**{scenario}**: {results.scenarios[scenario]}.\n\n{markdown(_HEADS, rows)}"


def _cells(own: Figures, base: Figures) -> list[str]:
    return [
        *map(number, (own.cpu, own.cpu_median)),
        number(ratio(own.cpu, base.cpu)),
        number(own.rate),
        *map(number, (own.p50, own.p99, own.p999)),
        number(own.kilobytes),
        number(ratio(own.kilobytes, base.kilobytes)),
        _share(own.server_share, 1.1),
        _share(own.generator_share, GENERATOR_LIMIT),
    ]


def _share(part: float | None, limit: float) -> str:
    if part is None:
        return _NOTHING
    return f"{part:.0%}{' (!)' if part > limit else ''}"


def _legend(results: Results) -> str:
    machine = "; ".join(f"{name}: {value}" for name, value in results.machine.items())
    servers = [
        f"- {name}: {about['description']}; {about['loop']}; "
        + ", ".join(f"{package} {version}" for package, version in about["versions"].items())
        for name, about in results.servers.items()
    ]
    return "\n".join([_EXPLANATION, "", *servers, "", machine])


def main(path: Path) -> None:
    try:
        print(render(Results.read(path)))
    except BenchmarkError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
