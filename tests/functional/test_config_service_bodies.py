"""Bodies that are made to hold the config service up."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.functional.test_config_service import MODULE, TIMEOUT, Admin, shipped_config
from tests.helpers.service_process import ServiceProcess, components_of, running_service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    document = shipped_config(tmp_path)
    components_of(document)["config-values"] = {"body_timeout": "300ms"}
    with running_service(tmp_path, document, module=MODULE) as service:
        yield service


def test_connections_whose_bodies_stay_away_are_answered_and_closed(
    service: ServiceProcess,
) -> None:
    head = b"POST /configs/values HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    with ExitStack() as opened:
        connections = [
            opened.enter_context(socket.create_connection(("127.0.0.1", service.port), TIMEOUT))
            for _ in range(50)
        ]
        for each in connections:
            each.sendall(head + b" " * 90_000)
        assert Admin(service).poll() == {"configs": {}, "updated_at": _NEVER, "removed": []}
        answers = [_read_to_end(each) for each in connections]

    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
    assert all(b'"code":"timeout"' in answer for answer in answers)


def test_long_and_wrong_request_is_answered_while_others_are(service: ServiceProcess) -> None:
    """It took more than 20 seconds, and was answered with 47 MB."""
    body = b'{"ids":[' + b",".join([b"1"] * 500_000) + b"]}"
    polls = threading.Event()

    def poll() -> None:
        admin = Admin(service)
        for _ in range(20):
            admin.poll()
        polls.set()

    poller = threading.Thread(target=poll)
    poller.start()
    answer = Admin(service).request("POST", "/configs/values", content=body)
    poller.join(TIMEOUT)

    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, ["ids", 0])
    assert len(answer.content) < 1000
    assert polls.is_set()


def _read_to_end(connection: socket.socket) -> bytes:
    pieces: list[bytes] = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


_NEVER = "1970-01-01T00:00:00.000000Z-000000000000"
