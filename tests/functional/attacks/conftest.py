"""The services that are attacked, and who floods them."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

import pytest

from tests.helpers.quiet_service import running_quietly
from tests.helpers.service_process import (
    Section,
    ServiceProcess,
    components_of,
    original_config,
)
from tests.helpers.worker_memory import WorkerMemory

MAX_PAYLOAD = 1 << 20
"""Bytes of the longest message that `compressing_service` takes."""


def compressing_config() -> Section:
    """Return the original's config with compression."""
    document = original_config()
    components_of(document)["websocket-handler"].update(
        {"compression": {"enabled": True}, "max-remote-payload": MAX_PAYLOAD}
    )
    return document


@pytest.fixture(scope="session")
def plain_service() -> Iterator[ServiceProcess]:
    """The chat with the original's config."""
    with running_quietly(original_config()) as service:
        yield service


@pytest.fixture(scope="session")
def compressing_service() -> Iterator[ServiceProcess]:
    """The chat with compression and a limit above what a bomb weighs."""
    with running_quietly(compressing_config()) as service:
        yield service


@pytest.fixture(scope="session")
def impatient_service() -> Iterator[ServiceProcess]:
    """The chat with the shortest timeouts for whatever a client may leave unfinished."""
    document = original_config()
    components_of(document)["server"]["listener"]["handshake-timeout"] = "500ms"
    components_of(document)["websocket-handler"]["close-timeout"] = "500ms"
    with running_quietly(document) as service:
        yield service


@pytest.fixture
def plain_memory(plain_service: ServiceProcess) -> WorkerMemory:
    """The memory of the worker of `plain_service`."""
    return WorkerMemory.of_the_one_worker(plain_service.process.pid)


@pytest.fixture
def compressing_memory(compressing_service: ServiceProcess) -> WorkerMemory:
    """The memory of the worker of `compressing_service`."""
    return WorkerMemory.of_the_one_worker(compressing_service.process.pid)


@pytest.fixture(scope="session")
def flooder() -> Iterator[Executor]:
    """A process of low priority to flood from."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=os.nice, initargs=(10,)) as executor:
        executor.submit(os.getpid).result(30)  # starts it
        yield executor
