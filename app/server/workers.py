"""Worker processes under Uvicorn's supervisor."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from app.server.http_protocol import HttpProtocol
from app.server.tls import TlsMaterial
from app.task_processors.pool import name_thread

logger = logging.getLogger(__name__)

LEAVE_TIMEOUT: Final = 2
"""Seconds that a worker's connections and handlers have to end after the signal to leave."""

KILL_TIMEOUT: Final = 3.0
"""Seconds after which a worker that has not left is killed."""

HEALTH_TIMEOUT: Final = 15
"""Seconds in which a worker must answer its supervisor: enough to start on a throttled CPU."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What worker processes are made of; all of it goes to them by pickle, none by file."""

    make_app: Callable[[], ASGIApp]
    count: int
    thread_name: str
    backlog: int
    tls: TlsMaterial | None


def run_workers(options: WorkerOptions, sockets: list[socket.socket]) -> bool:
    """Run worker processes until a signal says to leave.

    Returns False if a worker could not start; then all have been stopped.
    """
    config = uvicorn.Config(
        _Worker(options.make_app, options.thread_name),
        factory=True,
        interface="asgi3",
        lifespan="on",
        workers=options.count,
        backlog=options.backlog,
        http=HttpProtocol,
        ssl_context_factory=options.tls,
        timeout_graceful_shutdown=LEAVE_TIMEOUT,
        timeout_worker_healthcheck=HEALTH_TIMEOUT,
    )
    supervisor = _Supervisor(config, sockets)
    supervisor.run()
    return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)


class _Supervisor(Multiprocess):
    """Uvicorn's supervisor, which here also ends when a worker does not."""

    @override
    def terminate_all(self) -> None:
        # From now on nobody will answer: refuse at once instead of letting clients wait.
        for listening in self.sockets:
            listening.close()
        super().terminate_all()

    @override
    def join_all(self) -> None:
        give_up = time.monotonic() + KILL_TIMEOUT
        for worker in self.processes:
            worker.process.join(max(0.0, give_up - time.monotonic()))
            if worker.process.is_alive():
                logger.error("worker [%s] did not leave in time: killed", worker.pid)
                worker.process.kill()
        super().join_all()


@dataclass(frozen=True, slots=True)
class _Worker:
    """Makes the application in a worker process, once the process is made a proper worker."""

    make_app: Callable[[], ASGIApp]
    thread_name: str

    def __call__(self) -> ASGIApp:
        name_thread(self.thread_name, _worker_number())
        threading.Thread(target=_leave_with_parent, name="parent-watch", daemon=True).start()
        return self.make_app()


def _worker_number() -> int:
    """Return how many workers had been started before this one."""
    # multiprocessing counts the processes that it starts, in their names: SpawnProcess-1, ...
    return int(multiprocessing.current_process().name.rpartition("-")[2]) - 1


def _leave_with_parent() -> None:
    """Leave when the supervisor has died, so that its port does not stay taken."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
