from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.results import Results
from tests.unit.benchmarks.measurements import idle, measurement, results


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = results(measurement(), idle("uvicorn", 25_000.0), deflate="has no compression")
    written.write(tmp_path / "results.json")

    assert Results.read(tmp_path / "results.json") == written


def test_rounds_are_those_of_one_server_in_one_scenario() -> None:
    first, other, second = (measurement(), measurement("uvicorn"), measurement(done=5))

    assert results(first, other, second, idle("ours", 1.0)).rounds("c64", "ours") == [first, second]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"measurements": [{"times": []}]}'])
def test_a_file_of_another_kind_is_refused_by_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)

    with pytest.raises(BenchmarkError, match=r"other\.json: no results"):
        Results.read(path)


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"nothing\.json: no results"):
        Results.read(tmp_path / "nothing.json")
