"""What a client waits for while others flood the service, and what the service needs meanwhile.

Run it in the project's folder, if possible on a machine that does nothing else:

    python -m benchmarks.fairness [FLOOD ...] [--against uvicorn] [--json FILE]

For each flood of `tests/helpers/attacks.py`, and for each number of attackers, it starts the
service anew, with one worker, the shipped config and its log in a file at level info. The
attackers, who begin half a second earlier, send all they can from at most two processes of low
priority (see --nice). Meanwhile three clients, a process each, measure how long their next echo
takes over an open connection, a GET / over a new one, and a new handshake. The memory is that of
the worker (Linux only): before, and how much more at most and after the flood.

Attackers, clients and server share the cores of the machine: with two, the second process of
attackers takes time from the server that it is measured on.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.helpers.attacks import FLOODS
from tests.helpers.flooding import Damage, flood
from tests.helpers.probes import PROBES, Latency, measure
from tests.helpers.quiet_service import running_quietly
from tests.helpers.service_process import (
    PROJECT,
    ServiceProcess,
    components_of,
    free_port,
    wait_until_answers,
)
from tests.helpers.worker_memory import MIB, Growth, WorkerMemory

LEAD: Final = 0.5
"""Seconds from the begin of a flood to the first measurement."""

WARM_UP: Final = 0.5
"""Seconds of service before the flood, for what is needed only once."""

TARGETS: Final = {1: 0.02, 100: 0.06}
"""Seconds that p99 may be, by the number of attackers."""

NOBODY: Final = "nobody"


@dataclass(frozen=True)
class Scenario:
    """Who floods whom."""

    server: str
    flood: str
    attackers: int
    nice: int

    @property
    def compressed(self) -> bool:
        return self.flood != NOBODY and FLOODS[self.flood].compressed


@dataclass(frozen=True)
class Outcome:
    """What a flood did to a service."""

    scenario: Scenario
    latencies: dict[str, Latency]
    memory: Growth
    damage: Damage

    @property
    def on_target(self) -> bool:
        target = TARGETS.get(self.scenario.attackers)
        return target is None or all(each.p99 < target for each in self.latencies.values())

    def row(self) -> str:
        """Return the line of the table."""
        who, memory, damage = self.scenario, self.memory, self.damage
        waits = "".join(
            f"{each.p50 * 1000:7.1f}{each.p99 * 1000:8.1f}{each.worst * 1000:8.1f} "
            for each in self.latencies.values()
        )
        return (
            f"{who.server:8}{who.flood:21}{who.attackers:5}{who.nice:5} {waits}"
            f"{memory.before / MIB:6.0f}{memory.peak / MIB:+6.0f}{memory.after / MIB:+6.0f}"
            f"{damage.bytes_sent / MIB:8.0f}{damage.connections:7}"
            f"{'' if self.on_target else '  over'}"
        )


def header() -> str:
    """Return the two lines above the table."""
    names = "".join(f"{f'{name}, ms':>23} " for name in PROBES)
    waits = "".join(f"{'p50':>7}{'p99':>8}{'max':>8} " for _ in PROBES)
    return (
        f"{'':39} {names}{'memory, MiB':>18}{'sent':>8}{'conn.':>7}\n"
        f"{'server':8}{'flood':21}{'n':>5}{'nice':>5} {waits}{'was':>6}{'peak':>6}{'after':>6}"
        f"{'MiB':>8}"
    )


class Crowd:
    """The processes of attackers and of clients, which are started once."""

    def __init__(self, nice: int) -> None:
        self._attackers = _processes(2, nice)
        self._clients = _processes(len(PROBES), 0)

    def close(self) -> None:
        """End the processes."""
        self._attackers.shutdown()
        self._clients.shutdown()

    def flood(
        self, name: str, port: int, attackers: int, seconds: float
    ) -> tuple[dict[str, Latency], Damage]:
        """Let attackers, if any, flood the service and clients measure; return what they say."""
        start = time.monotonic() + 0.1
        end = start + LEAD + seconds
        shares = [share for share in (attackers - attackers // 2, attackers // 2) if share]
        floods = [self._attackers.submit(flood, name, port, share, start, end) for share in shares]
        waits = {
            probe: self._clients.submit(measure, probe, port, start + LEAD, end) for probe in PROBES
        }
        latencies = {probe: Latency.of(each.result()) for probe, each in waits.items()}
        return latencies, sum((each.result() for each in floods), Damage())


def _processes(number: int, nice: int) -> Executor:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(number, context, initializer=os.nice, initargs=(nice,))
    list(pool.map(time.sleep, [0.5] * number))  # they start with the first task
    return pool


@contextlib.contextmanager
def _app(compressed: bool) -> Iterator[ServiceProcess]:
    document = yaml.safe_load((PROJECT / "config" / "static_config.yaml").read_text())
    if compressed:
        components_of(document)["websocket-handler"]["compression"] = {"enabled": True}
    with running_quietly(document) as service:
        yield service


@contextlib.contextmanager
def _uvicorn(compressed: bool) -> Iterator[ServiceProcess]:
    port = free_port()
    command = ["uvicorn", "benchmarks.stock_echo:app", f"--port={port}", "--no-access-log"]
    command += ["--ws=websockets-sansio", f"--ws-per-message-deflate={compressed}"]
    with ServiceProcess([sys.executable, "-m", *command]) as service:
        service.port = port
        wait_until_answers(service)
        yield service


SERVERS: Final = {"app": _app, "uvicorn": _uvicorn}


def outcome_of(scenario: Scenario, crowd: Crowd, seconds: float) -> Outcome:
    """Run a scenario against a service of its own."""
    with SERVERS[scenario.server](scenario.compressed) as service:
        memory = WorkerMemory.of_the_one_worker(service.process.pid)
        crowd.flood(NOBODY, service.port, 0, WARM_UP)
        with memory.growth() as growth:
            latencies, damage = crowd.flood(
                scenario.flood, service.port, scenario.attackers, seconds
            )
    return Outcome(scenario, latencies, growth, damage)


def outcomes(options: argparse.Namespace) -> Iterator[Outcome]:
    """Run all that is asked for, one after the other."""
    cases = [(NOBODY, 0), *((name, n) for name in options.floods for n in options.attackers)]
    with contextlib.ExitStack() as stack:
        crowds = {nice: Crowd(nice) for nice in options.nice}
        for crowd in crowds.values():
            stack.callback(crowd.close)
        for name, attackers in cases:
            for nice, crowd in crowds.items():
                for server in ("app", *options.against):
                    scenario = Scenario(server, name, attackers, nice)
                    yield outcome_of(scenario, crowd, options.seconds)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fairness")
    add = parser.add_argument
    add("floods", nargs="*", metavar="FLOOD", help=f"one of {', '.join(FLOODS)}; default: all")
    add("--against", action="append", default=[], choices=["uvicorn"], help="another server, too")
    add("--attackers", type=int, nargs="+", default=list(TARGETS), help="how many, in turns")
    add("--nice", type=int, nargs="+", default=[10], help="of the attackers, in turns")
    add("--seconds", type=float, default=3.0, help="how long each flood is measured")
    add("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    options.floods = options.floods or list(FLOODS)
    if unknown := set(options.floods) - set(FLOODS):
        parser.error(f"there is no flood {', '.join(unknown)}; there are {', '.join(FLOODS)}")
    return options


def main() -> None:
    options = parse()
    print(header())
    found = []
    for outcome in outcomes(options):
        found.append(outcome)
        print(outcome.row(), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1))


if __name__ == "__main__":
    main()
