import pytest

from benchmarks.times import merge, percentile

TIMES = [(1_000, 50), (2_000, 49), (9_000_000, 1)]


@pytest.mark.parametrize(
    ("part", "seconds"), [(0.0, 1e-6), (0.5, 1e-6), (0.51, 2e-6), (0.99, 2e-6), (1.0, 9e-3)]
)
def test_a_percentile_is_the_time_that_so_many_took_at_most(part: float, seconds: float) -> None:
    assert percentile(TIMES, part) == pytest.approx(seconds)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="without times"):
        percentile([], 0.5)


def test_histograms_are_merged_by_their_buckets() -> None:
    assert merge([[(1, 2), (7, 1)], [(3, 4), (7, 2)], []]) == [(1, 2), (3, 4), (7, 3)]
