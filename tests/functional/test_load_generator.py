"""The load generator of the benchmarks, against servers that echo, and some that do not."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.http11 import Response
from websockets.sync.server import ServerConnection, serve

from benchmarks.errors import BenchmarkError
from benchmarks.generator import COMPILERS, Generator, Load, build
from benchmarks.scenarios import Scenario

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, COMPILERS)), reason="there is no compiler"
)

Handler = Callable[[ServerConnection], None]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("generator"))


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def echo_in_fragments(connection: ServerConnection) -> None:
    for message in connection:
        assert isinstance(message, bytes)
        connection.send([message[:10], b"", message[10:]])


def echo_after_a_pong(connection: ServerConnection) -> None:
    for message in connection:
        assert connection.ping(b"are you there?").wait(10)
        connection.send(message)


@contextmanager
def serving(handler: Handler, **options: Any) -> Iterator[int]:
    """Serve in a thread, and yield the port."""
    with serve(handler, "127.0.0.1", 0, ping_interval=None, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join(10)


def scenario(**options: Any) -> Scenario:
    return Scenario("test", "a test", **{"connections": 2, **options})


def generator(program: Path, port: int, scenario: Scenario) -> Generator:
    return Generator(program, scenario, port, [os.getpid()], seconds=0.5, warm_up=0.1)


def load(program: Path, port: int, scenario: Scenario) -> Load:
    with generator(program, port, scenario).running() as running:
        if scenario.idle:
            running.wait_until_open()
        return running.result()


def times(load: Load) -> int:
    return sum(count for _, count in load.times)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"in_flight": 16},
        {"size": 65536, "binary": True, "connections": 1},
        {"churn": True},
        {"size": 126},
        {"size": 70000},
    ],
    ids=str,
)
def test_what_comes_back_is_counted_and_timed(program: Path, options: dict[str, Any]) -> None:
    with serving(echo) as port:
        found = load(program, port, scenario(**options))

    assert found.done == times(found) > 0
    assert found.seconds >= 0.5
    assert found.server_cpu > 0
    assert found.own_cpu > 0


def test_the_cpu_is_that_of_the_processes_that_it_is_told_of(program: Path) -> None:
    with (
        serving(echo) as port,
        Generator(program, scenario(), port, [], seconds=0.5, warm_up=0).running() as running,
    ):
        assert running.result().server_cpu == 0


def test_a_compressed_message_is_counted_as_such_and_checked(program: Path) -> None:
    with serving(echo) as port:
        found = load(program, port, scenario(size=1000, compressed=True))

    assert found.compressed >= found.done > 0


def test_a_message_may_come_in_fragments(program: Path) -> None:
    with serving(echo_in_fragments) as port:
        assert load(program, port, scenario(binary=True)).done > 0


def test_a_ping_is_answered(program: Path) -> None:
    with serving(echo_after_a_pong) as port:
        assert load(program, port, scenario()).done > 0


def test_idle_connections_have_an_echo_each_and_stay(program: Path) -> None:
    here = threading.Semaphore(0)

    def count(connection: ServerConnection) -> None:
        connection.send(connection.recv())
        here.release()
        for _ in connection:
            raise AssertionError("idle connections send no more")

    with (
        serving(count) as port,
        generator(program, port, scenario(idle=30, connections=0)).running() as running,
    ):
        running.wait_until_open()
        assert all(here.acquire(timeout=10) for _ in range(30))
        assert running.result().done == 0


def other_text(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(str(message)[::-1])


def longer(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(str(message) + "!")


def shorter(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message[:-1])


def other_kind(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(str(message).encode())


def twice(connection: ServerConnection) -> None:
    echo_once = connection.recv()
    connection.send(echo_once)
    connection.send(echo_once)
    echo(connection)


def goodbye(connection: ServerConnection) -> None:
    connection.close(1011, "enough")


@pytest.mark.parametrize(
    ("handler", "complaint"),
    [
        (other_text, "with another payload"),
        (longer, "longer than it was sent"),
        (shorter, "shorter than it was sent"),
        (other_kind, "with opcode 2"),
        (goodbye, "closed with code 1011: enough"),
    ],
)
def test_a_wrong_echo_ends_the_measurement(program: Path, handler: Handler, complaint: str) -> None:
    with serving(handler) as port, pytest.raises(BenchmarkError, match=complaint):
        load(program, port, scenario())


def test_an_echo_that_nobody_asked_for_ends_the_measurement(program: Path) -> None:
    with serving(twice) as port, pytest.raises(BenchmarkError, match="nobody asked for"):
        load(program, port, scenario(idle=1))


def test_a_handshake_that_is_refused_ends_the_measurement(program: Path) -> None:
    def refuse(connection: ServerConnection, request: object) -> Response:
        return connection.respond(503, "no room\n")

    with (
        serving(echo, process_request=refuse) as port,
        pytest.raises(BenchmarkError, match=r"answered with HTTP/1\.1 503"),
    ):
        load(program, port, scenario())


def test_compression_that_is_not_agreed_on_ends_the_measurement(program: Path) -> None:
    with (
        serving(echo, compression=None) as port,
        pytest.raises(BenchmarkError, match="agreed on no compression"),
    ):
        load(program, port, scenario(compressed=True))
