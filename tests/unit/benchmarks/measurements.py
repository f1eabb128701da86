"""Measurements as a benchmark makes them."""

from typing import Any

from benchmarks.results import Measurement, Results


def measurement(server: str = "ours", scenario: str = "c64", **facts: Any) -> Measurement:
    """Return one: by default 1000 messages in a second that took half of the core."""
    usual = {
        "seconds": 1.0,
        "server_cpu": 0.5,
        "generator_cpu": 0.25,
        "done": 1000,
        "times": [(1_000_000, 990), (5_000_000, 10)],
    }
    return Measurement(**{"server": server, "scenario": scenario, **usual, **facts})


def idle(server: str, idle_bytes: float) -> Measurement:
    """Return one of connections that did nothing."""
    nothing: dict[str, Any] = {"seconds": 0.0, "server_cpu": 0.0, "done": 0, "times": []}
    return measurement(server, "idle", idle_bytes=idle_bytes, generator_cpu=0.0, **nothing)


def results(*measurements: Measurement, **failures: str) -> Results:
    """Return those of one run."""
    return Results(
        machine={"date": "2026-11-26", "processor": "a fast one"},
        servers={
            name: {"description": f"{name} it is", "loop": "uvloop", "versions": {name: "1.0"}}
            for name in dict.fromkeys(each.server for each in measurements)
        },
        scenarios={
            name: f"{name} connections" for name in {each.scenario: 0 for each in measurements}
        },
        measurements=list(measurements),
        failures=failures,
    )
