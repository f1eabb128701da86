"""Limits that change while connections are open: real processes that follow a file."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from websockets.frames import Opcode

from app.main import COMPONENTS
from app.service import Service
from app.websocket.limits import Limits
from tests.helpers.clients import close_of, connected
from tests.helpers.kernel_buffers import in_kernel
from tests.helpers.log_lines import new_trace, parsed, traced
from tests.helpers.raw_client import TIMEOUT, RawClient, RawFrame, encode, request_head
from tests.helpers.send_buffers import SendBuffer
from tests.helpers.service_process import (
    Section,
    ServiceProcess,
    components_of,
    original_config,
    running_command,
    running_service,
    wait_until,
    write_config,
)
from tests.helpers.values_file import LimitsFile
from tests.services.changing import changing_config
from tests.services.pouring import MESSAGE_SIZE

NUMBERS = [name for name, field in Limits.model_fields.items() if isinstance(field.default, int)]
"""The limits that are whole numbers."""


class Changing:
    """A service, and the file with the limits that it follows."""

    def __init__(self, service: ServiceProcess, file: LimitsFile) -> None:
        self.service = service
        self.port = service.port
        self._file = file

    def change(self, handler: str, **options: object) -> None:
        self._file.change(self.service, handler, **options)

    def write(self, limits: dict[str, object]) -> None:
        self._file.write(limits)

    def open(self, name: str) -> RawClient:
        return RawClient(self.port).open(f"/{name}")


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    file = LimitsFile(tmp_path_factory.mktemp("values"))
    document = file.add_to(changing_config())
    with running_service(document=document, module="tests.services.changing") as service:
        yield Changing(service, file)


def text(message: str) -> bytes:
    return encode(Opcode.TEXT, message.encode())


def echo(client: RawClient, message: str) -> list[bytes]:
    """Send a message and return the payloads of the frames in which it comes back."""
    client.send(text(message))
    frames = [client.read_frame()]
    while not frames[-1].fin:
        frames.append(client.read_frame())
    assert b"".join(frame.payload for frame in frames) == message.encode()
    return [frame.payload for frame in frames]


def read_close(client: RawClient) -> RawFrame:
    """Return the close frame, after whatever comes before it."""
    while (frame := client.read_frame()).opcode != Opcode.CLOSE:
        pass
    return frame


# Messages


def test_next_message_of_an_open_connection_may_be_as_long_as_the_file_says(
    changing: Changing,
) -> None:
    with changing.open("payload") as client:
        echo(client, "x" * 100)
        changing.change("payload", max_remote_payload=100_000)
        echo(client, "x" * 100_000)
        changing.change("payload", max_remote_payload=50)
        echo(client, "x" * 50)

        client.send(text("x" * 51))
        close = read_close(client)
        assert close.close_code == 1009
        assert close.close_reason == "a message is longer than 50 bytes"


def test_message_that_is_begun_and_longer_than_may_be_ends_at_its_next_frame(
    changing: Changing,
) -> None:
    changing.change("payload", max_remote_payload=1000)
    with changing.open("payload") as client:
        client.send(encode(Opcode.TEXT, b"x" * 500, fin=False))
        client.send(encode(Opcode.PING, b"is that read?"))
        assert client.read_frame().opcode == Opcode.PONG
        changing.change("payload", max_remote_payload=499)
        client.send(encode(Opcode.PING, b"not yet over"))
        assert client.read_frame().opcode == Opcode.PONG

        client.send(encode(Opcode.CONT))
        assert read_close(client).close_code == 1009


def test_next_message_may_have_as_many_frames_as_the_file_says(changing: Changing) -> None:
    message = encode(Opcode.TEXT, b"a", fin=False) + encode(Opcode.CONT, b"b")
    with changing.open("fragments") as client:
        client.send(message)
        assert client.read_frame().payload == b"ab"
        changing.change("fragments", max_fragments=1)

        client.send(message)
        close = read_close(client)
        assert close.close_code == 1009
        assert close.close_reason == "a message has at most 1 frames"


def test_next_message_that_is_sent_leaves_in_frames_of_the_size_that_the_file_says(
    changing: Changing,
) -> None:
    with changing.open("frames") as client:
        assert echo(client, "hello") == [b"hello"]
        changing.change("frames", fragment_size=2)
        assert echo(client, "hello") == [b"he", b"ll", b"o"]
        changing.change("frames", fragment_size=4)
        assert echo(client, "hello") == [b"hell", b"o"]
        changing.change("frames")
        assert echo(client, "hello") == [b"hello"]


# Rates. Nothing can come before its time; how late it may come depends on the machine.


def test_pings_of_an_open_connection_are_read_at_the_rate_that_the_file_says(
    changing: Changing,
) -> None:
    with changing.open("controls") as client:
        changing.change("controls", max_control_frames_per_second=5)
        began = time.monotonic()
        client.send(encode(Opcode.PING) * 15)

        assert {client.read_frame().opcode for _ in range(15)} == {Opcode.PONG}
        assert time.monotonic() - began > (15 - 2 * 5 - 1) / 5


def test_messages_of_an_open_connection_are_read_at_the_rate_that_the_file_says(
    changing: Changing,
) -> None:
    with changing.open("messages") as client:
        echo(client, "before")
        changing.change("messages", max_messages_per_second=5)
        began = time.monotonic()
        client.send(text("x") * 10)

        assert [client.read_frame().payload for _ in range(10)] == [b"x"] * 10
        assert time.monotonic() - began > (10 - 5 - 1) / 5


def test_bytes_of_an_open_connection_are_read_at_the_rate_that_the_file_says(
    changing: Changing,
) -> None:
    with changing.open("bytes") as client:
        echo(client, "x" * 5000)
        changing.change("bytes", max_bytes_per_second=2000)
        began = time.monotonic()
        client.send(text("x" * 3994) + text("y"))

        assert len(client.read_frame().payload) == 3994
        assert client.read_frame().payload == b"y"
        assert time.monotonic() - began > 0.9


def test_client_that_is_held_is_read_at_once_when_the_file_says_so(changing: Changing) -> None:
    """Else it would take five minutes."""
    with changing.open("held") as client:
        client.send(text("x") * 300)
        assert client.read_frame().payload == b"x"
        changing.change("held", max_messages_per_second=0)

        assert [client.read_frame().payload for _ in range(299)] == [b"x"] * 299


@pytest.mark.parametrize(
    "rate", [{"max_messages_per_second": 3}, {"max_bytes_per_second": 100}], ids=["msgs", "bytes"]
)
def test_client_that_sends_more_is_closed_when_the_file_says_so(
    changing: Changing, rate: dict[str, int]
) -> None:
    changing.change("strict", close_timeout="2s")  # so that what follows is a change in any case
    with changing.open("strict") as client:
        for _ in range(5):
            echo(client, "x" * 50)
        changing.change("strict", on_rate_limit="close", **rate)
        client.send(text("x" * 50) * 5)

        assert read_close(client).close_code == 1008


# Time


def test_pings_begin_on_an_open_connection_when_the_file_says_so(changing: Changing) -> None:
    with changing.open("pinging") as client:
        echo(client, "before")
        changing.change("pinging", ping_interval="100ms", ping_timeout=0)

        for _ in range(3):
            assert client.read_frame().opcode == Opcode.PING


def test_client_that_owes_an_answer_to_a_ping_is_closed_when_the_file_says_so(
    changing: Changing,
) -> None:
    changing.change("mute", ping_interval="100ms", ping_timeout="1h")
    with changing.open("mute") as client:
        assert client.read_frame().opcode == Opcode.PING
        changing.change("mute", ping_interval="100ms", ping_timeout="200ms")

        assert read_close(client).close_code == 1011


def test_connection_that_is_idle_ends_when_the_file_says_so(changing: Changing) -> None:
    with changing.open("idle") as client:
        echo(client, "before")
        changing.change("idle", idle_timeout="300ms")

        close = read_close(client)
        assert close.close_code == 1001
        assert close.close_reason == "no message for too long"


def test_session_that_has_lasted_long_enough_ends_when_the_file_says_so(
    changing: Changing,
) -> None:
    with changing.open("session") as client:
        echo(client, "before")
        changing.change("session", max_session_time="1ms")

        close = read_close(client)
        assert close.close_code == 1001
        assert close.close_reason == "the session has lasted as long as it may"


def test_end_of_an_open_connection_waits_for_the_client_as_long_as_the_file_says(
    changing: Changing,
) -> None:
    with changing.open("closing") as client:
        echo(client, "before")
        changing.change("closing", close_timeout="1s", max_session_time="1ms")
        assert read_close(client).close_code == 1001
        began = time.monotonic()

        assert client.at_end()
        assert time.monotonic() - began > 0.5  # 10 ms in the static config


# What waits for a client


def test_client_that_does_not_read_is_closed_when_the_file_says_so(changing: Changing) -> None:
    trace_id, traceparent = new_trace()
    with RawClient(changing.port, receive_buffer=4096) as client:
        client.send(request_head(f"/slow/{trace_id}", traceparent) + text("go"))
        client.read_head()
        wait_until(lambda: _is_stuck(changing, trace_id), TIMEOUT)
        changing.change("slow", send_timeout="300ms")

        assert traced(changing.service, trace_id)[-1]["cause"] == "slow_consumer"


def _is_stuck(changing: Changing, name: str) -> bool:
    """Return whether the sender has sent something, and waits."""
    with changing.open("count") as client:
        counts = []
        for _ in range(20):
            client.send(text(name))
            counts.append(int(client.read_frame().payload))
    return counts[0] == counts[-1] > 0


@pytest.mark.parametrize(("name", "high"), [("pouring-less", 65536), ("pouring-more", 1 << 20)])
def test_as_much_waits_on_an_open_connection_as_the_file_says(
    changing: Changing, name: str, high: int
) -> None:
    """What is not in the operating system's buffers waits in ours."""
    trace_id, traceparent = new_trace()
    with RawClient(changing.port, receive_buffer=4096) as client:
        client.send(request_head(f"/{name}/{trace_id}", traceparent))
        client.read_head()
        changing.change(name, send_buffer_high=high, send_timeout="300ms")
        client.send(text("go"))

        end = traced(changing.service, trace_id)[-1]
        own_port: int = client.socket.getsockname()[1]
        taken = client.unread + in_kernel(changing.port, own_port)
        assert end["cause"] == "slow_consumer"
        assert high <= int(end["bytes_sent"]) - taken <= high + 2 * MESSAGE_SIZE


def test_sender_goes_on_when_as_much_is_left_as_the_file_says(changing: Changing) -> None:
    high = 8 << 20
    name, _ = new_trace()
    with (
        RawClient(changing.port, receive_buffer=65536).open(f"/pouring-on/{name}") as client,
        changing.open("count") as counting,
    ):
        buffer = SendBuffer(changing.port, client, counting, name)
        client.send(text("go"))
        wait_until(lambda: buffer.left(buffer.sent(), 0) > high, TIMEOUT)
        changing.change("pouring-on", send_buffer_low=high - (1 << 20))

        lefts = buffer.read_until_more_is_sent()
    assert min(lefts, default=high) > high // 2  # without the change a client reads nearly all


# How many


def head_of(changing: Changing, path: str) -> bytes:
    """Return the first line of the answer to an opening handshake."""
    with RawClient(changing.port) as client:
        client.send(request_head(path))
        return client.read_head().split(b"\r\n")[0]


def test_as_many_may_connect_as_the_file_says_and_who_is_there_stays(changing: Changing) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(changing.open("places")) for _ in range(3)]
        changing.change("places", max_connections=2)
        assert head_of(changing, "/places").startswith(b"HTTP/1.1 503 ")
        for client in clients:
            echo(client, "still here")

        changing.change("places", max_connections=4)
        assert head_of(changing, "/places").startswith(b"HTTP/1.1 101 ")


def test_as_many_of_an_address_may_connect_as_the_file_says(changing: Changing) -> None:
    """Also if those that are there came when there was no such limit."""
    with changing.open("addresses") as first, changing.open("addresses") as second:
        changing.change("addresses", max_connections_per_address=2)
        assert head_of(changing, "/addresses").startswith(b"HTTP/1.1 429 ")
        echo(first, "still here")

        second.send(encode(Opcode.CLOSE))
        read_close(second)
        assert second.at_end()
        wait_until(lambda: head_of(changing, "/addresses").startswith(b"HTTP/1.1 101 "), TIMEOUT)


# Mistakes


def test_limits_that_do_not_go_together_change_nothing_and_are_told(changing: Changing) -> None:
    with changing.open("refused") as client:
        changing.change("refused", max_remote_payload=100)
        changing.write({"refused": {"max-remote-payload": 200, "send-buffer-high": 16383}})
        changing.service.wait_for_line(
            r"values\.json:1: WEBSOCKET_LIMITS\.refused\.send-buffer-low: must not be more than"
            r" send-buffer-high, 16383 \(got 16384\), as the static config says"
        )
        echo(client, "x" * 100)
        changing.change("refused", max_remote_payload=200)
        echo(client, "x" * 200)

        client.send(text("x" * 201))
        assert read_close(client).close_code == 1009


@pytest.mark.parametrize(
    ("option", "value"), [("send-buffer-high", 1 << 32), ("max-bytes-per-second", 10**400)]
)
def test_limit_that_no_connection_could_take_is_refused_with_all_that_comes_with_it(
    changing: Changing, option: str, value: int
) -> None:
    with changing.open("enormous") as client:
        changing.write({"enormous": {"max-remote-payload": 5, option: value}})
        changing.service.wait_for_line(
            rf"values\.json:1: WEBSOCKET_LIMITS\.enormous\.{option}: expected at most 2147483647"
        )

        echo(client, "longer than that")
        with changing.open("enormous") as new:
            echo(new, "longer than that")


def test_largest_limits_are_good_for_connections(changing: Changing) -> None:
    largest = (1 << 31) - 1
    numbers = dict.fromkeys(NUMBERS, largest)
    with changing.open("enormous") as client:
        changing.change("enormous", **numbers)

        echo(client, "hello")
        with changing.open("enormous") as new:
            echo(new, "hello")
    assert "Traceback" not in changing.service.log()


def test_name_that_no_handler_has_is_told(changing: Changing) -> None:
    changing.write({"webscket-handler": {"max-remote-payload": 100}})

    changing.service.wait_for_line(
        r"WEBSOCKET_LIMITS: there is no WebSocket handler 'webscket-handler';"
        r" did you mean 'websocket-handler'\?"
    )


# Processes


def test_all_workers_hold_their_connections_to_the_same_limits(tmp_path: Path) -> None:
    file = LimitsFile(tmp_path, workers=2)
    document = file.add_to(original_config())
    manager = document["components_manager"]
    manager["task_processors"]["main-task-processor"]["worker_threads"] = 2
    with running_service(tmp_path, document) as service, contextlib.ExitStack() as stack:
        clients: list[RawClient] = []

        def both_have_some() -> bool:
            clients.append(stack.enter_context(RawClient(service.port).open()))
            lines = [each for each in parsed(service.log()) if each["text"] == "connection opened"]
            return len({line["process_id"] for line in lines}) == 2

        wait_until(both_have_some, TIMEOUT)
        file.change(service, "websocket-handler", max_remote_payload=5)
        for client in clients:
            echo(client, "hello")
            client.send(text("hello!"))
            assert read_close(client).close_code == 1009


def test_fallback_values_hold_without_anybody_who_updates_them(tmp_path: Path) -> None:
    limits: Section = {"websocket-handler": {"max-remote-payload": 5}, "websocket": {}}
    document = _with_fallback(tmp_path, limits)
    with running_service(tmp_path, document) as service:
        with RawClient(service.port).open() as client:
            echo(client, "hello")
            client.send(text("hello!"))
            assert read_close(client).close_code == 1009

        assert service.log().count("there is no WebSocket handler 'websocket'") == 1


async def test_fallback_values_hold_where_nobody_runs_the_lifespan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = _with_fallback(tmp_path, {"websocket-handler": {"max-remote-payload": 5}})
    monkeypatch.setenv("STATIC_CONFIG", str(write_config(tmp_path, document)))
    transport = ASGIWebSocketTransport(app=Service(COMPONENTS))
    chat: AsyncWebSocketSession
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        aconnect_ws("/chat", client) as chat,
    ):
        await chat.send_text("hello")
        assert await chat.receive_text(TIMEOUT) == "hello"

        await chat.send_text("hello!")
        with pytest.raises(WebSocketDisconnect) as closed:
            await chat.receive(TIMEOUT)
    assert closed.value.code == 1009


def _with_fallback(folder: Path, limits: Section) -> Section:
    """Return a static config with a file of fallback values that has these limits."""
    values = folder / "fallback.json"
    values.write_text(json.dumps({"WEBSOCKET_LIMITS": limits}))
    document = original_config()
    components_of(document)["dynamic-config-fallbacks"]["fallback-path"] = str(values)
    return document


# The portable path

UVICORN = ["uvicorn", "tests.services.changing:app", "--port=%d"]

COMMANDS = {
    "uvicorn-sansio": [*UVICORN, "--ws=websockets-sansio"],
    "granian": ["granian", "--interface=asgi", "--port=%d", "tests.services.changing:app"],
    "hypercorn": ["hypercorn", "--bind=127.0.0.1:%d", "tests.services.changing:app"],
}


@pytest.fixture(scope="module", params=COMMANDS)
def portable(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Changing]:
    folder = tmp_path_factory.mktemp("values")
    file = LimitsFile(folder)
    config = write_config(folder, file.add_to(changing_config()))
    with running_command(COMMANDS[request.param], config) as service:
        yield Changing(service, file)


def test_portable_message_may_be_as_long_as_the_file_says(portable: Changing) -> None:
    with connected(f"{portable.service.ws_url}/payload") as chat:
        portable.change("payload", max_remote_payload=1000)
        chat.send_text("x" * 1000)
        assert len(chat.receive_text(TIMEOUT)) == 1000
        portable.change("payload", max_remote_payload=50)
        chat.send_text("x" * 51)

        assert close_of(chat).code == 1009


def test_portable_client_that_is_held_is_read_when_the_file_says_so(portable: Changing) -> None:
    with connected(f"{portable.service.ws_url}/held") as chat:
        for _ in range(100):
            chat.send_text("x")
        assert chat.receive_text(TIMEOUT) == "x"
        portable.change("held", max_messages_per_second=0)

        assert [chat.receive_text(TIMEOUT) for _ in range(99)] == ["x"] * 99


def test_portable_client_that_sends_more_is_closed_when_the_file_says_so(
    portable: Changing,
) -> None:
    with connected(f"{portable.service.ws_url}/strict") as chat:
        portable.change("strict", max_messages_per_second=3, on_rate_limit="close")
        for _ in range(5):
            chat.send_text("x")
        for _ in range(3):
            assert chat.receive_text(TIMEOUT) == "x"

        assert close_of(chat).code == 1008


@pytest.mark.parametrize(
    ("name", "options"),
    [("idle", {"idle_timeout": "300ms"}), ("session", {"max_session_time": "1ms"})],
)
def test_portable_connection_ends_when_the_file_says_so(
    portable: Changing, name: str, options: dict[str, object]
) -> None:
    with connected(f"{portable.service.ws_url}/{name}") as chat:
        portable.change(name, **options)

        assert close_of(chat).code == 1001


def test_portable_client_that_does_not_read_is_given_up_when_the_file_says_so(
    portable: Changing,
) -> None:
    name, _ = new_trace()
    with portable.open(f"slow/{name}") as client:
        client.send(text("go"))
        wait_until(lambda: _is_stuck(portable, name), TIMEOUT)
        portable.change("slow", send_timeout="300ms")

        portable.service.wait_for_line(r"closed_by=server.*cause=slow_consumer.*code=1008")
