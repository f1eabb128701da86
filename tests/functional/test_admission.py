"""Who may connect, and how who may not is told: on the direct path, and on a portable one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.raw_client import TIMEOUT, RawClient, request_head
from tests.helpers.service_process import (
    ServiceProcess,
    running_command,
    running_service,
    wait_until,
    write_config,
)
from tests.services.choosy import choosy_config

# What follows `python -m`, with the port where %d stands.
COMMANDS = {
    "direct": None,
    "portable": ["hypercorn", "--bind=127.0.0.1:%d", "tests.services.choosy:app"],
}


@pytest.fixture(scope="module", params=COMMANDS)
def choosy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """The handlers of `tests/services/choosy.py`."""
    command = COMMANDS[request.param]
    if command is None:
        with running_service(document=choosy_config(), module="tests.services.choosy") as service:
            yield service
    else:
        config = write_config(tmp_path_factory.mktemp("config"), choosy_config())
        with running_command(command, config) as service:
            yield service


@pytest.fixture(scope="module")
def direct() -> Iterator[ServiceProcess]:
    """The same under Uvicorn, which reads proxy headers and whose every byte is ours."""
    with running_service(document=choosy_config(), module="tests.services.choosy") as service:
        yield service


def head_for(path: str, host: str, *lines: str) -> bytes:
    """Return an opening handshake with a Host."""
    return request_head(path, *lines).replace(b"Host: localhost", f"Host: {host}".encode())


def answer(service: ServiceProcess, request: bytes) -> str:
    with RawClient(service.port) as client:
        client.send(request)
        return client.read_head().decode("latin-1").lower()


def rest(client: RawClient) -> bytes:
    """Return all that comes until the end of the stream."""
    data = b""
    with contextlib.suppress(AssertionError):  # how `read` tells of the end
        while True:
            data += client.read(1)
    return data


def status(service: ServiceProcess, request: bytes) -> int:
    return int(answer(service, request).split()[1])


@contextlib.contextmanager
def connected(service: ServiceProcess, path: str, *lines: str) -> Iterator[RawClient]:
    """Hold a connection until the block is left."""
    with RawClient(service.port) as client:
        client.send(request_head(path, *lines))
        head = client.read_head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        yield client


# Origins


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("chat.example", "https://chat.example"),
        ("chat.example:8080", "http://chat.example:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_own_page_may_connect(choosy: ServiceProcess, host: str, origin: str) -> None:
    assert status(choosy, head_for("/chat", host, f"Origin: {origin}")) == 101


@pytest.mark.parametrize(
    "origins",
    [
        ["https://evil.example"],
        ["https://chat.example.evil.example"],
        ["https://evil-chat.example"],
        ["https://chat.example@evil.example"],
        ["https://chat.example:8443"],
        ["https://chat.example/"],
        ["null"],
        ["https://chat.example", "https://evil.example"],
    ],
)
def test_foreign_page_is_told_which_option_lets_it_in(
    choosy: ServiceProcess, origins: list[str]
) -> None:
    lines = [f"Origin: {origin}" for origin in origins]

    with RawClient(choosy.port) as client:
        client.send(head_for("/chat", "chat.example", *lines))
        head = client.read_head().lower()

        assert head.startswith(b"http/1.1 403 ")
        assert b"\r\ncontent-type: text/plain; charset=utf-8\r\n" in head
        body = rest(client)
        assert b"allowed-origins" in body
        assert b"example" not in head + body


def test_listed_page_may_connect_and_the_host_s_own_may_not(choosy: ServiceProcess) -> None:
    listed = head_for("/listed", "chat.example", "Origin: https://pages.example")
    of_file = head_for("/listed", "chat.example", "Origin: null")
    own = head_for("/listed", "chat.example", "Origin: https://chat.example")

    assert [status(choosy, head) for head in (listed, of_file, own)] == [101, 101, 403]


def test_client_that_is_no_page_may_connect(choosy: ServiceProcess) -> None:
    assert status(choosy, request_head("/listed")) == 101


# How many


def test_one_more_than_may_connect_is_told_to_come_back(choosy: ServiceProcess) -> None:
    head = request_head("/few")

    with connected(choosy, "/few"), connected(choosy, "/few"):
        refused = answer(choosy, head)
        assert refused.startswith("http/1.1 503 ")
        assert "\r\nretry-after: 5\r\n" in refused

    wait_until(lambda: status(choosy, head) == 101, TIMEOUT)


def test_one_more_of_an_address_than_may_connect_is_told_so(choosy: ServiceProcess) -> None:
    head = request_head("/few-of-address")

    with connected(choosy, "/few-of-address"):
        refused = answer(choosy, head)
        assert refused.startswith("http/1.1 429 ")
        assert "\r\nretry-after: 5\r\n" in refused

    wait_until(lambda: status(choosy, head) == 101, TIMEOUT)


def test_clients_of_a_trusted_proxy_count_by_their_own_addresses(direct: ServiceProcess) -> None:
    one, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
    forged = "X-Forwarded-For: 192.0.2.9, 192.0.2.1"

    with connected(direct, "/few-of-address", one):
        assert status(direct, request_head("/few-of-address", one)) == 429
        assert status(direct, request_head("/few-of-address", forged)) == 429
        assert status(direct, request_head("/few-of-address", other)) == 101


def test_clients_of_any_other_proxy_count_by_its_address(tmp_path: Path) -> None:
    config = write_config(tmp_path, choosy_config())
    command = ["uvicorn", "tests.services.choosy:app", "--port=%d"]
    one, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"

    with (
        running_command([*command, "--forwarded-allow-ips=192.0.2.254"], config) as service,
        connected(service, "/few-of-address", one),
    ):
        assert status(service, request_head("/few-of-address", other)) == 429


# Subprotocols


@pytest.mark.parametrize(
    ("lines", "chosen"),
    [
        (["Sec-WebSocket-Protocol: v1.chat, v2.chat"], "v2.chat"),
        (["Sec-WebSocket-Protocol: v0.chat", "Sec-WebSocket-Protocol: v1.chat"], "v1.chat"),
        (["Sec-WebSocket-Protocol: v0.chat"], None),
        (["Sec-WebSocket-Protocol: ,,"], None),
        ([], None),
    ],
)
def test_first_of_the_handler_s_that_is_offered_is_spoken(
    choosy: ServiceProcess, lines: list[str], chosen: str | None
) -> None:
    with RawClient(choosy.port) as client:
        client.send(request_head("/speaking", *lines))
        head = client.read_head().decode().lower()

        assert head.startswith("http/1.1 101 ")
        assert head.count("sec-websocket-protocol:") == (chosen is not None)
        assert chosen is None or f"\r\nsec-websocket-protocol: {chosen}\r\n" in head
        assert client.read_frame().payload == str(chosen).encode()


def test_handler_may_choose_by_itself_and_refuse_who_offers_nothing(
    choosy: ServiceProcess,
) -> None:
    polite = request_head("/polite", "Sec-WebSocket-Protocol: polite-1, polite-2, rude")
    rude = request_head("/polite", "Sec-WebSocket-Protocol: rude")

    assert "\r\nsec-websocket-protocol: polite-2\r\n" in answer(choosy, polite)
    refused = answer(choosy, rude)
    assert refused.startswith("http/1.1 400 ")
    assert "\r\ncontent-type: application/json\r\n" in refused


# Answers that a handler must not give


@pytest.mark.parametrize("query", ["", "?refuse"])
@pytest.mark.parametrize("mistake", ["status", "header", "header-name", "wide-header"])
def test_answer_that_would_be_split_is_500_and_logged(
    choosy: ServiceProcess, mistake: str, query: str
) -> None:
    head = answer(choosy, request_head(f"/mistaken/{mistake}{query}"))

    assert head.startswith("http/1.1 500 ")
    assert "cookie" not in head
    choosy.wait_for_line("handler 'mistaken' raised in the handshake")


@pytest.mark.parametrize(
    ("mistake", "line"),
    [
        ("subprotocol", "ValueError: subprotocol 'never-offered' is none that the client offers"),
        ("split-subprotocol", r"ValueError: subprotocol 'a\\+r\\+nSet-Cookie: admin=1' is not a"),
        ("extensions", "ValueError: header b'sec-websocket-extensions' is the handshake's own"),
    ],
)
def test_answer_that_would_contradict_the_handshake_is_500_and_logged(
    choosy: ServiceProcess, mistake: str, line: str
) -> None:
    head = answer(choosy, request_head(f"/mistaken/{mistake}", "Sec-WebSocket-Protocol: a"))

    assert head.startswith("http/1.1 500 ")
    assert "sec-websocket" not in head
    choosy.wait_for_line(line)


def test_framing_of_an_acceptance_is_the_handshake_s(direct: ServiceProcess) -> None:
    with RawClient(direct.port) as client:
        client.send(request_head("/mistaken/framing"))
        head = client.read_head().lower()

        assert head.startswith(b"http/1.1 101 ")
        assert head.count(b"\r\nconnection:") == head.count(b"\r\nupgrade:") == 1
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
        assert client.read_frame().payload == b"None"


def test_framing_of_a_refusal_is_that_of_its_body(direct: ServiceProcess) -> None:
    with RawClient(direct.port) as client:
        client.send(request_head("/mistaken/framing?refuse"))
        head = client.read_head().lower()

        assert head.startswith(b"http/1.1 403 ")
        assert b"\r\ncontent-length: 2\r\n" in head
        assert b"transfer-encoding" not in head
        assert client.read(2) == b"no"
        assert client.at_end()


# Requests that are none (RFC 9112 section 3.2)


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@host", "a:b", "[::1", "a?b", "a#b"])
def test_host_that_is_none_is_refused(direct: ServiceProcess, host: str) -> None:
    assert status(direct, head_for("/chat", host)) == 400


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: localhost"],
        ["Host: evil.example"],
        ["Content-Length: 5"],
        ["Transfer-Encoding: chunked"],
        ["Content-Length: 0", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 0", "Content-Length: 5"],
        ["Transfer-Encoding: \x0bchunked"],
        ["Content-Length : 5"],
        [" folded: yes"],
    ],
)
def test_request_that_two_servers_might_read_in_two_ways_is_refused(
    direct: ServiceProcess, lines: list[str]
) -> None:
    with RawClient(direct.port) as client:
        client.send(request_head("/chat", *lines) + b"GET /smuggled HTTP/1.1\r\n\r\n")

        assert client.read_head().startswith(b"HTTP/1.1 400 ")
        assert b"HTTP/1.1" not in rest(client)
