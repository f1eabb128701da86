"""A listening socket for each worker: who gets which connection, and who comes after whom."""

import contextlib
import functools
import os
import re
import signal
import sys
from collections.abc import Iterator

import pytest
from websockets.frames import Opcode

from benchmarks.processes import family, socket_count
from tests.helpers.raw_client import RawClient, encode
from tests.helpers.service_process import (
    ServiceProcess,
    components_of,
    original_config,
    running_service,
    wait_until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="`reuse-port` needs Linux")

MANY = 60
"""Connections; that one of two workers gets less than six of them is one case in 10^11."""


@pytest.fixture
def service() -> Iterator[ServiceProcess]:
    document = original_config()
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = 2
    components_of(document)["server"]["listener"]["reuse-port"] = True
    with running_service(document=document) as service:
        wait_until(lambda: starts(service) == 2, 20)
        yield service


def starts(service: ServiceProcess) -> int:
    """Return how many workers have come so far as to serve."""
    return service.log().count("Application startup complete")


def has_started(service: ServiceProcess, workers: int) -> bool:
    return starts(service) == workers


def answers(service: ServiceProcess) -> None:
    """See that each of many clients, whoever they are dealt to, hears what it says."""
    for _ in range(MANY):
        with RawClient(service.port).open() as client:
            client.send(encode(Opcode.TEXT, b"hello"))
            assert client.read_frame().payload == b"hello"


def test_each_worker_gets_its_share_of_connections_that_come_one_by_one(
    service: ServiceProcess,
) -> None:
    workers = family(service.process.pid)
    before = {pid: socket_count(pid) for pid in workers}
    with contextlib.ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(RawClient(service.port).open())
        gained = sorted(socket_count(pid) - before[pid] for pid in workers)

    assert sum(gained) == MANY
    assert gained[-2] > 5


def test_connections_find_somebody_after_a_restart(service: ServiceProcess) -> None:
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: starts(service) == 4, 20)
    wait_until(lambda: service.log().count("Finished server process") == 2, 20)

    answers(service)
    assert service.stop() == 0


def test_connections_find_somebody_after_each_worker_has_died(service: ServiceProcess) -> None:
    workers = re.findall(r"Started server process \[(\d+)\]", service.log())
    for started, worker in enumerate(workers, start=3):
        os.kill(int(worker), signal.SIGKILL)
        wait_until(functools.partial(has_started, service, started), 20)

    answers(service)
    assert service.stop() == 0


def test_connections_find_somebody_when_workers_have_become_more_and_fewer(
    service: ServiceProcess,
) -> None:
    service.process.send_signal(signal.SIGTTIN)
    wait_until(lambda: starts(service) == 3, 20)
    answers(service)

    service.process.send_signal(signal.SIGTTOU)
    wait_until(lambda: "Finished server process" in service.log(), 20)
    answers(service)
    assert service.stop() == 0
