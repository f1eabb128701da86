"""The service that is put to the test: the chat, as a process of its own."""

import contextlib
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.testsuite.service_process import ServiceProcess, running_service

ADDRESS: Final = "127.0.0.1"
PORT_VARIABLE: Final = "CONFORMANCE_PORT"
PATH: Final = "/chat"

_ERROR: Final = re.compile(r"^tskv\t.*\tlevel=(ERROR|CRITICAL)\t.*$", re.MULTILINE)


@contextlib.contextmanager
def running_chat(root: Path, static_config: Path) -> Iterator[tuple[ServiceProcess, str]]:
    """Run the service until the block is left, on a free port; with its process, give the URL.

    Raises:
        ServiceFailed: it did not start, or did not leave as it should.
    """
    port = _free_port()
    command = [sys.executable, "-m", "app", "-c", str(static_config)]
    environment = {PORT_VARIABLE: str(port)}
    with running_service(command, f"http://{ADDRESS}:{port}", root, environment) as service:
        yield service, f"ws://{ADDRESS}:{port}{PATH}"


def errors_in(log: str) -> list[str]:
    """Return the lines of a log that tell of errors: a dead worker, a handler that raised."""
    return [match.group() for match in _ERROR.finditer(log)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port
