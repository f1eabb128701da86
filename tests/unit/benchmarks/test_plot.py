from pathlib import Path

import pytest

from tests.unit.benchmarks.measurements import idle, measurement, results

pytest.importorskip("matplotlib", reason="`make bench` installs it")

from benchmarks.plot import bars, draw

RESULTS = results(
    measurement("uvicorn"), measurement("ours", server_cpu=0.2), idle("uvicorn", 25_000)
)


def test_the_best_server_has_the_first_bar() -> None:
    assert bars(RESULTS, "c64") == [("ours", 200.0), ("uvicorn", 500.0)]


def test_a_server_without_a_figure_has_no_bar() -> None:
    assert bars(RESULTS, "idle") == [("uvicorn", 25.0)]


def test_the_same_results_make_the_same_picture(tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    draw(RESULTS, first)
    draw(RESULTS, second)

    assert first.read_text().startswith("<?xml")
    assert first.read_bytes() == second.read_bytes()
