"""`python -m benchmarks.workers`: how the workers of our service share connections.

The kernel chooses who accepts a connection. It starts the service anew in each round, opens
connections, and counts the sockets of each worker. Nothing is pinned: workers run where they like.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.generator import Generator, build
from benchmarks.measuring import SETTLING
from benchmarks.processes import raise_open_files, socket_count
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import RunningServer, running, several_workers
from benchmarks.table import markdown


def shares(program: Path, target: RunningServer, connections: int) -> list[int]:
    """Open connections, and return how many each worker has got, most first."""
    _open(program, target, 100)  # what is needed only once
    time.sleep(SETTLING)
    return _open(program, target, connections)


def _open(program: Path, target: RunningServer, connections: int) -> list[int]:
    before = _sockets(target.processes)
    scenario = replace(SCENARIOS["idle"], idle=connections)
    run = Generator(program, scenario, target.port, target.processes, seconds=0, warm_up=0)
    with run.running() as generator:
        generator.wait_until_open()
        after = _sockets(target.processes)
        generator.result()
    gained = [after[pid] - before[pid] for pid in target.processes]
    return sorted((count for count in gained if count > 0), reverse=True)


def _sockets(processes: list[int]) -> dict[int, int]:
    return {pid: socket_count(pid) for pid in processes}


def row(number: int, counts: Sequence[int], workers: int) -> list[str]:
    """Return a line of the table: the round, what each worker has, and the largest share."""
    all_counts = [*counts, *[0] * (workers - len(counts))]
    return [str(number), *map(str, all_counts), f"{max(all_counts) / sum(all_counts):.0%}"]


def main(options: argparse.Namespace) -> None:
    raise_open_files()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        server = several_workers(options.workers)
        for number in range(1, options.rounds + 1):
            with running(server, cores=os.sched_getaffinity(0), compressed=False) as target:
                counts = shares(program, target, options.connections)
            rows.append(row(number, counts, options.workers))
    heads = ["round", *(f"worker {n}" for n in range(1, options.workers + 1)), "largest share"]
    print(markdown(heads, rows))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers")
    add = parser.add_argument
    add("--workers", type=int, default=2, help="default: 2")
    add("--connections", type=int, default=1000, help="default: 1000")
    add("--rounds", type=int, default=5, help="default: 5")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main(parse(sys.argv[1:]))
    except BenchmarkError as error:
        sys.exit(str(error))
