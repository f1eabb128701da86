"""Floods by ten clients, while another one only wants to be served."""

import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from tests.functional.attacks.conftest import compressing_config
from tests.helpers.attacks import FLOODS
from tests.helpers.flooding import flood
from tests.helpers.probes import PROBES, measure
from tests.helpers.quiet_service import running_quietly
from tests.helpers.service_process import ServiceProcess, original_config
from tests.helpers.worker_memory import MIB, WorkerMemory

ATTACKERS = 10
SECONDS = 1.0
WORST_WAIT = 2.0
# Who connects anew waits behind all who did so before: one is accepted in each turn of the loop.
WORST_WAIT_TO_CONNECT = 10.0
CONNECTING = {"behind-a-close", "behind-a-mistake", "handshakes", "connections", "bad-requests"}
MAX_GROWTH = 32 * MIB


# Their own, so that nothing has stretched their memory before.


@pytest.fixture(scope="module")
def plain_service() -> Iterator[ServiceProcess]:
    with running_quietly(original_config()) as service:
        yield service


@pytest.fixture(scope="module")
def compressing_service() -> Iterator[ServiceProcess]:
    with running_quietly(compressing_config()) as service:
        yield service


@pytest.mark.parametrize("name", FLOODS)
def test_flood_neither_keeps_others_waiting_nor_fills_the_memory(
    name: str, flooder: Executor, request: pytest.FixtureRequest
) -> None:
    needed = "compressing_service" if FLOODS[name].compressed else "plain_service"
    flooded: ServiceProcess = request.getfixturevalue(needed)
    with WorkerMemory.of_the_one_worker(flooded.process.pid).growth() as growth:
        start = time.monotonic() + 0.1
        end = start + SECONDS
        flooding = flooder.submit(flood, name, flooded.port, ATTACKERS, start, end)
        with ThreadPoolExecutor(len(PROBES)) as clients:
            measuring = [
                clients.submit(measure, probe, flooded.port, start, end) for probe in PROBES
            ]

    assert flooding.result().connections >= ATTACKERS
    worst = WORST_WAIT_TO_CONNECT if name in CONNECTING else WORST_WAIT
    assert max(max(waits.result()) for waits in measuring) < worst
    assert growth.peak < MAX_GROWTH
