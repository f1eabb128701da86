"""Processes that are no service, and what is said of them."""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.testsuite import ServiceFailed, ServiceProcess
from app.testsuite.service_log import KEPT, SHOWN
from app.testsuite.service_process import running_service
from tests.helpers.service_process import free_port

TIMEOUT = 20.0

ANSWER = """
import http.server, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", {port}), Handler)
"""
LEAVE = "signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))\n"
SERVE = "print('serving')\nserver.serve_forever()\n"


def command(port: int, script: str) -> list[str]:
    return [sys.executable, "-c", ANSWER.format(port=port) + script]


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def running(script: str, folder: Path) -> Iterator[ServiceProcess]:
    """Run a script as a service."""
    port = free_port()
    with running_service(command(port, script), url(port), folder, {"NAME": "Ann"}) as process:
        yield process


def is_running(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_runs_in_its_folder_with_its_environment_and_leaves_nothing(tmp_path: Path) -> None:
    script = "import os; print(os.getcwd(), os.environ['NAME'])\n" + LEAVE.format(code=0) + SERVE

    with running(script, tmp_path) as process:
        assert is_running(process.pid)
        process.check_running()

    assert not is_running(process.pid)
    assert process.log.since().startswith(f"{tmp_path} Ann\nserving\n")


def test_process_that_ends_before_it_answers_is_told_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServiceFailed, match=r"(?s)has ended with exit code 3; its log:\nno fuel\n"),
        running("print('no fuel'); sys.exit(3)", tmp_path),
    ):
        pass


def test_process_that_does_not_answer_is_told_and_gone(tmp_path: Path) -> None:
    process = ServiceProcess([sys.executable, "-c", "import signal; signal.pause()"], tmp_path, {})
    try:
        with pytest.raises(ServiceFailed, match=r"does not answer at http://\S+ after 0.05 s"):
            process.wait_until_answers("http://127.0.0.1:1", 0.05)
    finally:
        process.kill()
    assert not is_running(process.pid)


def test_process_that_leaves_with_another_code_is_told(tmp_path: Path) -> None:
    script = LEAVE.format(code=5) + SERVE

    with (
        pytest.raises(ServiceFailed, match=r"has left with exit code 5; its log:\nserving\n"),
        running(script, tmp_path),
    ):
        pass


def test_process_that_does_not_leave_is_killed_with_all_its_children(tmp_path: Path) -> None:
    deaf = "import os\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.fork()\n"
    port = free_port()
    process = ServiceProcess(command(port, deaf + SERVE), tmp_path, {})
    try:
        process.wait_until_answers(url(port), TIMEOUT)
        with pytest.raises(ServiceFailed, match=r"was still there 0.1 s after SIGTERM: killed"):
            process.stop(0.1)
    finally:
        process.kill()

    assert not is_running(process.pid)
    # The child has listened on the same socket.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT)


def test_process_that_ends_meanwhile_is_told(tmp_path: Path) -> None:
    with running(LEAVE.format(code=0) + SERVE, tmp_path) as process:
        process.stop(TIMEOUT)

        with pytest.raises(ServiceFailed, match="has ended with exit code 0"):
            process.check_running()


def test_process_that_writes_much_never_waits_for_us(tmp_path: Path) -> None:
    lines = 2 * KEPT // 100
    script = (
        f"for number in range({lines}): print(f'{{number:99}}')\n" + LEAVE.format(code=0) + SERVE
    )

    with running(script, tmp_path) as process:
        process.check_running()
    written = process.log.since()

    assert process.log.position >= lines * 100
    assert written.startswith(f"[{process.log.position - SHOWN} bytes before]\n")
    assert f"{lines - 1:99}\nserving\n" in written
    assert process.log.since(process.log.position) == ""
