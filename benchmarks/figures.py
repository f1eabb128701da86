"""Figures of a server in a scenario, made of its rounds."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from benchmarks.results import Measurement
from benchmarks.times import merge, percentile

UNITS: Final[Mapping[str, str]] = {
    "cpu": "µs of CPU",
    "p50": "µs, p50",
    "p99": "µs, p99",
    "kilobytes": "KB a connection",
}
"""What the figures are that a scenario may be about; less is better in each."""


@dataclass(frozen=True)
class Figures:
    """What is shown. What was not measured is None.

    Args:
        cpu: Microseconds of CPU for a message, or a connection, in the best round.
        cpu_median: The same in the middle one.
        rate: Messages, or connections, in a second, in the best round.
        p50: Microseconds; of all rounds together, as are p99 and p999.
        kilobytes: Resident memory of an idle connection, least.
        server_share: Part of its core that the server has used, most.
        generator_share: Part of its core that the load generator has used, most.
    """

    cpu: float | None
    cpu_median: float | None
    rate: float | None
    p50: float | None
    p99: float | None
    p999: float | None
    kilobytes: float | None
    server_share: float | None
    generator_share: float | None

    @classmethod
    def of(cls, rounds: Sequence[Measurement]) -> Self:
        """Return the figures of these rounds of one server in one scenario."""
        busy = [each for each in rounds if each.done]
        costs = [each.server_cpu / each.done * 1e6 for each in busy]
        idle = [each.idle_bytes / 1000 for each in rounds if each.idle_bytes is not None]
        times = merge(each.times for each in busy)
        p50, p99, p999 = (
            percentile(times, part) * 1e6 if times else None for part in (0.5, 0.99, 0.999)
        )
        return cls(
            cpu=min(costs, default=None),
            cpu_median=statistics.median(costs) if costs else None,
            rate=max((each.done / each.seconds for each in busy), default=None),
            p50=p50,
            p99=p99,
            p999=p999,
            kilobytes=min(idle, default=None),
            server_share=max((each.server_cpu / each.seconds for each in busy), default=None),
            generator_share=max((each.generator_cpu / each.seconds for each in busy), default=None),
        )

    def main(self, name: str) -> float | None:
        """Return the figure that a scenario is about, by its name in UNITS."""
        value: float | None = getattr(self, name)
        return value
