"""One measurement: a server on a core of its own, the load generator on another one."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from benchmarks.errors import BenchmarkError
from benchmarks.generator import Generator, Load
from benchmarks.processes import raise_open_files, resident_bytes
from benchmarks.results import Measurement
from benchmarks.scenarios import Scenario
from benchmarks.servers import RunningServer, Server, running

WARM_UP: Final = 0.5
"""Seconds before a measurement, in which servers do what is needed only once."""

SETTLING: Final = 0.5
"""Seconds after which a server has the memory that it keeps."""


@dataclass(frozen=True)
class Cores:
    """Who runs where."""

    server: int
    generator: int

    @classmethod
    def take(cls) -> Self:
        """Choose two cores, and move this process, which starts the generator, to one of them.

        Raises:
            BenchmarkError: there are no two cores, or it is not known which there are.
        """
        if not hasattr(os, "sched_setaffinity"):
            raise BenchmarkError("benchmarks need Linux: they read /proc, and pin who is measured")
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise BenchmarkError("benchmarks need two cores: the server's and the load generator's")
        os.sched_setaffinity(0, {cores[0]})
        return cls(server=cores[-1], generator=cores[0])


class Bench:
    """Measures servers.

    Args:
        program: The load generator.
        cores: Who runs where.
        seconds: How long each measurement takes.
    """

    def __init__(self, program: Path, cores: Cores, seconds: float) -> None:
        self._program = program
        self._cores = cores
        self._seconds = seconds
        self.open_files: Final = raise_open_files()

    def measure(self, server: Server, scenario: Scenario) -> Measurement:
        """Start the server, let it do the scenario, and stop it.

        Raises:
            BenchmarkError: it cannot, or it answers wrongly.
        """
        if scenario.compressed and not server.deflates:
            raise BenchmarkError("has no compression")
        if scenario.open_files > self.open_files:
            raise BenchmarkError(
                f"needs {scenario.open_files} open files, and {self.open_files} may be open;"
                " raise the hard limit (ulimit -Hn)"
            )
        with running(server, cores=[self._cores.server], compressed=scenario.compressed) as target:
            idle_bytes = None
            if scenario.idle:
                before = self._resident_when_warm(target, scenario)
            with self._generator(target, scenario).running() as generator:
                if scenario.idle:
                    generator.wait_until_open()
                    idle_bytes = (_settled(target) - before) / scenario.idle
                load = generator.result()
        return _measurement(server, scenario, load, idle_bytes)

    def _resident_when_warm(self, target: RunningServer, scenario: Scenario) -> int:
        short = replace(scenario, connections=8, in_flight=1, idle=0)
        with self._generator(target, short, seconds=0.1).running() as generator:
            generator.result()
        return _settled(target)

    def _generator(
        self, target: RunningServer, scenario: Scenario, seconds: float | None = None
    ) -> Generator:
        return Generator(
            self._program,
            scenario,
            target.port,
            target.processes,
            seconds=seconds or self._seconds,
            warm_up=WARM_UP,
        )


def _settled(target: RunningServer) -> int:
    time.sleep(SETTLING)
    return resident_bytes(target.processes)


def _measurement(
    server: Server, scenario: Scenario, load: Load, idle_bytes: float | None
) -> Measurement:
    return Measurement(
        scenario=scenario.name,
        server=server.name,
        seconds=load.seconds,
        server_cpu=load.server_cpu,
        generator_cpu=load.own_cpu,
        done=load.done,
        times=load.times,
        idle_bytes=idle_bytes,
    )
