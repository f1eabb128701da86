"""The most common client of a person at a terminal, as npm installs it."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.service_process import ServiceProcess

WSCAT = "wscat@6.1.0"
INSTALL_TIMEOUT = 45.0
ANSWER_TIMEOUT = 10.0


@pytest.fixture(scope="session")
def wscat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, installed for this session; npm keeps what it has downloaded."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no npm on this machine")
    folder = tmp_path_factory.mktemp("wscat")
    options = ["--prefix", str(folder), "--prefer-offline", "--no-audit", "--no-fund"]
    try:
        subprocess.run(
            [npm, "install", *options, WSCAT],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=INSTALL_TIMEOUT,
        )
    except subprocess.CalledProcessError as error:
        pytest.skip(f"npm cannot install {WSCAT}: {error.stderr.strip()}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm has not installed {WSCAT} within {INSTALL_TIMEOUT} s")
    return folder / "node_modules" / ".bin" / "wscat"


def test_wscat_shows_the_echo_of_what_is_typed(wscat: Path, service: ServiceProcess) -> None:
    ours, its = pty.openpty()  # without a terminal it shows less
    client = subprocess.Popen(
        [wscat, "--connect", f"{service.ws_url}/chat"], stdin=its, stdout=its, stderr=its
    )
    try:
        read_until(ours, b"Connected")
        os.write(ours, b"hello\n")
        read_until(ours, b"< hello")
    finally:
        client.kill()
        client.wait()
        os.close(ours)
        os.close(its)


def read_until(terminal: int, expected: bytes) -> None:
    """Read what is shown on a terminal until there is what is expected."""
    shown = b""
    give_up = time.monotonic() + ANSWER_TIMEOUT
    while expected not in shown:
        left = give_up - time.monotonic()
        assert left > 0, f"{expected!r} is not in {shown!r}"
        if select.select([terminal], [], [], left)[0]:
            shown += os.read(terminal, 65536)
