"""Worker processes under Uvicorn's supervisor."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from app.server.http_limits import HttpLimits
from app.server.protocol_factory import HttpProtocolFactory
from app.server.proxies import TrustedProxies
from app.server.supervisor import KILL_TIMEOUT, Supervisor, let_signals_in
from app.server.tls import TlsMaterial
from app.server.worker_sockets import WorkerSockets
from app.task_processors.pool import name_thread

LEAVE_TIMEOUT: Final = 2
"""Seconds that a worker's connections and handlers have to end after the signal to leave; what is
left of the supervisor's KILL_TIMEOUT is for components to stop."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What worker processes are made of; what they get goes to them by pickle, none by file.

    Args:
        make_app: Makes the application, in the worker.
        count: How many workers there are.
        thread_name: What the operating system calls them, with their number behind it.
        backlog: Connections that wait to be accepted.
        limits: Those of the listener.
        trusted_proxies: Peers whose proxy headers are believed.
        tls: The certificates of the listener, if it speaks TLS.
        reopen_logs: Called in this process, not in a worker, on SIGUSR1.
    """

    make_app: Callable[[], ASGIApp]
    count: int
    thread_name: str
    backlog: int
    limits: HttpLimits
    trusted_proxies: TrustedProxies
    tls: TlsMaterial | None
    reopen_logs: Callable[[], None]


def run_workers(options: WorkerOptions, sockets: WorkerSockets) -> bool:
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
        http=HttpProtocolFactory(options.limits).as_class(),
        proxy_headers=bool(options.trusted_proxies),
        forwarded_allow_ips=options.trusted_proxies,
        ssl_context_factory=options.tls,
        timeout_graceful_shutdown=LEAVE_TIMEOUT,
        # The application has seen to its loggers; Uvicorn's records come along.
        log_config=None,
    )
    supervisor = Supervisor(config, sockets, options.reopen_logs)
    supervisor.run()
    return not supervisor.failed


@dataclass(frozen=True, slots=True)
class _Worker:
    """Makes the application in a worker process, once the process is made a proper worker."""

    make_app: Callable[[], ASGIApp]
    thread_name: str

    def __call__(self) -> ASGIApp:
        let_signals_in()
        name_thread(self.thread_name, _worker_number())
        threading.Thread(target=_leave_with_parent, name="parent-watch", daemon=True).start()
        return self.make_app()


def _worker_number() -> int:
    """Return how many workers had been started before this one."""
    # multiprocessing counts the processes that it starts, in their names: SpawnProcess-1, ...
    return int(multiprocessing.current_process().name.rpartition("-")[2]) - 1


def _leave_with_parent() -> None:
    """Leave when the supervisor has died, so that its port does not stay taken.

    In good order if that goes: nobody is left to kill a worker that hangs.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(KILL_TIMEOUT)
        os._exit(1)
