"""What a client of the chat sees: real sockets, real processes."""

import re

import httpx
import pytest
from websockets.frames import Opcode

from app.testsuite import ClientConnection, Close, ConnectionClosed, HandshakeRefused
from app.testsuite import WebSocketClient as Client
from tests.helpers.raw_client import RawClient, encode, encode_close
from tests.helpers.service_process import ServiceProcess


async def close_of(chat: ClientConnection) -> Close:
    """Return what the service closes the connection with; nothing may come before it."""
    with pytest.raises(ConnectionClosed):
        await chat.recv()
    return await chat.wait_closed()


async def refusal(client: Client, path: str) -> httpx.Response:
    """Return the HTTP response that refuses a WebSocket connection."""
    with pytest.raises(HandshakeRefused) as refused:
        async with client.get(path):
            pass
    return refused.value.response


async def test_root_is_the_page(service_client: httpx.AsyncClient) -> None:
    response = await service_client.get("/")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert 'data-chat-url="chat"' in response.text


@pytest.mark.parametrize("path", ["/chat", "/chat/"])
async def test_plain_request_to_the_chat_is_told_to_upgrade(
    service_client: httpx.AsyncClient, path: str
) -> None:
    response = await service_client.get(path)

    assert response.status_code == 426
    assert response.headers["upgrade"] == "websocket"
    assert response.headers["connection"] == "Upgrade"
    url = response.request.url.copy_with(scheme="ws")
    assert f"wscat -c {url}\n" in response.text


async def test_post_to_the_chat_is_not_allowed(service_client: httpx.AsyncClient) -> None:
    response = await service_client.post("/chat")

    assert response.status_code == 405
    assert "GET" in response.headers["allow"].split(", ")


async def test_unknown_path_is_not_found(service_client: httpx.AsyncClient) -> None:
    response = await service_client.get("/nowhere")

    assert response.status_code == 404


async def test_upgrade_to_an_unknown_path_is_not_found(websocket_client: Client) -> None:
    response = await refusal(websocket_client, "nowhere")

    assert response.status_code == 404


@pytest.mark.parametrize("text", ["hello", "", "héllo ☃ 🐍", "x" * 100_000, "é" * 50_000])
async def test_text_is_echoed_as_text(websocket_client: Client, text: str) -> None:
    async with websocket_client.get("chat") as chat:
        await chat.send(text)

        assert await chat.recv() == text


@pytest.mark.parametrize("data", [b"hello", b"", bytes(range(256)), b"x" * 100_000])
async def test_binary_is_echoed_as_binary(websocket_client: Client, data: bytes) -> None:
    async with websocket_client.get("chat") as chat:
        await chat.send(data)

        assert await chat.recv() == data


@pytest.mark.parametrize("message", ["x" * 100_001, "é" * 50_001, b"x" * 100_001])
async def test_message_over_the_limit_is_closed_with_1009(
    websocket_client: Client, message: str | bytes
) -> None:
    async with websocket_client.get("chat") as chat:
        await chat.send(message)

        assert (await close_of(chat)).code == 1009


@pytest.mark.usefixtures("service_process")
def test_close_of_the_client_comes_back_before_the_end_of_tcp(service_port: int) -> None:
    with RawClient(service_port).open() as client:
        client.send(encode_close(4001, "that is all"))

        answer = client.read_frame()
        assert (answer.close_code, answer.close_reason) == (4001, "that is all")
        assert client.at_end()


def test_close_that_no_handler_reads_is_answered_after_the_close_timeout_of_that_handler(
    odd_service: ServiceProcess,
) -> None:
    """Both have one handler class; it is the second who is answered first."""
    with (
        RawClient(odd_service.port).open("/sleeping") as patient,
        RawClient(odd_service.port).open("/impatient") as impatient,
    ):
        for client in (patient, impatient):
            assert client.read_frame().payload == b"good night"
            client.send(encode_close(1000))

        assert impatient.read_frame().close_code == 1000
        patient.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            patient.at_end()


async def test_handler_that_raises_is_logged_and_closes_with_1011(
    odd_service: ServiceProcess, odd_client: Client
) -> None:
    async with odd_client.get("chat") as other, odd_client.get("raising") as chat:
        await chat.send("how are you?")

        assert (await close_of(chat)).code == 1011

        await other.send("still there?")
        assert await other.recv() == "still there?"
    odd_service.wait_for_line("RuntimeError: the handler does not feel well")
    assert re.search(r"text=handler 'raising' raised\texception=Traceback", odd_service.log())


async def test_one_class_may_serve_two_paths_under_two_names(odd_client: Client) -> None:
    for path in ("/returning", "/second"):
        async with odd_client.get(path) as chat:
            await chat.send(path)
            assert await chat.recv() == path


@pytest.mark.parametrize("handler", ["exiting", "awaiting-cancelled"])
async def test_handler_cannot_take_the_worker_down_with_it(
    odd_service: ServiceProcess, odd_client: Client, handler: str
) -> None:
    async with odd_client.get("chat") as other, odd_client.get(handler) as chat:
        await chat.send("go on")
        assert (await close_of(chat)).code == 1011

        await other.send("still there?")
        assert await other.recv() == "still there?"
    odd_service.wait_for_line(f"handler '{handler}' raised")


async def test_handler_that_returns_closes_with_1000(odd_client: Client) -> None:
    async with odd_client.get("returning") as chat:
        await chat.send("only this")
        assert await chat.recv() == "only this"

        assert (await close_of(chat)).code == 1000


def test_handler_may_send_and_receive_at_the_same_time(odd_service: ServiceProcess) -> None:
    with RawClient(odd_service.port).open("/duplex") as client:
        assert client.read_frame().payload == b"0"

        client.send(encode(Opcode.TEXT, b"hi"))

        frames = (client.read_frame() for _ in range(100_000))
        assert any(frame.payload == b"echo 'hi'" for frame in frames)


def test_end_of_a_full_duplex_connection_is_no_error(odd_service: ServiceProcess) -> None:
    """The peer's close ends both tasks of the handler; an exception group is no crash."""
    with RawClient(odd_service.port).open("/duplex") as client:
        client.send(encode_close(1000))
        while client.read_frame().opcode != Opcode.CLOSE:
            pass

    assert "handler 'duplex' raised" not in odd_service.log()


async def test_handshake_hook_refuses_with_a_response_of_its_own(odd_client: Client) -> None:
    response = await refusal(odd_client, "guarded/hall")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Word"
    assert response.json() == {"error": "say please"}


async def test_handshake_hook_that_raises_is_logged_and_refuses_with_500(
    odd_service: ServiceProcess, odd_client: Client
) -> None:
    response = await refusal(odd_client, "guarded/hall?word=crash")

    assert response.status_code == 500
    odd_service.wait_for_line("RuntimeError: the guard has fainted")


async def test_handshake_hook_hands_over_what_the_handler_needs(odd_client: Client) -> None:
    async with odd_client.get(
        "guarded/hall?word=please", headers={"User-Agent": "visitor"}, subprotocols=["polite"]
    ) as chat:
        assert await chat.recv() == "hall visitor"
        assert chat.subprotocol == "polite"
        assert chat.headers["x-guard"] == "awake"
