"""What the logger costs: a worker's CPU per message through /chat, at level debug and at none.

Run it in the project's folder, if possible on a machine that does nothing else:

    python -m benchmarks.logs [MESSAGES] [ROUNDS]

It starts the service twice, as `make start` does, with one worker and a log file: at level debug
and at level none. In each of 15 rounds both get 100 000 messages of 64 bytes over a new connection,
64 of them under way, one after the other and in turns the one or the other first, so that a machine
that gets slower or faster meanwhile is fair to both. The CPU of the worker, and that of the threads
that write its log, are read from /proc (Linux only); what the client takes does not count.
"""

import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from websockets.frames import Opcode

from tests.helpers.raw_client import RawClient, encode
from tests.helpers.service_process import (
    ServiceProcess,
    components_of,
    free_port,
    original_config,
    wait_until_answers,
    write_config,
)

PAYLOAD = b"x" * 64
WINDOW = 64  # messages under way


class Worker:
    """A service at one level, and the CPU of its worker."""

    def __init__(self, service: ServiceProcess, log: Path) -> None:
        self._port = service.port
        self._log = log
        self._process = worker_of(service.process.pid)
        self.measure(10 * WINDOW)  # what is needed only once

    def measure(self, messages: int) -> tuple[float, float]:
        """Echo messages; return the microseconds that one took, of all and of writing threads."""
        before = self._cpu()
        echo(self._port, messages)
        worker, threads = (b - a for a, b in zip(before, self._cpu(), strict=True))
        return worker / 1000 / messages, threads / 1000 / messages

    def lines(self) -> int:
        """Return how many lines are in the log."""
        return self._log.read_bytes().count(b"\n") if self._log.exists() else 0

    def _cpu(self) -> tuple[int, int]:
        """Return the nanoseconds of all threads, and of all but the event loop's."""
        times = {
            task.name: int((task / "schedstat").read_text().split()[0])
            for task in (self._process / "task").iterdir()
        }
        return sum(times.values()), sum(times.values()) - times[self._process.name]


@contextlib.contextmanager
def running(level: str) -> Iterator[Worker]:
    """Run a service whose logger has this level."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = original_config()
        port = components_of(document)["server"]["listener"]["port"] = free_port()
        logger = components_of(document)["logging"]["loggers"]["default"]
        logger.update(level=level, file_path=str(folder / "log"))
        config = write_config(folder, document)
        with ServiceProcess([sys.executable, "-m", "app", "-c", str(config)]) as service:
            service.port = port
            wait_until_answers(service)
            yield Worker(service, folder / "log")


def worker_of(parent: int) -> Path:
    """Return the /proc folder of the one worker that a service has."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    folders = [Path("/proc", child) for child in children]
    (found,) = [each for each in folders if "main-worker" in (each / "comm").read_text()]
    return found


def echo(port: int, messages: int) -> None:
    """Send messages, WINDOW of them under way, and read the echoes."""
    frames = encode(Opcode.TEXT, PAYLOAD) * WINDOW
    with RawClient(port).open() as client:
        for _ in range(messages // WINDOW):
            client.send(frames)
            client.read(WINDOW * (2 + len(PAYLOAD)))


def main(messages: int = 100_000, rounds: int = 15) -> None:
    table: dict[str, list[tuple[float, float]]] = {"debug": [], "none": []}
    with running("debug") as debug, running("none") as none:
        workers = [("debug", debug), ("none", none)]
        for _ in range(rounds):
            for level, worker in workers:
                table[level].append(worker.measure(messages))
            workers.reverse()
        lines = {level: worker.lines() for level, worker in workers}
    print("level  us of CPU per message: median, least    log threads  lines")
    for level, costs in table.items():
        times, of_threads = zip(*costs, strict=True)
        median, least, part = statistics.median(times), min(times), sum(of_threads) / sum(times)
        print(f"{level:5}{median:31.2f}{least:7.2f}{part:15.2%}{lines[level]:7}")
    more = [a[0] / b[0] - 1 for a, b in zip(table["debug"], table["none"], strict=True)]
    low, middle, high = statistics.quantiles(more)
    print(f"debug over none: {middle:+.1%} (half of the rounds: {low:+.1%} to {high:+.1%})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
