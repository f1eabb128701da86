import pytest

from benchmarks.figures import Figures
from tests.unit.benchmarks.measurements import idle, measurement


def test_the_best_round_counts_and_the_middle_one_is_shown() -> None:
    figures = Figures.of([measurement(server_cpu=cpu) for cpu in (0.9, 0.5, 0.7)])

    assert figures.cpu == pytest.approx(500)  # microseconds for each of 1000 messages
    assert figures.cpu_median == pytest.approx(700)


def test_the_rate_is_that_of_the_fastest_round() -> None:
    rounds = [measurement(done=900, seconds=1.0), measurement(done=1800, seconds=1.5)]

    assert Figures.of(rounds).rate == pytest.approx(1200)


def test_times_are_those_of_all_rounds_together() -> None:
    slow = measurement(done=20, times=[(9_000_000, 20)])
    figures = Figures.of([measurement(), slow])

    assert figures.p50 == pytest.approx(1000)
    assert figures.p99 == pytest.approx(9000)


def test_shares_are_those_of_the_round_that_used_most() -> None:
    rounds = [measurement(server_cpu=0.5, generator_cpu=0.6), measurement(server_cpu=0.99)]
    figures = Figures.of(rounds)

    assert figures.server_share == pytest.approx(0.99)
    assert figures.generator_share == pytest.approx(0.6)


def test_who_only_stays_connected_has_no_figure_but_memory() -> None:
    figures = Figures.of([idle("ours", 20_000), idle("ours", 15_000)])

    assert figures.main("kilobytes") == pytest.approx(15)
    assert figures.cpu is figures.rate is figures.p50 is figures.server_share is None


def test_without_a_round_there_is_no_figure() -> None:
    figures = Figures.of([])

    assert figures.cpu is figures.kilobytes is figures.p99 is None
