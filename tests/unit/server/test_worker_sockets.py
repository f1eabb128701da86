import contextlib
import socket
import sys
from collections.abc import Iterator

import pytest

from app.server.listener import ListenerConfig, ListenerError
from app.server.worker_sockets import WorkerSockets, worker_sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="`reuse-port` needs Linux")


def listener(**options: object) -> ListenerConfig:
    place = {"port": 0, "address": "127.0.0.1", "task_processor": "main-task-processor"}
    return ListenerConfig.model_validate(place | options)


@pytest.fixture
def shared() -> Iterator[WorkerSockets]:
    with worker_sockets(listener(), 2) as sockets:
        yield sockets


@pytest.fixture
def own() -> Iterator[WorkerSockets]:
    """Two places with sockets of their own."""
    with worker_sockets(listener(**{"reuse-port": True}), 2) as sockets:
        yield sockets


def connect(sockets: WorkerSockets) -> socket.socket:
    return socket.create_connection(sockets.of(0)[0].getsockname(), 10)


def accepted(listening: socket.socket) -> int:
    """Accept all that waits, and return how many there were."""
    listening.settimeout(0.1)  # the last one may still be on its way
    count = 0
    with contextlib.suppress(TimeoutError):
        while True:
            listening.accept()[0].close()
            count += 1
    return count


def test_all_places_have_the_same_sockets(shared: WorkerSockets) -> None:
    assert shared.of(0) is shared.of(1) is shared.of(7)


def test_each_place_has_its_own_socket_at_the_same_address(own: WorkerSockets) -> None:
    (first,), (second,) = own.of(0), own.of(1)

    assert first is not second
    assert first.getsockname() == second.getsockname()


def test_connections_are_dealt_out_whoever_accepts(own: WorkerSockets) -> None:
    with contextlib.ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(connect(own))
        counts = [accepted(own.of(place)[0]) for place in (0, 1)]

    assert sum(counts) == 200
    assert min(counts) > 50


def test_place_that_is_asked_for_later_gets_sockets_then(own: WorkerSockets) -> None:
    (third,) = own.of(2)

    assert third.getsockname() == own.of(0)[0].getsockname()
    assert own.of(2) == [third]


def test_nothing_is_dealt_to_a_place_that_was_given_up(own: WorkerSockets) -> None:
    (second,) = own.of(1)
    own.give_up(1)
    with contextlib.ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(connect(own))

        assert second.fileno() == -1
        assert accepted(own.of(0)[0]) == 20


def test_giving_up_a_place_leaves_what_all_share(shared: WorkerSockets) -> None:
    shared.give_up(1)

    connect(shared).close()


@pytest.mark.parametrize("sockets", ["shared", "own"])
def test_after_the_end_nobody_can_connect(sockets: str, request: pytest.FixtureRequest) -> None:
    listening: WorkerSockets = request.getfixturevalue(sockets)
    address = listening.of(0)[0].getsockname()
    listening.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 10)


def test_port_that_somebody_shares_already_is_taken_all_the_same(own: WorkerSockets) -> None:
    port = own.of(0)[0].getsockname()[1]
    config = listener(**{"reuse-port": True, "port": port})

    with pytest.raises(ListenerError, match="Address already in use"), worker_sockets(config, 1):
        pass


def test_place_that_can_have_no_sockets_is_named() -> None:
    with worker_sockets(listener(), 1) as not_shared:
        sockets = WorkerSockets(not_shared.of(0), backlog=10)

        with pytest.raises(ListenerError, match=r"once more on 127\.0\.0\.1 port \d+: Address al"):
            sockets.of(1)


def test_want_of_files_is_an_error_of_the_listener(
    own: WorkerSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socket", fail)

    with pytest.raises(ListenerError, match="Too many open files"):
        own.of(2)
