"""Services as real processes: started on a free port, watched, stopped."""

import contextlib
import copy
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

PROJECT = Path(__file__).parents[2]
ORIGINAL = PROJECT / "tests" / "data" / "original"

START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0

Section = dict[str, Any]


def original_config() -> Section:
    """Return the original's static config, to change and to write with `write_config`."""
    document: Section = yaml.safe_load((ORIGINAL / "static_config.yaml").read_text())
    manager = document["components_manager"]
    manager["task_processors"]["main-task-processor"]["worker_threads"] = 1
    manager["components"]["server"]["listener"]["port"] = 0
    return document


def components_of(document: Section) -> Section:
    """Return the sections of the components in a static config."""
    components: Section = document["components_manager"]["components"]
    return components


def write_config(folder: Path, document: Section) -> Path:
    """Write a static config and return its path."""
    path = folder / "static_config.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


class ServiceProcess:
    """A process whose output is read while it runs."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        stderr: int = subprocess.STDOUT,
    ) -> None:
        self.port = 0
        self._lines: list[str] = []
        self._more = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(STOP_TIMEOUT)
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(STOP_TIMEOUT)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def log(self) -> str:
        """Return all that the process has written so far."""
        with self._more:
            return "".join(self._lines)

    def wait_for_line(self, pattern: str, timeout: float = START_TIMEOUT) -> re.Match[str]:
        """Wait until a line of the output matches, and return the first that does."""
        deadline = time.monotonic() + timeout
        with self._more:
            while True:
                for line in self._lines:
                    if match := re.search(pattern, line):
                        return match
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    raise AssertionError(f"no line matches {pattern!r} in:\n{''.join(self._lines)}")
                self._more.wait(min(left, 0.2))

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, and return the exit code."""
        self.process.send_signal(sign)
        return self.wait()

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait for the end and return the exit code; the output is complete then."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.log()}") from None
        self._reader.join(STOP_TIMEOUT)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self._lines.append(line)
                self._more.notify_all()


@contextlib.contextmanager
def running_service(
    folder: Path | None = None,
    document: Section | None = None,
    *,
    port: int = 0,
    module: str = "app",
) -> Iterator[ServiceProcess]:
    """Run `python -m <module> -c FILE` with a static config until the block is left.

    Args:
        folder: Where to write the config; needed only if `document` is given.
        document: The static config; by default the original's, with one worker.
        port: The port to listen on; by default one that is free.
        module: The module to run.
    """
    document = copy.deepcopy(document or original_config())
    components_of(document)["server"]["listener"]["port"] = port
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = write_config(folder, document)
        command = [sys.executable, "-m", module, "-c", str(path)]
        service = stack.enter_context(ServiceProcess(command))
        service.port = int(service.wait_for_line(r"listening on https?://\S+?:(\d+)").group(1))
        wait_until_answers(service)
        yield service


@contextlib.contextmanager
def running_command(
    arguments: Sequence[str], config: Path, **environment: str
) -> Iterator[ServiceProcess]:
    """Run `python -m` with arguments in which %d is the port, until the block is left."""
    port = free_port()
    command = [part % port if "%d" in part else part for part in arguments]
    with ServiceProcess(
        [sys.executable, "-m", *command], {"STATIC_CONFIG": str(config), **environment}
    ) as service:
        service.port = port
        wait_until_answers(service)
        yield service


def wait_until_answers(service: ServiceProcess) -> None:
    """Wait until the service answers an HTTP request."""

    def answers() -> bool:
        if service.process.poll() is not None:
            raise AssertionError(f"ended with {service.process.returncode}:\n{service.log()}")
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{service.http_url}/", timeout=START_TIMEOUT)
            return True
        return False

    wait_until(answers, START_TIMEOUT)


def wait_until(condition: Callable[[], bool], timeout: float) -> None:
    """Wait until the condition holds; an AssertionError if it does not in time."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        pause.wait(0.02)


def free_port() -> int:
    """Return a TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
