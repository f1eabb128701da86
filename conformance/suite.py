"""The suite as a process: found, started, watched, stopped."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from conformance import container, python2
from conformance.errors import SuiteFailedError, SuiteMissingError
from conformance.report import AGENT

TIMEOUT: Final = 2700.0
"""Seconds that the whole suite may take; it takes about a quarter of that."""

STOP_TIMEOUT: Final = 10.0
"""Seconds from SIGTERM to SIGKILL."""

SHOWN: Final = 2000
"""Characters of the suite's output that an error shows: the last ones."""

SPECIFICATION: Final = "fuzzingclient.json"
OUTPUT: Final = "wstest.log"


def find_wstest(environment: Path, folder: Path) -> list[str]:
    """Return the command that runs `wstest` in `folder`, arguments to be added.

    Args:
        environment: Where it is, or will be, installed for Python 2.7.
        folder: Where its reports will be.

    Raises:
        SuiteMissingError: there is neither a Python 2.7 nor a container engine here, or the
            installation failed.
    """
    if python := python2.find_python2():
        return [str(python2.install(python, environment))]
    if engine := container.find_engine():
        return container.wstest_command(engine, folder)
    raise SuiteMissingError(
        "The Autobahn suite runs on CPython 2.7 or in a container, and neither is possible here.\n"
        f"Install Python 2.7, so that {python2.NAME} is on PATH or among pyenv's versions (such as"
        " with `pyenv install 2.7.18`),\n"
        f"or start docker or podman, which will fetch the image {container.IMAGE}."
    )


def specification(url: str, cases: Sequence[str]) -> dict[str, Any]:
    """Return what the suite is to do; it reports into the folder it is started in."""
    return {
        "outdir": ".",
        "servers": [{"agent": AGENT, "url": url}],
        "cases": list(cases),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }


def run_suite(
    wstest: Sequence[str], folder: Path, url: str, cases: Sequence[str], timeout: float = TIMEOUT
) -> None:
    """Run cases against a server; afterwards the reports are in `folder`, and no process is left.

    Raises:
        SuiteFailedError: it was not through in time, or it failed itself.
    """
    (folder / SPECIFICATION).write_text(json.dumps(specification(url, cases), indent=4))
    command = [*wstest, "--mode", "fuzzingclient", "--spec", SPECIFICATION]
    with (folder / OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise _failure(f"was not through after {timeout:g} s", folder) from None
        finally:
            _stop(process)
    if code:
        raise _failure(f"ended with exit code {code}", folder)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Make an end of the process and of all that it has started; harmless after the end."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(what: str, folder: Path) -> SuiteFailedError:
    output = (folder / OUTPUT).read_text(errors="replace")
    return SuiteFailedError(f"the suite {what}; its last words:\n{output[-SHOWN:]}")
