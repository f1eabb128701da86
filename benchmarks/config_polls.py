"""What services wait for when they ask the config service for news, and what that costs it.

Run it in the project's folder, if possible on a machine that does nothing else:

    python -m benchmarks.config_polls [--rate N] [--seconds N] [--changes N] [--json FILE]

It starts the config service with one worker on the first core, sets a few hundred values, and
polls from the second core: 500 services with a connection each, which ask for what has changed
since the last answer. Polls begin when they are due, whatever became of those before them, and how
long one takes is counted from then on. Meanwhile values change, and what a service is told must be
what was set last, a second after the last change.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

import httpx
import uvloop
import yaml

from tests.helpers.quiet_service import running_quietly
from tests.helpers.service_process import PROJECT, ServiceProcess, components_of

SERVICES: Final = 500
VARIABLES: Final = 200
OVERRIDDEN: Final = 100
"""How many services there are, how many variables have a value, for how many services one has
another."""

TARGET: Final = 0.02
"""Seconds that p99 may be, at 1000 polls a second."""

TOKEN: Final = "a-token-of-the-benchmark"
WARM_UP: Final = 2.0
GRACE: Final = 5.0
"""Seconds before polls are counted; seconds in which the last of them must be answered."""


@dataclass(frozen=True)
class Outcome:
    """What was seen. Times in seconds.

    Args:
        polls: Polls that were counted.
        rate: How many of them were answered in a second.
        lost: Polls that had no answer, or another one than 200.
        changed: Values that services were told of.
        cpu: Time of the server's core for each poll, with all else that it did.
    """

    polls: int
    rate: float
    p50: float
    p99: float
    p999: float
    worst: float
    lost: int
    changed: int
    cpu: float

    def __str__(self) -> str:
        waits = (self.p50, self.p99, self.p999, self.worst)
        p50, p99, p999, worst = (f"{wait * 1000:.2f} ms" for wait in waits)
        return (
            f"{self.polls} polls, {self.rate:.0f}/s; p50 {p50}, p99 {p99}, p99.9 {p999},"
            f" worst {worst}; {self.lost} lost; {self.changed} values told;"
            f" {self.cpu * 1e6:.0f} us of CPU a poll ({1 / self.cpu:.0f}/s on a core)"
        )


class Poller(asyncio.Protocol):
    """One service: asks over one connection for what has changed since the last answer."""

    def __init__(self, name: str, waits: list[float]) -> None:
        self.values: dict[str, Any] = {}
        self.lost = 0
        self.told = 0
        self._waits = waits
        self._asked: dict[str, Any] = {
            "service": name,
            "ids": [_name(number) for number in range(VARIABLES)],
        }
        # When the polls were due that are not answered.
        self._due: deque[tuple[float, bool]] = deque()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is of a class of its own.
        self._transport = cast(asyncio.Transport, transport)

    def poll(self, due: float, *, counts: bool) -> None:
        """Ask, be it that the last answer is not there yet."""
        body = json.dumps(self._asked).encode()
        head = (
            b"POST /configs/values HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert self._transport is not None
        self._due.append((due, counts))
        self._transport.write(head + body)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while answer := self._next_answer():
            due, counts = self._due.popleft()
            if counts:
                self._waits.append(time.perf_counter() - due)
            self._take(*answer)

    @property
    def unanswered(self) -> int:
        """How many polls have no answer."""
        return len(self._due)

    def _next_answer(self) -> tuple[bytes, bytes] | None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        return head, rest[:length]

    def _take(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200 "):
            self.lost += 1
            return
        answer = json.loads(body)
        if "updated_since" in self._asked:
            self.told += len(answer["configs"])
        self.values |= answer["configs"]
        self._asked["updated_since"] = answer["updated_at"]


def _name(number: int) -> str:
    return f"VARIABLE_{number}"


class Editor:
    """Sets values."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.last: dict[str, int] = {}
        self._client = client
        self._etags: dict[tuple[str, str], str] = {}

    async def set_all(self) -> None:
        """Set each variable for all services, and one for some of them."""
        for number in range(VARIABLES):
            await self.set(_name(number), number)
        for number in range(OVERRIDDEN):
            await self.set("OVERRIDDEN", number, f"service-{number}")

    async def set(self, name: str, value: int, service: str = "") -> None:
        """Set a value, for all services or for one."""
        answer = await self._client.put(
            f"/admin/api/values/{name}",
            params={"service": service},
            headers={"If-Match": self._etags.get((name, service), '"0"')},
            json={"value": value, "why": "the benchmark", "allow_unknown": True},
        )
        answer.raise_for_status()
        self._etags[name, service] = answer.headers["ETag"]
        if not service:
            self.last[name] = value


async def _poll_openly(
    pollers: list[Poller], rate: float, seconds: float, start: float
) -> tuple[int, float]:
    """Poll at the rate; return how many polls counted, and when the first of them was due."""
    first = start + WARM_UP
    total, counted = int(rate * (WARM_UP + seconds)), 0
    for number in range(total):
        due = start + number / rate
        while (left := due - time.perf_counter()) > 0:  # noqa: ASYNC110 (it is the clock)
            await asyncio.sleep(left if left > 0.001 else 0)
        counts = due >= first
        counted += counts
        pollers[number % len(pollers)].poll(due, counts=counts)
        if number % 16 == 0:
            await asyncio.sleep(0)
    return counted, first


async def _change(editor: Editor, changes: float, end: float) -> None:
    number = 0
    while changes and time.perf_counter() < end:
        await editor.set(_name(number % VARIABLES), 1_000_000 + number)
        number += 1
        await asyncio.sleep(1 / changes)


async def _run(service: ServiceProcess, options: argparse.Namespace) -> Outcome:
    waits: list[float] = []
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=service.http_url, headers=headers, timeout=30) as client:
        editor = Editor(client)
        await editor.set_all()
        pollers = await _connected(service, waits)
        start = time.perf_counter() + 0.1
        end = start + WARM_UP + options.seconds
        changing = asyncio.create_task(_change(editor, options.changes, end - 2))
        before = _cpu_time(service)
        polls, first = await _poll_openly(pollers, options.rate, options.seconds, start)
        took = time.perf_counter() - first
        cpu = (_cpu_time(service) - before) * options.seconds / (WARM_UP + options.seconds)
        await changing
        await _wait_for_answers(pollers)
    wrong = [each for each in pollers if any(each.values[k] != v for k, v in editor.last.items())]
    if wrong:
        raise SystemExit(f"{len(wrong)} services were not told of the last change")
    ordered = sorted(waits)
    p50, p99, p999 = (ordered[int(len(ordered) * part)] for part in (0.5, 0.99, 0.999))
    lost = sum(each.lost + each.unanswered for each in pollers)
    told = sum(each.told for each in pollers)
    return Outcome(polls, polls / took, p50, p99, p999, ordered[-1], lost, told, cpu / polls)


async def _connected(service: ServiceProcess, waits: list[float]) -> list[Poller]:
    loop = asyncio.get_running_loop()
    pollers = [Poller(f"service-{number}", waits) for number in range(SERVICES)]
    for poller in pollers:
        made = functools.partial(next, iter([poller]))
        await loop.create_connection(made, "127.0.0.1", service.port)
    return pollers


async def _wait_for_answers(pollers: list[Poller]) -> None:
    deadline = time.perf_counter() + GRACE
    for poller in pollers:
        while poller.unanswered and time.perf_counter() < deadline:  # noqa: ASYNC110 (simpler)
            await asyncio.sleep(0.02)


def _worker(service: ServiceProcess) -> int:
    """Return the process of the one worker."""
    parent = service.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    workers = [each for each in children if "main-worker" in Path(f"/proc/{each}/comm").read_text()]
    return int(workers[0])


def _cpu_time(service: ServiceProcess) -> float:
    fields = Path(f"/proc/{_worker(service)}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _running(core: int, folder: Path) -> Iterator[ServiceProcess]:
    document = yaml.safe_load((PROJECT / "config" / "config_service.yaml").read_text())
    store = components_of(document)["config-store"]
    path, tokens = str(folder / "polls.sqlite3"), {"benchmark": TOKEN}
    store.update({"path": path, "tokens": tokens, "hand-in-tokens": {}})
    # What it starts has the core of who starts it.
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    with running_quietly(document, "app.config_service") as service:
        os.sched_setaffinity(0, own - {core} or own)
        yield service


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.config_polls")
    parser.add_argument("--rate", type=float, default=1000.0, help="polls a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="for how long")
    parser.add_argument("--changes", type=float, default=1.0, help="values set a second")
    parser.add_argument("--folder", type=Path, help="where the file is; by default a new one")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        core = min(os.sched_getaffinity(0))
        service = stack.enter_context(_running(core, folder))
        outcome = uvloop.run(_run(service, options))
    load = os.getloadavg()[0]
    target = "met" if outcome.p99 < TARGET and not outcome.lost else "missed"
    print(
        f"{outcome}\ntarget (p99 < {TARGET * 1000:.0f} ms): {target}; the machine's load {load:.1f}"
    )
    if options.json is not None:
        options.json.write_text(json.dumps(asdict(outcome), indent=4) + "\n")


if __name__ == "__main__":
    main()
