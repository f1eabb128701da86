"""The direct path byte by byte, under every way to start a Uvicorn."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.frames import Opcode

from tests.helpers.raw_client import RawClient, RawFrame, encode, encode_close, request_head
from tests.helpers.service_process import (
    ServiceProcess,
    components_of,
    original_config,
    running_command,
    running_service,
    write_config,
)

UVICORN = ["uvicorn", "app.main:app"]

# What follows `python -m`, with the port where %d stands.
COMMANDS = {
    "app": None,
    "uvicorn": [*UVICORN, "--port=%d"],
    "uvicorn-workers": [*UVICORN, "--port=%d", "--workers=2"],
    "uvicorn-reload": [*UVICORN, "--port=%d", "--reload", "--reload-dir=config"],
    "uvicorn-trace": [*UVICORN, "--port=%d", "--log-level=trace"],
    "uvicorn-no-proxy-headers": [*UVICORN, "--port=%d", "--no-proxy-headers"],
    "uvicorn-asyncio": [*UVICORN, "--port=%d", "--loop=asyncio"],
    "gunicorn": [
        *("gunicorn", "app.main:app", "--bind=127.0.0.1:%d"),
        "--worker-class=uvicorn_worker.UvicornWorker",
    ],
}


@contextlib.contextmanager
def started(command: list[str] | None, config: Path) -> Iterator[ServiceProcess]:
    with running_command(command, config) if command else running_service() as service:
        yield service


@pytest.fixture(scope="module", params=COMMANDS)
def wire(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """The chat under each command that leads to the direct path."""
    config = write_config(tmp_path_factory.mktemp("config"), original_config())
    with started(COMMANDS[request.param], config) as service:
        yield service


def head_with(replacements: dict[str, str | None]) -> bytes:
    """Return an opening handshake with header lines replaced, or left out."""
    lines = request_head().decode().split("\r\n")
    kept = [line for line in lines if line.split(":")[0] not in replacements]
    added = [f"{name}: {value}" for name, value in replacements.items() if value is not None]
    return "\r\n".join([kept[0], *added, *kept[1:]]).encode()


def answer(service: ServiceProcess, request: bytes) -> str:
    with RawClient(service.port) as client:
        client.send(request)
        return client.read_head().decode()


@pytest.mark.parametrize("version", [None, "12", "13, 8", ""])
def test_other_version_is_told_which_one_is_spoken(
    wire: ServiceProcess, version: str | None
) -> None:
    head = answer(wire, head_with({"Sec-WebSocket-Version": version})).lower()

    assert head.startswith("http/1.1 426 ")
    assert "\r\nsec-websocket-version: 13\r\n" in head
    assert "\r\nupgrade: websocket\r\n" in head
    assert "\r\nconnection: upgrade\r\n" in head


@pytest.mark.parametrize("key", [None, "", "c2hvcnQ=", "x" * 24, "AAAAAAAAAAAAAAAAAAAAAAAAAA=="])
def test_key_that_is_not_16_bytes_is_refused(wire: ServiceProcess, key: str | None) -> None:
    assert answer(wire, head_with({"Sec-WebSocket-Key": key})).startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("connection", "upgrade"),
    [("keep-alive, Upgrade", "websocket"), ("UPGRADE", "WebSocket"), ("foo,upgrade ", "WEBSOCKET")],
)
def test_tokens_are_found_in_lists_and_in_any_case(
    wire: ServiceProcess, connection: str, upgrade: str
) -> None:
    head = head_with({"Connection": connection, "Upgrade": upgrade})

    assert answer(wire, head).startswith("HTTP/1.1 101 ")


@pytest.mark.parametrize("hosts", [[], ["Host: a", "Host: b"]])
def test_exactly_one_host_is_needed(wire: ServiceProcess, hosts: list[str]) -> None:
    lines = head_with({"Host": None}).decode().split("\r\n")
    head = "\r\n".join([lines[0], *hosts, *lines[1:]]).encode()

    assert answer(wire, head).startswith("HTTP/1.1 400 ")


def test_http_1_0_is_refused(wire: ServiceProcess) -> None:
    head = request_head().replace(b"HTTP/1.1", b"HTTP/1.0")

    assert answer(wire, head).startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize("line", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_body_on_an_upgrade_is_refused_without_waiting_for_it(
    wire: ServiceProcess, line: str
) -> None:
    assert answer(wire, request_head("/chat", line)).startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(request_head("/" + "x" * 8192), 414, id="url"),
        pytest.param(request_head("/chat", *["A: b"] * 100), 431, id="count"),
        pytest.param(request_head("/chat", "A: " + "x" * 65536), 431, id="size"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000, 431, id="unfinished"),
        pytest.param(b"GET /" + b"x" * 70_000, 414, id="unfinished-url"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="nonsense"),
    ],
)
def test_head_over_a_limit_is_refused(
    wire: ServiceProcess, request_bytes: bytes, status: int
) -> None:
    assert answer(wire, request_bytes).startswith(f"HTTP/1.1 {status} ")


def test_unknown_path_is_not_found(wire: ServiceProcess) -> None:
    assert answer(wire, request_head("/nowhere")).startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize("sizes", [[100_000], [99_999, 1], [1000] * 100, [0, 100_000, 0]])
def test_message_of_just_the_limit_is_echoed(wire: ServiceProcess, sizes: list[int]) -> None:
    with RawClient(wire.port).open() as client:
        client.send(fragments(sizes))

        assert client.read_frame() == RawFrame(Opcode.BINARY, b"x" * 100_000)


@pytest.mark.parametrize("sizes", [[100_001], [100_000, 1], [1000] * 100 + [1]])
def test_message_over_the_limit_is_closed_with_1009(wire: ServiceProcess, sizes: list[int]) -> None:
    with RawClient(wire.port).open() as client:
        client.send(fragments(sizes))

        assert client.read_frame().close_code == 1009
        assert client.at_end()


def test_limit_is_decided_from_the_head_of_a_frame_alone(wire: ServiceProcess) -> None:
    with RawClient(wire.port).open() as client:
        client.send(encode(Opcode.BINARY, b"x" * 100_001)[:14])

        assert client.read_frame().close_code == 1009


def fragments(sizes: list[int]) -> bytes:
    """Return a binary message in frames of these sizes."""
    opcodes = [Opcode.BINARY] + [Opcode.CONT] * (len(sizes) - 1)
    last = len(sizes) - 1
    return b"".join(
        encode(opcode, b"x" * size, fin=index == last)
        for index, (opcode, size) in enumerate(zip(opcodes, sizes, strict=True))
    )


def test_text_that_is_not_utf8_is_closed_with_1007(wire: ServiceProcess) -> None:
    with RawClient(wire.port).open() as client:
        client.send(encode(Opcode.TEXT, b"caf\xe9"))

        assert client.read_frame().close_code == 1007
        assert client.at_end()


TEXT_START = encode(Opcode.TEXT, b"a", fin=False)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x81\x02hi", id="unmasked"),
        # In segments that would be one whole frame if the second byte was taken for a length.
        pytest.param(b"\x82\x20" + b"x" * 164, id="unmasked-in-166-bytes"),
        pytest.param(b"\x82\xfe\x00\x78" + b"x" * 124, id="longer-length-than-needed"),
        pytest.param(encode(0x40 | Opcode.TEXT, b"hi"), id="reserved-bit"),
        pytest.param(encode(0x3, b""), id="reserved-opcode"),
        pytest.param(encode(0xB, b""), id="reserved-control-opcode"),
        pytest.param(encode(Opcode.CONT, b"hi"), id="stray-continuation"),
        pytest.param(TEXT_START + encode(Opcode.TEXT, b"b"), id="message-in-a-message"),
        pytest.param(encode(Opcode.PING, b"", fin=False), id="fragmented-control"),
        pytest.param(encode(Opcode.PING, b"x" * 126), id="long-control"),
        pytest.param(encode(Opcode.CLOSE, b"\x03"), id="close-of-one-byte"),
        pytest.param(encode_close(1005), id="close-1005"),
        pytest.param(encode_close(999), id="close-999"),
    ],
)
def test_broken_protocol_is_closed_with_1002(wire: ServiceProcess, data: bytes) -> None:
    with RawClient(wire.port).open() as client:
        client.send(data)

        assert client.read_frame().close_code == 1002
        assert client.at_end()


def test_ping_is_answered_also_between_fragments_and_a_pong_is_ignored(
    wire: ServiceProcess,
) -> None:
    with RawClient(wire.port).open() as client:
        client.send(
            encode(Opcode.PING, b"one")
            + encode(Opcode.PONG, b"nobody asked")
            + encode(Opcode.TEXT, b"he", fin=False)
            + encode(Opcode.PING, b"two")
            + encode(Opcode.CONT, b"llo")
        )

        assert [client.read_frame() for _ in range(3)] == [
            RawFrame(Opcode.PONG, b"one"),
            RawFrame(Opcode.PONG, b"two"),
            RawFrame(Opcode.TEXT, b"hello"),
        ]


def test_large_message_whose_first_segment_has_133_bytes_is_echoed(wire: ServiceProcess) -> None:
    """As if its second byte was the length of a frame of 127 bytes."""
    frame = encode(Opcode.BINARY, b"x" * 70_000)
    with RawClient(wire.port).open() as client:
        client.send(frame[:133])
        client.send(frame[133:])

        assert client.read_frame() == RawFrame(Opcode.BINARY, b"x" * 70_000)


def test_each_message_keeps_its_type(wire: ServiceProcess) -> None:
    with RawClient(wire.port).open() as client:
        client.send(encode(Opcode.TEXT, b"text") + encode(Opcode.BINARY, b"binary"))

        assert client.read_frame() == RawFrame(Opcode.TEXT, b"text")
        assert client.read_frame() == RawFrame(Opcode.BINARY, b"binary")


def test_what_came_before_a_mistake_is_answered_before_the_close(wire: ServiceProcess) -> None:
    good = [encode(Opcode.TEXT, text) for text in (b"one", b"two", b"three")]
    with RawClient(wire.port).open() as client:
        client.send(b"".join(good) + b"\x81\x02hi")

        echoes = [client.read_frame().payload for _ in good]
        assert echoes == [b"one", b"two", b"three"]
        assert client.read_frame().close_code == 1002


def test_frames_in_the_segment_of_the_request_are_not_lost(wire: ServiceProcess) -> None:
    with RawClient(wire.port) as client:
        client.send(request_head() + encode(Opcode.TEXT, b"early") + encode(Opcode.TEXT, b"bird"))

        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        assert client.read_frame().payload == b"early"
        assert client.read_frame().payload == b"bird"


def test_2000_pipelined_messages_come_back_in_order(wire: ServiceProcess) -> None:
    messages = [str(number).encode() for number in range(2000)]
    with RawClient(wire.port).open() as client:
        client.send(b"".join(encode(Opcode.TEXT, message) for message in messages))

        assert [client.read_frame().payload for _ in messages] == messages


def test_close_of_the_client_comes_back(wire: ServiceProcess) -> None:
    with RawClient(wire.port).open() as client:
        client.send(encode(Opcode.TEXT, b"last words") + encode_close(4001, "bye"))

        assert client.read_frame().payload == b"last words"
        close = client.read_frame()
        assert (close.close_code, close.close_reason) == (4001, "bye")
        assert client.at_end()


def test_close_without_a_code_is_answered_without_one(wire: ServiceProcess) -> None:
    with RawClient(wire.port).open() as client:
        client.send(encode(Opcode.CLOSE))

        assert client.read_frame() == RawFrame(Opcode.CLOSE, b"")
        assert client.at_end()


def test_what_a_half_closed_client_said_is_answered(wire: ServiceProcess) -> None:
    with RawClient(wire.port).open() as client:
        client.send(encode(Opcode.TEXT, b"that was all"))
        client.end_sending()

        assert client.read_frame().payload == b"that was all"
        assert client.read_frame().close_code == 1002
        assert client.at_end()


@pytest.mark.parametrize("command", COMMANDS)
def test_signal_sends_1001_to_each_connection(command: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, original_config())
    with started(COMMANDS[command], config) as service, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(service.port).open()) for _ in range(5)]
        service.process.send_signal(signal.SIGTERM)

        assert [client.read_frame().close_code for client in clients] == [1001] * 5
        service.wait()


@pytest.mark.parametrize("command", ["app", "uvicorn"])
def test_reply_is_sent_in_fragments(command: str, tmp_path: Path) -> None:
    document = original_config()
    components_of(document)["websocket-handler"]["fragment-size"] = 10
    if command == "app":
        running = running_service(tmp_path, document)
    else:
        running = started(COMMANDS[command], write_config(tmp_path, document))
    with running as service, RawClient(service.port).open() as client:
        client.send(encode(Opcode.TEXT, b"x" * 25))

        assert [client.read_frame() for _ in range(3)] == [
            RawFrame(Opcode.TEXT, b"x" * 10, fin=False),
            RawFrame(Opcode.CONT, b"x" * 10, fin=False),
            RawFrame(Opcode.CONT, b"x" * 5),
        ]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--ws=wsproto"], "--ws wsproto"),
        (["--http=h11"], "--http h11"),
    ],
)
def test_explicit_choice_of_a_protocol_class_is_respected(
    flags: list[str], reason: str, tmp_path: Path
) -> None:
    config = write_config(tmp_path, original_config())
    with (
        started([*UVICORN, "--port=%d", *flags], config) as service,
        RawClient(service.port).open() as client,
    ):
        client.send(encode(Opcode.TEXT, b"hello"))
        assert client.read_frame().payload == b"hello"
        assert service.wait_for_line("portable path, because .*" + reason)


def test_flag_that_means_nothing_here_gets_a_warning(tmp_path: Path) -> None:
    config = write_config(tmp_path, original_config())
    with started([*UVICORN, "--port=%d", "--ws-max-queue=1"], config) as service:
        service.wait_for_line("--ws-max-queue has no effect: limits are options of each handler")


def test_direct_path_is_taken_without_a_word(tmp_path: Path) -> None:
    config = write_config(tmp_path, original_config())
    with started(COMMANDS["uvicorn"], config) as service:
        service.stop()

        assert "portable path" not in service.log()
