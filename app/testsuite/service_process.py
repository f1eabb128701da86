"""The service as a real process: started once a session, watched, stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.testsuite.service_log import RUNNING, ServiceLog
from app.testsuite.static_config import ADDRESS

START_TIMEOUT: Final = 30.0
STOP_TIMEOUT: Final = 20.0

PAUSE: Final = 0.02
"""Seconds between two attempts to reach a service that is starting."""


class ServiceFailed(Exception):
    """The service did not start, did not stay, or did not leave as it should.

    The text says what was expected and what the service wrote.
    """


class ServiceProcess:
    """A process with a process group of its own, whose output is in `log`.

    Args:
        command: What to run.
        folder: Where to run it.
        environment: Variables in addition to ours.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.log: Final = ServiceLog(self._process.stdout)

    @property
    def pid(self) -> int:
        """The process to send signals to: it starts and stops the workers."""
        return self._process.pid

    def wait_until_answers(self, url: str, timeout: float) -> None:
        """Wait until the service answers a request, whatever it answers.

        Raises:
            ServiceFailed: it has ended, or has not answered in `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with httpx.Client(timeout=timeout, trust_env=False) as client:
            while time.monotonic() < deadline:
                self.check_running()
                with contextlib.suppress(httpx.TransportError):
                    client.get(url)
                    return
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(PAUSE)
        raise self._failed(f"does not answer at {url} after {timeout:g} s")

    def check_running(self) -> None:
        """Do nothing while the process runs.

        Raises:
            ServiceFailed: it has ended.
        """
        if self._process.poll() is not None:
            raise self._failed(f"has ended with exit code {self._process.returncode}")

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Send SIGTERM and wait for the end. In any case all of it is gone afterwards.

        Raises:
            ServiceFailed: the exit code is not 0, or the process had to be killed.
        """
        self._process.terminate()
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self._failed(f"was still there {timeout:g} s after SIGTERM: killed") from None
        finally:
            self.kill()
        if code != 0:
            raise self._failed(f"has left with exit code {code}")

    def kill(self) -> None:
        """Make an end of the process and of all that it has started; harmless after the end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.log.close()

    def _failed(self, what: str) -> ServiceFailed:
        self.log.wait_until_quiet()
        return ServiceFailed(f"the service {what}; its log:\n{self.log.since() or '(nothing)'}")


@contextlib.contextmanager
def running_service(
    command: Sequence[str], base_url: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[ServiceProcess]:
    """Run a service until the block is left.

    Raises:
        ServiceFailed: see `wait_until_answers` and `stop`.
    """
    process = ServiceProcess(command, folder, environment)
    try:
        process.wait_until_answers(base_url, START_TIMEOUT)
        yield process
        process.stop()
    finally:
        process.kill()


@pytest.fixture(scope="session")
def service_command(service_module: str, service_config_path_temp: Path) -> Sequence[str]:
    """The command that starts the service: `python -m <service_module> -c <config>`.

    Override it for a service that is started in another way; it must listen on `service_port`.
    """
    return [sys.executable, "-m", service_module, "-c", str(service_config_path_temp)]


@pytest.fixture(scope="session")
def service_baseurl(service_port: int) -> str:
    """Where the service answers, once `service_process` has started it."""
    return f"http://{ADDRESS}:{service_port}"


@pytest.fixture(scope="session")
def service_process(
    service_command: Sequence[str],
    service_baseurl: str,
    service_root: Path,
    service_env: Mapping[str, str],
    pytestconfig: pytest.Config,
) -> Iterator[ServiceProcess]:
    """The service, started when the first test asks for it, and stopped after the last.

    Its clients ask for it themselves. It must answer within START_TIMEOUT, and leave with exit code
    0 within STOP_TIMEOUT after SIGTERM; else it is an error that shows its log.
    """
    try:
        with running_service(
            service_command, service_baseurl, service_root, service_env
        ) as process:
            pytestconfig.stash[RUNNING] = process.log
            yield process
    except ServiceFailed as failure:
        pytest.fail(str(failure), pytrace=False)
