"""Clients that do not read what they are sent."""

import contextlib
from pathlib import Path

from tests.helpers.raw_client import TIMEOUT, RawClient
from tests.helpers.service_process import components_of, running_service, wait_until
from tests.helpers.worker_memory import MIB, WorkerMemory
from tests.services.odd import odd_config

CLIENTS = 10


def test_clients_that_never_read_are_given_up_and_fill_no_memory(tmp_path: Path) -> None:
    document = odd_config()
    options = {"send-timeout": "500ms", "close-timeout": "500ms"}
    components_of(document)["flooding"].update(options)
    with running_service(tmp_path, document, module="tests.services.odd") as service:
        memory = WorkerMemory.of_the_one_worker(service.process.pid)
        with memory.growth() as growth, contextlib.ExitStack() as stack:
            for _ in range(CLIENTS):
                stack.enter_context(RawClient(service.port).open("/flooding"))

            wait_until(lambda: service.log().count("slow_consumer") == CLIENTS, TIMEOUT)

    assert growth.peak < 16 * MIB
