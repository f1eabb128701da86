"""`python -m benchmarks.workers`: how the workers of our service share connections.

With one listening socket the kernel wakes whoever waits, and connections that come one by one go
mostly to the same worker; with `reuse-port` it deals them out. It starts the service anew in each
round, opens connections, and counts the sockets of each worker. Nothing is pinned: workers run
where they like.
"""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Sequence

from benchmarks.errors import BenchmarkError
from benchmarks.measuring import SETTLING
from benchmarks.processes import raise_open_files, socket_count
from benchmarks.servers import RunningServer, running, several_workers
from benchmarks.table import markdown
from tests.helpers.raw_client import RawClient


def shares(target: RunningServer, connections: int, pause: float) -> list[int]:
    """Open connections, and return how many each worker has got, most first."""
    time.sleep(SETTLING)  # all workers are there
    before = _sockets(target.processes)
    with contextlib.ExitStack() as stack:
        for _ in range(connections):
            stack.enter_context(RawClient(target.port).open())
            time.sleep(pause)
        after = _sockets(target.processes)
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
    server = several_workers(options.workers, reuse_port=options.reuse_port)
    for number in range(1, options.rounds + 1):
        with running(server, cores=os.sched_getaffinity(0), compressed=False) as target:
            counts = shares(target, options.connections, options.pause)
        rows.append(row(number, counts, options.workers))
    heads = ["round", *(f"worker {n}" for n in range(1, options.workers + 1)), "largest share"]
    print(markdown(heads, rows))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers")
    add = parser.add_argument
    add("--workers", type=int, default=2, help="default: 2")
    add("--connections", type=int, default=1000, help="default: 1000")
    add("--rounds", type=int, default=3, help="default: 3")
    add("--pause", type=float, default=0.002, help="seconds between two; default: 0.002")
    add("--reuse-port", action="store_true", help="with the listener's option of this name")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main(parse(sys.argv[1:]))
    except BenchmarkError as error:
        sys.exit(str(error))
