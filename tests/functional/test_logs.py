"""What the log of a running service says, and that the service goes on whatever becomes of it."""

import contextlib
import fcntl
import os
import re
import secrets
import select
import shutil
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.frames import Opcode

from tests.functional.test_servers import UVICORN
from tests.helpers.log_lines import LINE_TIMEOUT, new_trace, opened, parsed, traced
from tests.helpers.raw_client import RawClient, encode, encode_close, request_head
from tests.helpers.service_process import (
    START_TIMEOUT,
    STOP_TIMEOUT,
    Section,
    ServiceProcess,
    components_of,
    free_port,
    original_config,
    running_command,
    running_service,
    wait_until,
    wait_until_answers,
    write_config,
)

# The end of a line and the beginning of another, a screen that is cleared, writing turned round.
FORGERY = "\r\ntskv\ttext=forged\x1b[2J\u202e\x9b1A\u2028\\\x00=--"
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u206f]")


@pytest.fixture(scope="module", params=["app", "uvicorn"])
def logging_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """The chat at level debug, under each command that users start it with."""
    with started(request.param, tmp_path_factory.mktemp("config")) as service:
        yield service


@contextlib.contextmanager
def started(command: str, folder: Path) -> Iterator[ServiceProcess]:
    if command == "app":
        with running_service(folder) as service:
            yield service
    else:
        with running_command(UVICORN, write_config(folder, original_config())) as service:
            yield service


def logger_config(folder: Path, file_path: Path | str, **options: object) -> Section:
    """Return a static config with this logger, and a listener on a port that is free."""
    document = original_config()
    components_of(document)["server"]["listener"]["port"] = free_port()
    logger = {"file_path": str(file_path), "level": "debug", **options}
    components_of(document)["logging"]["loggers"]["default"] = logger
    return document


@contextlib.contextmanager
def logging_elsewhere(folder: Path, document: Section) -> Iterator[ServiceProcess]:
    """Run a service whose log says nothing to us."""
    command = [sys.executable, "-m", "app", "-c", str(write_config(folder, document))]
    with ServiceProcess(command) as service:
        service.port = components_of(document)["server"]["listener"]["port"]
        wait_until_answers(service)
        yield service


def trace_id_of(service: ServiceProcess, peer: str) -> str:
    """Return the trace id of the connection from this address."""
    found = service.wait_for_line(rf"\ttrace_id=(\w+)\t.*\tpeer={peer}\t", LINE_TIMEOUT)
    return found.group(1)


def assert_echoes(service: ServiceProcess, times: int = 1) -> None:
    """Send messages over a new connection, one after the other; each answer is waited for."""
    with RawClient(service.port).open() as client:
        for number in range(times):
            client.send(encode(Opcode.TEXT, b"%d" % number))
            assert client.read_frame().payload == b"%d" % number
        client.send(encode_close(1000))
        assert client.read_frame().close_code == 1000


# One line when a connection opens and one when it ends


def test_connection_is_one_line_when_it_opens_and_one_when_it_ends(
    logging_service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    with opened(logging_service, "/chat", traceparent) as client:
        peer = f"127.0.0.1:{client.socket.getsockname()[1]}"
        client.send(encode(Opcode.TEXT, "é".encode()) + encode(Opcode.BINARY, b"x" * 1000))
        client.read_frame()
        client.read_frame()
        client.send(encode_close(4001, "bye bye"))
        client.read_frame()

    opening, end = traced(logging_service, trace_id)
    common = {
        "level": "INFO",
        "service": "websocket-server",
        "handler": "websocket-handler",
        "trace_id": trace_id,
        "peer": peer,
    }
    assert opening.items() >= {**common, "text": "connection opened", "path": "/chat"}.items()
    expected = {
        **common,
        "text": "connection closed",
        "closed_by": "client",
        "code": "4001",
        "reason": "bye bye",
        "messages_received": "2",
        "bytes_received": "1002",
        "messages_sent": "2",
        "bytes_sent": "1002",
    }
    assert end.items() >= expected.items()
    assert 0 <= float(end["duration"]) < START_TIMEOUT


def test_connection_without_a_trace_id_gets_one_of_its_own(logging_service: ServiceProcess) -> None:
    found = set()
    for _ in range(2):
        with opened(logging_service, "/chat") as client:
            peer = f"127.0.0.1:{client.socket.getsockname()[1]}"
        found.add(trace_id_of(logging_service, peer))
        opening, end = traced(logging_service, trace_id_of(logging_service, peer))
        assert opening["peer"] == end["peer"] == peer

    assert len(found) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in found)


@pytest.mark.parametrize(
    ("data", "closed_by", "code"),
    [
        pytest.param(encode_close(1000), "client", "1000", id="closed"),
        pytest.param(encode(Opcode.CLOSE), "client", "1005", id="closed-without-a-code"),
        pytest.param(encode(Opcode.BINARY, b"x" * 100_001), "server", "1009", id="too-big"),
        pytest.param(encode(Opcode.TEXT, b"caf\xe9"), "server", "1007", id="not-utf8"),
        pytest.param(b"\x81\x02hi", "server", "1002", id="unmasked"),
    ],
)
def test_end_says_who_closed_and_with_which_code(
    logging_service: ServiceProcess, data: bytes, closed_by: str, code: str
) -> None:
    trace_id, traceparent = new_trace()
    with opened(logging_service, "/chat", traceparent) as client:
        client.send(data)
        client.read_frame()

    end = traced(logging_service, trace_id)[-1]
    assert (end["closed_by"], end["code"]) == (closed_by, code)


@pytest.mark.parametrize("linger", [None, 0], ids=["end-of-stream", "reset"])
def test_lost_connection_was_ended_by_the_transport(
    logging_service: ServiceProcess, linger: int | None
) -> None:
    trace_id, traceparent = new_trace()
    with opened(logging_service, "/chat", traceparent) as client:
        if linger is not None:
            option = struct.pack("ii", 1, linger)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)

    end = traced(logging_service, trace_id)[-1]
    assert (end["closed_by"], end["code"], end["reason"]) == ("transport", "1006", "")


@pytest.mark.parametrize("command", ["app", "uvicorn"])
def test_shutdown_is_the_end_of_each_connection(command: str, tmp_path: Path) -> None:
    trace_id, traceparent = new_trace()
    with started(command, tmp_path) as service, opened(service, "/chat", traceparent):
        service.stop()

        *_, end = [line for line in parsed(service.log()) if line.get("trace_id") == trace_id]
    assert (end["text"], end["closed_by"], end["code"]) == ("connection closed", "server", "1001")


def test_handler_s_own_lines_carry_the_trace_id_and_the_handler(
    odd_service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    with opened(odd_service, "/noting", traceparent, "Origin: http://localhost") as client:
        client.send(encode(Opcode.TEXT, b"hello"))
        assert client.read_frame().payload == trace_id.encode()

    lines = traced(odd_service, trace_id)
    assert [line["text"] for line in lines] == [
        "from http://localhost",
        "connection opened",
        "noted hello",
        "noted in a thread: hello",
        "connection closed",
    ]
    assert {line["handler"] for line in lines} == {"noting"}


@pytest.mark.parametrize(
    ("query", "status", "texts"),
    [
        ("word=now", "401", ["connection refused"]),
        ("word=crash", "500", ["handler 'guarded' raised in the handshake", "connection refused"]),
    ],
)
def test_refused_connection_is_a_line(
    odd_service: ServiceProcess, query: str, status: str, texts: list[str]
) -> None:
    trace_id, traceparent = new_trace()
    with RawClient(odd_service.port) as client:
        client.send(request_head(f"/guarded/hall?{query}", traceparent))
        assert client.read_head().startswith(f"HTTP/1.1 {status} ".encode())

    lines = traced(odd_service, trace_id)
    assert [line["text"] for line in lines] == texts
    assert (lines[-1]["path"], lines[-1]["status"]) == ("/guarded/hall", status)


def test_handler_that_raises_is_a_line_with_the_traceback_before_that_of_the_end(
    odd_service: ServiceProcess,
) -> None:
    trace_id, traceparent = new_trace()
    with opened(odd_service, "/raising", traceparent) as client:
        client.send(encode(Opcode.TEXT, b"how are you?"))
        assert client.read_frame().close_code == 1011

    _, error, end = traced(odd_service, trace_id)
    assert (error["level"], error["text"]) == ("ERROR", "handler 'raising' raised")
    assert error["exception"].startswith(r"Traceback (most recent call last):\n")
    assert error["exception"].endswith(r"\nRuntimeError: the handler does not feel well")
    assert (end["closed_by"], end["code"]) == ("server", "1011")


def test_messages_add_no_lines_at_level_debug(logging_service: ServiceProcess) -> None:
    trace_id, traceparent = new_trace()
    message = f"message of {trace_id}"
    with opened(logging_service, "/chat", traceparent) as client:
        for _ in range(1000):
            client.send(encode(Opcode.TEXT, message.encode()))
            client.read_frame()
        client.send(encode_close(1000))
        client.read_frame()

    lines = traced(logging_service, trace_id)
    assert [line["text"] for line in lines] == ["connection opened", "connection closed"]
    assert lines[-1]["messages_received"] == lines[-1]["messages_sent"] == "1000"
    assert message not in logging_service.log()


# Everybody's lines


def test_records_of_uvicorn_come_along_in_the_same_format(logging_service: ServiceProcess) -> None:
    mark = secrets.token_hex(8)
    httpx.get(f"{logging_service.http_url}/?{mark}")
    logging_service.wait_for_line(mark)

    log = logging_service.log()
    (access,) = [line for line in parsed(log) if mark in line["text"]]
    assert access["logger"] == "uvicorn.access"
    assert re.fullmatch(rf'127\.0\.0\.1:\d+ - "GET /\?{mark} HTTP/1.1" 200', access["text"])
    texts = [line["text"] for line in parsed(log) if line["logger"] == "uvicorn.error"]
    assert "Application startup complete." in texts
    # Under Uvicorn's command line its first lines come before the application.
    first = log.index("tskv\t")
    assert all(line.startswith("tskv\t") for line in log[first:].splitlines())


# What comes from a peer


@pytest.mark.parametrize("path", ["/guarded/{}", "/noting{}", "/{}"])
def test_path_cannot_forge_a_line(odd_service: ServiceProcess, path: str) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in FORGERY.encode())
    with RawClient(odd_service.port) as client:
        client.send(request_head(path.format(quoted)))
        client.read_head()
    httpx.get(f"{odd_service.http_url}{path.format(quoted)}")

    assert_nothing_is_forged(odd_service)


def test_refused_path_is_shown_escaped(odd_service: ServiceProcess) -> None:
    trace_id, traceparent = new_trace()
    quoted = "".join(f"%{byte:02x}" for byte in FORGERY.encode())
    with RawClient(odd_service.port) as client:
        client.send(request_head(f"/guarded/{quoted}", traceparent))
        client.read_head()

    (line,) = traced(odd_service, trace_id)
    assert line["path"] == (r"/guarded/\r\ntskv\ttext=forged\x1b[2J\u202e\x9b1A\u2028\\\0=--")


def test_close_reason_cannot_forge_a_line(logging_service: ServiceProcess) -> None:
    trace_id, traceparent = new_trace()
    with opened(logging_service, "/chat", traceparent) as client:
        client.send(encode_close(4000, FORGERY))
        client.read_frame()

    end = traced(logging_service, trace_id)[-1]
    assert end["reason"] == r"\r\ntskv\ttext=forged\x1b[2J\u202e\x9b1A\u2028\\\0=--"
    assert_nothing_is_forged(logging_service)


def test_request_does_not_carry_what_belongs_to_the_one_before_it(
    logging_service: ServiceProcess,
) -> None:
    """Both come at once, so that the second is begun where the first has ended."""
    trace_id, traceparent = new_trace()
    nowhere = f"/nowhere-{trace_id}"
    host = "Host: localhost\r\n"
    with RawClient(logging_service.port) as client:
        client.send(
            f"GET / HTTP/1.1\r\n{host}{traceparent}\r\n\r\n"
            f"GET {nowhere} HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode()
        )
        logging_service.wait_for_line(nowhere, LINE_TIMEOUT)

    (second,) = [line for line in parsed(logging_service.log()) if nowhere in line["text"]]
    assert second["trace_id"] != trace_id
    assert "handler" not in second
    first = [line for line in parsed(logging_service.log()) if line.get("trace_id") == trace_id]
    assert [line["logger"] for line in first] == ["app.server.request_log", "uvicorn.access"]
    assert {line["handler"] for line in first} == {"chat-page"}


@pytest.mark.parametrize("name", ["Origin", "User-Agent", "traceparent"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"a\r\n tskv\ttext=forged", id="folded"),
        pytest.param(b"a\rtskv\ttext=forged", id="carriage-return"),
        pytest.param(b"a\ntskv\ttext=forged", id="line-feed"),
        pytest.param(b"\x1b[2J\ttext=forged", id="escape"),
        pytest.param("\u202e\u2028\ttext=forged".encode(), id="direction"),
        pytest.param(b"\x9b2J\x85\ttext=forged", id="c1"),
        pytest.param(b"\x7f\ttext=forged", id="delete"),
    ],
)
def test_header_cannot_forge_a_line(odd_service: ServiceProcess, name: str, value: bytes) -> None:
    """Whether the parser lets it pass or not."""
    with RawClient(odd_service.port) as client:
        client.send(request_head("/noting")[:-2] + f"{name}: ".encode() + value + b"\r\n\r\n")
        client.read_head()

    assert_nothing_is_forged(odd_service)


def assert_nothing_is_forged(service: ServiceProcess) -> None:
    """Look at the whole log, once what has been logged before is in it."""
    trace_id, traceparent = new_trace()
    opened(service, "/chat", traceparent).socket.close()
    traced(service, trace_id)
    log = service.log()
    assert not CONTROLS.search(log)
    lines = log[log.index("tskv\t") :].split("\n")
    assert all(line.startswith("tskv\ttimestamp=") for line in lines[:-1])
    assert "\ttext=forged" not in log


# Files


def descriptors_of(pid: int) -> set[str]:
    """Return the files that a process has open."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(entry.readlink()))
    return found


def worker_pids(log: str) -> list[int]:
    return [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", log)]


def test_signal_after_a_rename_lets_parent_and_workers_go_on_in_the_new_file(
    tmp_path: Path,
) -> None:
    path, moved = tmp_path / "logs" / "log", tmp_path / "logs" / "log.1"
    document = logger_config(tmp_path, path)
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = 2
    with logging_elsewhere(tmp_path, document) as service:
        wait_until(lambda: path.read_text().count("startup complete") == 2, START_TIMEOUT)
        pids = [service.process.pid, *worker_pids(path.read_text())]
        path.rename(moved)
        service.process.send_signal(signal.SIGUSR1)
        wait_until(
            lambda: all(
                str(path) in descriptors_of(pid) and str(moved) not in descriptors_of(pid)
                for pid in pids
            ),
            START_TIMEOUT,
        )
        before = moved.read_text()
        assert_echoes(service)
        assert service.stop() == 0
        assert service.log() == ""

    lines = parsed(path.read_text())
    texts = [line["text"] for line in lines]
    assert moved.read_text() == before
    assert {"connection opened", "connection closed", "Received SIGTERM, exiting."} <= set(texts)
    assert {int(line["process_id"]) for line in lines} == set(pids)


def test_signal_harms_no_worker_that_is_just_starting(tmp_path: Path) -> None:
    path = tmp_path / "log"
    document = logger_config(tmp_path, path)
    command = [sys.executable, "-m", "app", "-c", str(write_config(tmp_path, document))]
    with ServiceProcess(command) as service:
        service.port = components_of(document)["server"]["listener"]["port"]
        wait_until(lambda: path.exists() and "workers: 1" in path.read_text(), START_TIMEOUT)

        def serves_after_one_more_signal() -> bool:
            service.process.send_signal(signal.SIGUSR1)
            return "startup complete" in path.read_text()

        wait_until(serves_after_one_more_signal, START_TIMEOUT)
        wait_until_answers(service)
        assert service.stop() == 0

    assert "died" not in path.read_text()


def test_file_that_cannot_be_written_is_a_mistake_in_the_config(tmp_path: Path) -> None:
    config = write_config(tmp_path, logger_config(tmp_path, tmp_path))
    (number,) = [
        number
        for number, line in enumerate(config.read_text().splitlines(), start=1)
        if "file_path:" in line
    ]
    with ServiceProcess([sys.executable, "-m", "app", "-c", str(config)]) as service:
        code = service.wait(START_TIMEOUT)
        output = service.log()

    assert code == 1
    assert output == (
        f"{config}:{number}: components_manager.components.logging.loggers.default.file_path:"
        f" '{tmp_path}' cannot be opened for writing: Is a directory\n"
    )


def test_service_goes_on_while_the_disk_is_full(tmp_path: Path) -> None:
    with logging_elsewhere(tmp_path, logger_config(tmp_path, "/dev/full")) as service:
        assert_echoes(service, 100)

        assert service.stop() == 0
        assert service.log() == ""


def test_service_goes_on_without_its_log_folder_and_logs_again_when_that_can_be_made(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "logs"
    path = folder / "log"
    with logging_elsewhere(tmp_path, logger_config(tmp_path, path)) as service:
        wait_until(lambda: "startup complete" in path.read_text(), START_TIMEOUT)
        (worker,) = worker_pids(path.read_text())
        shutil.rmtree(folder)
        folder.touch()  # so that nobody can make one
        assert_echoes(service, 100)
        wait_until(lambda: f"{path} (deleted)" not in descriptors_of(worker), START_TIMEOUT)
        assert_echoes(service, 100)
        folder.unlink()

        def told() -> bool:
            return path.exists() and "log lines lost: " in path.read_text()

        wait_until(told, START_TIMEOUT)
        assert_echoes(service)
        assert service.stop() == 0

    assert "text=connection closed" in path.read_text()
    assert "Not a directory" in path.read_text()


# A pipe that nobody reads


class StalledPipe:
    """A pipe of the smallest size, one page, which is read only when a test says so."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        fcntl.fcntl(self._read_end, fcntl.F_SETPIPE_SZ, 4096)
        self._content = b""
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "StalledPipe":
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        if self._reader.is_alive():
            self._reader.join(STOP_TIMEOUT)
        os.close(self._read_end)

    def let_go(self) -> None:
        """Leave the writing end to the processes that have inherited it."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def is_stalled(self) -> bool:
        """True once something is in the pipe: its one page must be read before it takes more."""
        return bool(select.select([self._read_end], [], [], 0)[0])

    def read_on(self) -> None:
        """Read from now on, until the processes that write have ended."""
        self._reader.start()

    def content(self) -> str:
        return self._content.decode()

    def _read(self) -> None:
        while data := os.read(self._read_end, 65536):
            self._content += data


@contextlib.contextmanager
def logging_into(pipe: StalledPipe, folder: Path, **options: object) -> Iterator[ServiceProcess]:
    """Run a service whose stderr is a pipe that nobody reads."""
    document = logger_config(folder, "@stderr", **options)
    command = [sys.executable, "-m", "app", "-c", str(write_config(folder, document))]
    with ServiceProcess(command, stderr=pipe.write_end) as service:
        pipe.let_go()
        service.port = components_of(document)["server"]["listener"]["port"]
        wait_until_answers(service)
        yield service


@pytest.mark.parametrize("overflow", ["discard", "block"])
def test_service_goes_on_while_nobody_reads_its_log_and_says_later_what_was_lost(
    overflow: str, tmp_path: Path
) -> None:
    options = {"message_queue_size": 50, "overflow_behavior": overflow}
    with StalledPipe() as pipe, logging_into(pipe, tmp_path, **options) as service:
        for _ in range(100):
            assert_echoes(service)
        wait_until(pipe.is_stalled, STOP_TIMEOUT)
        assert_echoes(service, 1000)

        pipe.read_on()
        wait_until(lambda: "log lines lost: " in pipe.content(), START_TIMEOUT)
        assert_echoes(service)
        assert service.stop() == 0

        lost = re.search(r"log lines lost: (\d+) \(\d+: the queue was full", pipe.content())
        assert lost is not None
        assert int(lost.group(1)) > 50
        assert all(line.startswith("tskv\t") for line in pipe.content().splitlines())


def test_service_ends_in_time_while_nobody_reads_its_log(tmp_path: Path) -> None:
    with StalledPipe() as pipe, logging_into(pipe, tmp_path) as service:
        for _ in range(50):
            assert_echoes(service)
        wait_until(pipe.is_stalled, STOP_TIMEOUT)

        assert service.stop() == 0
