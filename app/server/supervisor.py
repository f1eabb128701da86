"""Uvicorn's supervisor of worker processes, made to answer signals whatever its workers do.

Uvicorn's own waits for each worker in turn, for its health and for its end, and looks at signals
only between: one worker that hangs, or dies at the wrong moment, keeps the service from leaving.
Here nothing waits without looking at the signals, and nothing waits for ever.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from typing_extensions import override
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from app.server.listener import ListenerError
from app.server.worker_sockets import WorkerSockets

logger = logging.getLogger(__name__)

KILL_TIMEOUT: Final = 4.0
"""Seconds after the signal to leave at which a worker that is still there is killed."""

HEALTH_TIMEOUT: Final = 15.0
"""Seconds in which a worker must answer its supervisor: enough to start on a throttled CPU."""

MAX_EARLY_DEATHS: Final = 2
"""Workers that may die before they serve, for whatever reason, until starting has failed."""

HEALTH_INTERVAL: Final = 1.0
"""Seconds from a serving worker's answer to the next question."""

LONGEST_PAUSE: Final = 30.0
"""Seconds until another worker starts, however many have not come so far as to serve."""

LEAVE_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

PASSED_ON: Final = (signal.SIGUSR1, signal.SIGUSR2)
"""What the workers are sent, too: reopen the logs, and update the dynamic config."""

_PAUSE = 0.05
"""Seconds between two looks at signals and workers."""


def restart_pause(failures: int) -> float:
    """Return the seconds from the death of a worker that never served to its successor's start.

    Args:
        failures: How many before it have died in a row like that.
    """
    return min(2.0 ** min(failures, 10), LONGEST_PAUSE)


class Supervisor(Multiprocess):
    """Keeps as many workers running as the config says; `failed` if one could not start.

    Args:
        config: Of the workers.
        sockets: What they accept connections on.
        reopen_logs: Called on SIGUSR1.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: WorkerSockets,
        reopen_logs: Callable[[], None],
    ) -> None:
        super().__init__(config, sockets.of(0))
        self._worker_sockets = sockets
        self.failed = False
        self._reopen_logs = reopen_logs
        # Which of PASSED_ON have come, and have not been passed on yet.
        self._to_pass_on: set[int] = set()
        # Whether as many workers as there should be have served, and how many died before they did.
        self._has_started = False
        self._early_deaths = 0
        # The workers that serve, and when one that has not answered was asked for its health.
        self._ready: set[Process] = set()
        self._asked: dict[Process, float] = {}
        # When a worker that serves is asked next.
        self._ask_next: dict[Process, float] = {}
        # How many before a worker, in its place, have died in a row without having served.
        self._failures: dict[Process, int] = {}
        # Workers that have died like that, and when their successors start.
        self._due: dict[Process, float] = {}

    @override
    def run(self) -> None:
        for sign in PASSED_ON:
            signal.signal(sign, self._note_signal)
        self.init_processes()
        while not self.should_exit.wait(_PAUSE):
            self.handle_signals()
            self._pass_on_signals()
            self.keep_subprocess_alive()
        for sign in PASSED_ON:
            # A handler of Python's would be taken away before the process ends.
            signal.signal(sign, signal.SIG_IGN)
        self.terminate_all()
        self.join_all()

    @override
    def init_processes(self) -> None:
        self.processes = [self._start_worker(place) for place in range(self.processes_num)]

    @override
    def keep_subprocess_alive(self) -> None:
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set() or self._told_to_leave():
                return
            if worker in self._due:
                if time.monotonic() >= self._due[worker]:
                    self.processes[index] = self._start_successor(index, worker)
            elif not self._is_well(worker):
                self._replace(index, worker)
        self._has_started = self._has_started or len(self._ready) >= self.processes_num

    @override
    def restart_all(self) -> None:
        """Replace each worker, once its successor serves."""
        for index, old in enumerate(self.processes):
            new = self._start_worker(index)
            if not self._wait_until_serving(new):
                if not self._told_to_leave():
                    logger.error("worker [%s] did not start: restart given up", new.pid)
                self._kill(new)
                return
            self.processes[index] = new
            self._let_go(old)

    @override
    def terminate_all(self) -> None:
        # From now on nobody will answer: refuse at once instead of letting clients wait.
        self._worker_sockets.close()
        super().terminate_all()

    @override
    def join_all(self) -> None:
        give_up = time.monotonic() + KILL_TIMEOUT
        for worker in self.processes:
            self._end(worker, give_up)

    @override
    def handle_ttin(self) -> None:
        """Run one worker more."""
        try:
            worker = self._start_worker(self.processes_num)
        except ListenerError as error:
            logger.warning("no worker more: %s", error)
            return
        self.processes_num += 1
        self.processes.append(worker)

    @override
    def handle_ttou(self) -> None:
        """Run one worker less, but at least one."""
        if self.processes_num > 1:
            self.processes_num -= 1
            self._worker_sockets.give_up(self.processes_num)
            self._let_go(self.processes.pop())

    def _note_signal(self, number: int, _: object) -> None:
        self._to_pass_on.add(number)

    def _pass_on_signals(self) -> None:
        for sign in PASSED_ON:
            if sign not in self._to_pass_on:
                continue
            # At first: one that comes meanwhile is passed on, too.
            self._to_pass_on.discard(sign)
            if sign == signal.SIGUSR1:
                self._reopen_logs()
            for worker in self.processes:
                if worker.process.is_alive() and worker.pid is not None:
                    os.kill(worker.pid, sign)

    def _start_worker(self, place: int) -> Process:
        worker = Process(self.config, self._worker_sockets.of(place))
        with _signals_ignored_by_children():
            worker.start()
        return worker

    def _told_to_leave(self) -> bool:
        return any(sign in LEAVE_SIGNALS for sign in self.signal_queue)

    def _is_well(self, worker: Process) -> bool:
        """Ask a worker for its health and look for its last answer; never waits."""
        if not worker.process.is_alive():
            return False
        now = time.monotonic()
        asked = self._asked.get(worker)
        try:
            if asked is not None and worker.parent_conn.poll():
                del self._asked[worker]
                if worker.parent_conn.recv():
                    self._ready.add(worker)
                    self._ask_next[worker] = now + HEALTH_INTERVAL
            elif asked is None and now >= self._ask_next.get(worker, 0.0):
                worker.parent_conn.send(b"ping")
                self._asked[worker] = now
        except (OSError, EOFError):
            return False
        return asked is None or now - asked < HEALTH_TIMEOUT

    def _wait_until_serving(self, worker: Process) -> bool:
        """Wait for a worker; False if it dies, is too slow, or the service is told to leave."""
        give_up = time.monotonic() + HEALTH_TIMEOUT
        while worker not in self._ready:
            late = time.monotonic() > give_up
            if late or self._told_to_leave() or not self._is_well(worker):
                return False
            time.sleep(_PAUSE)
        return True

    def _replace(self, index: int, worker: Process) -> None:
        """Start a successor of a worker that has died or hangs, if that has any prospects.

        Of one that has served, at once. Else what keeps workers from serving may last.
        """
        served, failures = worker in self._ready, self._failures.get(worker, 0)
        self._early_deaths += not served
        self._kill(worker)
        logger.error("worker [%s] died with exit code %s", worker.pid, worker.exitcode)
        hopeless = worker.exitcode == STARTUP_FAILURE or self._early_deaths > MAX_EARLY_DEATHS
        if hopeless and not self._has_started:
            logger.error("the service cannot start: a worker cannot")
            self.failed = True
            self.should_exit.set()
        elif served:
            self.processes[index] = self._start_worker(index)
        else:
            pause = restart_pause(failures)
            logger.error("worker [%s] had not served: the next starts in %.0f s", worker.pid, pause)
            self._failures[worker] = failures + 1
            self._due[worker] = time.monotonic() + pause

    def _start_successor(self, index: int, worker: Process) -> Process:
        """Start a successor of one that died before it served."""
        new = self._start_worker(index)
        self._failures[new] = self._failures[worker]
        self._kill(worker)
        return new

    def _let_go(self, worker: Process) -> None:
        """Tell a worker to leave, and see to it that it does."""
        worker.terminate()
        self._end(worker, time.monotonic() + KILL_TIMEOUT)

    def _end(self, worker: Process, give_up: float) -> None:
        """Wait for the end of a worker until the moment `give_up`, then kill it."""
        worker.process.join(max(0.0, give_up - time.monotonic()))
        if worker.process.is_alive():
            logger.error("worker [%s] did not leave in time: killed", worker.pid)
        self._kill(worker)

    def _kill(self, worker: Process) -> None:
        """End a worker, if it has not ended, and forget it."""
        worker.kill()
        worker.process.join()
        self._ready.discard(worker)
        for known in (self._asked, self._ask_next, self._due):
            known.pop(worker, None)
        self._failures.pop(worker, None)


@contextlib.contextmanager
def _signals_ignored_by_children() -> Iterator[None]:
    """Let processes that are started in the block ignore some signals until they handle them.

    Ctrl-C goes to all processes of a terminal: one that is just importing its modules would end
    with a traceback; others would end it without. Here the signals wait until the block is left.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED_AT_FIRST)
    handlers = {sign: signal.signal(sign, signal.SIG_IGN) for sign in _IGNORED_AT_FIRST}
    try:
        yield
    finally:
        for sign, handler in handlers.items():
            signal.signal(sign, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_IGNORED_AT_FIRST: Final = (signal.SIGINT, *PASSED_ON)


def let_signals_in() -> None:
    """Undo, in a worker, what the supervisor had to do to its mask of signals."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _IGNORED_AT_FIRST)
