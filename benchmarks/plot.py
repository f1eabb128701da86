"""`python -m benchmarks.plot FILE [PICTURE]`: bars of what each server takes in each scenario."""

import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.errors import BenchmarkError
from benchmarks.figures import UNITS, Figures
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS
from benchmarks.table import number

_COLUMNS: Final = 3
_OURS: Final = "#c0392b"
_OTHERS: Final = "#8fa3b3"
_BASELINE: Final = "#4d6478"
_COLOURS: Final = {"ours": _OURS, "ours-compiled": _OURS, "uvicorn": _BASELINE}


def bars(results: Results, scenario: str) -> list[tuple[str, float]]:
    """Return the servers that have a figure in the scenario, the best one first."""
    about = SCENARIOS[scenario].figure
    figures = [
        (server, Figures.of(results.rounds(scenario, server)).main(about))
        for server in results.servers
    ]
    return sorted(((name, v) for name, v in figures if v is not None), key=lambda bar: bar[1])


def draw(results: Results, picture: Path) -> None:
    """Write a picture, of the kind that its name ends with."""
    mpl.use("agg")
    # The same results make the same file.
    mpl.rcParams.update({"svg.hashsalt": "benchmarks", "font.size": 8})
    names = [name for name in results.scenarios if bars(results, name)]
    lines = -(-len(names) // _COLUMNS)
    figure, axes = plt.subplots(
        lines, _COLUMNS, figsize=(11, 1.9 * lines), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    for axis, name in zip(axes.flat, names, strict=False):
        _draw_bars(axis, name, bars(results, name))
    figure.suptitle(f"less is better; {results.machine['processor']}, {results.machine['date']}")
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)


def _draw_bars(axis: Any, scenario: str, found: list[tuple[str, float]]) -> None:
    servers, values = zip(*found, strict=True)
    drawn = axis.barh(servers, values, color=[_COLOURS.get(name, _OTHERS) for name in servers])
    axis.bar_label(drawn, labels=[number(value) for value in values], padding=2)
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.set_title(f"{scenario}: {UNITS[SCENARIOS[scenario].figure]}", loc="left")
    axis.spines[["top", "right"]].set_visible(False)


def main(file: Path, picture: Path) -> None:
    try:
        draw(Results.read(file), picture)
    except BenchmarkError as error:
        sys.exit(str(error))
    print(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(*sys.argv[2:3] or ["docs/performance.svg"]))
