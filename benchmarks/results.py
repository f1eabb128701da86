"""What was measured, and where, as it is kept in a file."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.errors import BenchmarkError
from benchmarks.times import Times


@dataclass(frozen=True)
class Measurement:
    """What one server did in one round of a scenario.

    Args:
        scenario: Its name.
        server: Its name.
        seconds: How long it was measured.
        server_cpu: Seconds of CPU of all the server's processes in that time.
        generator_cpu: Those of the load generator.
        done: Messages that came back, or connections that ended.
        times: How long these took.
        idle_bytes: Resident memory of one idle connection, if there were any.
    """

    scenario: str
    server: str
    seconds: float
    server_cpu: float
    generator_cpu: float
    done: int
    times: Times
    idle_bytes: float | None = None


@dataclass(frozen=True)
class Results:
    """All of one run.

    Args:
        machine: What it ran on, and when.
        servers: The description, the loop and the versions of each server, by name; in the order
            of the tables.
        scenarios: Their descriptions, by name; in the order of the tables.
        measurements: In the order in which they were made.
        failures: Why a server has no figures in a scenario, by "scenario, server".
    """

    machine: dict[str, Any]
    servers: dict[str, dict[str, Any]]
    scenarios: dict[str, str]
    measurements: list[Measurement] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def rounds(self, scenario: str, server: str) -> list[Measurement]:
        """Return what a server did in all rounds of a scenario."""
        wanted = (scenario, server)
        return [each for each in self.measurements if (each.scenario, each.server) == wanted]

    def write(self, path: Path) -> None:
        """Write all to a file."""
        path.write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` has written.

        Raises:
            BenchmarkError: the file is not there, or something else.
        """
        try:
            document = json.loads(path.read_text())
            measurements = [_measurement(each) for each in document.pop("measurements")]
            return cls(**document, measurements=measurements)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BenchmarkError(f"{path}: no results of a benchmark: {error}") from None


def _measurement(document: dict[str, Any]) -> Measurement:
    times = [(longest, count) for longest, count in document.pop("times")]
    return Measurement(**document, times=times)
