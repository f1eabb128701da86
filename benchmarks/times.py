"""How long messages took: histograms as the load generator prints them."""

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

Times = list[tuple[int, int]]
"""Pairs, in ascending order: the longest time that a bucket holds, in nanoseconds; its count."""


def merge(histograms: Iterable[Times]) -> Times:
    """Return one histogram of all."""
    counts: Counter[int] = Counter()
    for histogram in histograms:
        for longest, count in histogram:
            counts[longest] += count
    return sorted(counts.items())


def percentile(times: Times, part: float) -> float:
    """Return the seconds within which that part of all, from 0 to 1, was done.

    Raises:
        ValueError: there is nothing in the histogram.
    """
    if not times:
        raise ValueError("a histogram without times has no percentile")
    so_far = list(itertools.accumulate(count for _, count in times))
    longest, _ = times[bisect_left(so_far, part * so_far[-1])]
    return longest / 1e9
