"""permessage-deflate as clients of all kinds see it: byte by byte, by library, in a browser."""

from __future__ import annotations

import json
import os
import random
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
)
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection, connect
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, Request, TextMessage
from wsproto.extensions import PerMessageDeflate as DeflateOfWsproto

from tests.functional.test_wscat import wscat
from tests.helpers.attacks import DEFLATE_OFFER, compressed_text, deflate
from tests.helpers.raw_client import TIMEOUT, RawClient, RawFrame, encode, request_head
from tests.helpers.service_process import ServiceProcess, running_service
from tests.services.compressing import COMPRESSION, FRAGMENT_SIZE, THRESHOLD, compressing_config

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["wscat"]  # a fixture


@pytest.fixture(scope="module")
def compressing() -> Iterator[ServiceProcess]:
    """The handlers of `tests/services/compressing.py`, beside the chat without compression."""
    with running_service(
        document=compressing_config(), module="tests.services.compressing"
    ) as service:
        yield service


def row(number: int) -> str:
    """Return a message as services send many of them."""
    sensor = {"sensor": f"boiler-{number % 7}", "celsius": 20 + number % 50, "state": "running"}
    return json.dumps({"type": "measurement", "sequence": number, "data": sensor, "unit": "metric"})


ROWS = [row(number) for number in range(50)]
NOISE = random.Random(6).randbytes(50_000)
MESSAGES: list[str | bytes] = [
    *ROWS,
    "",
    b"",
    "x",
    NOISE,
    NOISE,  # farther back than any window reaches
    "привет, мир! " * 1000,
    b"\x00" * 100_000,
    "y" * (THRESHOLD - 1),
    "y" * THRESHOLD,
]
"""What is echoed: alike, empty, short, long, and such as no compression makes shorter."""


# Byte by byte


def open_compressed(service: ServiceProcess, path: str) -> RawClient:
    client = RawClient(service.port)
    client.send(request_head(path, DEFLATE_OFFER))
    assert b"\r\nsec-websocket-extensions: permessage-deflate" in client.read_head().lower()
    return client


def echo(client: RawClient, message: str) -> RawFrame:
    client.send(encode(Opcode.TEXT, message.encode()))
    return client.read_frame()


def inflate(payload: bytes) -> str:
    """Return the text of a compressed message that refers to none before it."""
    return zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff").decode()


@pytest.mark.parametrize(
    ("size", "compressed"),
    [(0, False), (1, False), (THRESHOLD - 1, False), (THRESHOLD, True), (50_000, True)],
)
def test_message_is_sent_compressed_from_the_threshold_on(
    compressing: ServiceProcess, size: int, compressed: bool
) -> None:
    with open_compressed(compressing, "/compressed") as client:
        frame = echo(client, "x" * size)

    assert frame.compressed == compressed
    assert (len(frame.payload) < size) == compressed


def test_threshold_counts_bytes_and_not_characters(compressing: ServiceProcess) -> None:
    with open_compressed(compressing, "/compressed") as client:
        assert echo(client, "ж" * (THRESHOLD // 2)).compressed
        assert not echo(client, "ж" * (THRESHOLD // 2 - 1)).compressed


def test_even_an_empty_message_is_compressed_where_there_is_no_threshold(
    compressing: ServiceProcess,
) -> None:
    with open_compressed(compressing, "/compressed-all") as client:
        # RFC 7692 section 7.2.3.6
        assert echo(client, "") == RawFrame(Opcode.TEXT, b"\x00", compressed=True)


def test_nothing_is_compressed_for_a_client_that_does_not_offer_it(
    compressing: ServiceProcess,
) -> None:
    with RawClient(compressing.port) as client:
        client.send(request_head("/compressed-all"))
        assert b"extensions" not in client.read_head().lower()

        assert echo(client, "x" * 1000) == RawFrame(Opcode.TEXT, b"x" * 1000)


def test_client_need_not_compress_each_message(compressing: ServiceProcess) -> None:
    with open_compressed(compressing, "/compressed") as client:
        client.send(compressed_text(deflate(b"one")) + encode(Opcode.TEXT, b"two"))
        client.send(compressed_text(b"\x00"))

        assert [client.read_frame().payload for _ in range(3)] == [b"one", b"two", b""]


def test_like_messages_take_few_bytes(compressing: ServiceProcess) -> None:
    with open_compressed(compressing, "/compressed") as client:
        sizes = [len(echo(client, row).payload) for row in ROWS]

    assert sum(sizes) < 0.3 * len("".join(ROWS))


def test_like_messages_take_more_where_each_is_compressed_for_itself(
    compressing: ServiceProcess,
) -> None:
    with open_compressed(compressing, "/compressed-all") as client:
        together = sum(len(echo(client, row).payload) for row in ROWS)
    with open_compressed(compressing, "/forgetful") as client:
        frames = [echo(client, row) for row in ROWS]

    assert [inflate(frame.payload) for frame in frames] == ROWS
    assert together < sum(len(frame.payload) for frame in frames) < len("".join(ROWS))


def test_it_is_the_compressed_message_that_is_sent_in_fragments(
    compressing: ServiceProcess,
) -> None:
    message = NOISE[:1000].hex()
    with open_compressed(compressing, "/in-fragments") as client:
        frames = [echo(client, message)]
        while not frames[-1].fin:
            frames.append(client.read_frame())

    payload = b"".join(frame.payload for frame in frames)
    assert inflate(payload) == message
    assert {len(frame.payload) for frame in frames[:-1]} == {FRAGMENT_SIZE}
    assert len(payload) < len(message)
    kinds = [(frame.opcode, frame.compressed) for frame in frames]
    assert kinds == [(Opcode.TEXT, True)] + [(Opcode.CONT, False)] * (len(frames) - 1)


# The package `websockets`


def open_with(
    service: ServiceProcess, path: str, factory: ClientPerMessageDeflateFactory
) -> ClientConnection:
    url = f"{service.ws_url}{path}"
    return connect(url, compression=None, extensions=[factory], open_timeout=TIMEOUT, max_size=None)


def assert_echoes_all(chat: ClientConnection) -> None:
    """Show that each message comes back, be it waited for or not."""
    for message in MESSAGES:
        chat.send(message)
        assert chat.recv(TIMEOUT) == message
    for text in ROWS:
        chat.send(text)
    assert [chat.recv(TIMEOUT) for _ in ROWS] == ROWS


OFFERS: dict[str, dict[str, Any]] = {
    "any": {},
    "no-choice-of-window": {"client_max_window_bits": None},
    "server-no-context-takeover": {"server_no_context_takeover": True},
    "client-no-context-takeover": {"client_no_context_takeover": True},
    "server-window-9": {"server_max_window_bits": 9},
    "server-window-15": {"server_max_window_bits": 15},
    "client-window-9": {"client_max_window_bits": 9},
    "client-window-15": {"client_max_window_bits": 15},
    "everything": {
        "server_no_context_takeover": True,
        "client_no_context_takeover": True,
        "server_max_window_bits": 10,
        "client_max_window_bits": 11,
    },
}


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("path", COMPRESSION)
def test_library_understands_what_it_is_answered_and_sent(
    compressing: ServiceProcess, path: str, offer: str
) -> None:
    wanted, options = OFFERS[offer], COMPRESSION[path]
    with open_with(compressing, f"/{path}", ClientPerMessageDeflateFactory(**wanted)) as chat:
        (agreed,) = chat.protocol.extensions
        assert isinstance(agreed, PerMessageDeflate)
        for ours, theirs in (("server", "remote"), ("client", "local")):
            alone = f"{ours}_no_context_takeover"
            expected = alone in wanted or alone.replace("_", "-") in options
            assert getattr(agreed, f"{theirs}_no_context_takeover") == expected
            bits = f"{ours}_max_window_bits"
            most = options.get(bits.replace("_", "-"), 12)
            # Of its own window a client must let the server speak.
            silent = ours == "client" and wanted.get(bits, True) is None
            expected_bits = 15 if silent else min(most, wanted.get(bits, 15))
            assert getattr(agreed, f"{theirs}_max_window_bits") == expected_bits
        assert_echoes_all(chat)


def test_offer_that_cannot_be_kept_leaves_the_connection_without_compression(
    compressing: ServiceProcess,
) -> None:
    """A window of 8 bits is none that zlib can write."""
    factory = ClientPerMessageDeflateFactory(server_max_window_bits=8)
    with open_with(compressing, "/compressed", factory) as chat:
        assert chat.protocol.extensions == []
        assert_echoes_all(chat)


def test_first_offer_that_can_be_kept_is(compressing: ServiceProcess) -> None:
    offers = [
        ClientPerMessageDeflateFactory(server_max_window_bits=8),
        ClientPerMessageDeflateFactory(server_max_window_bits=10),
    ]
    url = f"{compressing.ws_url}/compressed"
    with connect(url, compression=None, extensions=offers, open_timeout=TIMEOUT) as chat:
        assert chat.response is not None
        answer = chat.response.headers["Sec-WebSocket-Extensions"]

    assert "server_max_window_bits=10" in answer


# The libraries `wsproto` and `ws`


def test_other_library_understands_it_too(compressing: ServiceProcess) -> None:
    chat = WSConnection(ConnectionType.CLIENT)
    extension = DeflateOfWsproto()
    request = Request(host="localhost", target="/compressed", extensions=[extension])
    with RawClient(compressing.port) as client:
        client.send(chat.send(request))
        chat.receive_data(client.read_head())
        (accepted,) = chat.events()
        assert isinstance(accepted, AcceptConnection)
        assert accepted.extensions == [extension]
        for message in MESSAGES:
            sent = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
            client.send(chat.send(sent))
            assert message_of(chat, client) == message


def message_of(chat: WSConnection, client: RawClient) -> str | bytes:
    """Return the next message, which may come in parts."""
    parts: list[Any] = []
    while True:
        for event in chat.events():
            assert isinstance(event, TextMessage | BytesMessage)
            parts.append(event.data)
            if event.message_finished:
                return parts[0][:0].join(parts) if isinstance(parts[0], str) else b"".join(parts)
        chat.receive_data(client.socket.recv(65536))


NODE_CLIENT = """
const { WebSocket } = require("ws");
const [url, ...rest] = process.argv.slice(1);
const [options, messages] = rest.map((each) => JSON.parse(each));
const chat = new WebSocket(url, { perMessageDeflate: options });
const echoes = [];
chat.on("open", () => messages.forEach((message) => chat.send(message)));
chat.on("message", (data) => {
  if (echoes.push(data.toString()) == messages.length) chat.close();
});
chat.on("close", (code) => {
  console.log(JSON.stringify({ extensions: chat.extensions, code, echoes }));
});
"""


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"threshold": 0},
        {"serverNoContextTakeover": True, "clientNoContextTakeover": True},
        {"serverMaxWindowBits": 10, "clientMaxWindowBits": 11},
    ],
)
@pytest.mark.parametrize("path", ["compressed", "forgetful"])
def test_client_of_wscat_understands_it_too(
    compressing: ServiceProcess, wscat: Path, path: str, options: dict[str, Any]
) -> None:
    messages = [message for message in MESSAGES if isinstance(message, str)]
    arguments = [f"{compressing.ws_url}/{path}", json.dumps(options), json.dumps(messages)]
    done = subprocess.run(
        ["node", "-e", NODE_CLIENT, *arguments],
        env={**os.environ, "NODE_PATH": str(wscat.parents[1])},
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )

    seen = json.loads(done.stdout)
    assert seen["extensions"].startswith("permessage-deflate")
    assert seen["echoes"] == messages


# A browser


@pytest.fixture
def own_page(page: Page, compressing: ServiceProcess) -> Page:
    """A page of the service's own origin."""
    page.goto(f"{compressing.http_url}/")
    return page


IN_BROWSER = """
([path, messages]) => new Promise((resolve, reject) => {
  const socket = new WebSocket(path);
  const echoes = [];
  setTimeout(() => reject(new Error(`only ${echoes.length} echoes`)), 10000);
  socket.onclose = (event) => reject(new Error(`closed with ${event.code}`));
  socket.onopen = () => messages.forEach((message) => socket.send(message));
  socket.onmessage = (event) => {
    if (echoes.push(event.data) == messages.length) {
      resolve({ extensions: socket.extensions, echoes });
      socket.onclose = null;
      socket.close();
    }
  };
})
"""


def in_browser(page: Page, service: ServiceProcess, path: str) -> tuple[str, bool]:
    """Return the extensions that a browser has agreed on, and whether all came back."""
    messages = [message for message in MESSAGES if isinstance(message, str)]
    seen = page.evaluate(IN_BROWSER, [f"{service.ws_url}/{path}", messages])
    return seen["extensions"], seen["echoes"] == messages


@pytest.mark.parametrize("path", COMPRESSION)
def test_browser_understands_it_too(compressing: ServiceProcess, own_page: Page, path: str) -> None:
    extensions, echoed = in_browser(own_page, compressing, path)

    assert "permessage-deflate" in extensions
    assert echoed


def test_browser_is_not_compressed_for_by_default(
    compressing: ServiceProcess, own_page: Page
) -> None:
    assert in_browser(own_page, compressing, "chat") == ("", True)
