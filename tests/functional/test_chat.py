"""What a client of the chat sees: real sockets, real processes."""

import re

import httpx
import pytest
from websockets.frames import Opcode

from tests.helpers.clients import TIMEOUT, close_of, connected, refusal
from tests.helpers.raw_client import RawClient, encode, encode_close
from tests.helpers.service_process import ServiceProcess


def test_root_is_the_page(service: ServiceProcess) -> None:
    response = httpx.get(f"{service.http_url}/")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert 'data-chat-url="chat"' in response.text


@pytest.mark.parametrize("path", ["/chat", "/chat/"])
def test_plain_request_to_the_chat_is_told_to_upgrade(service: ServiceProcess, path: str) -> None:
    response = httpx.get(f"{service.http_url}{path}")

    assert response.status_code == 426
    assert response.headers["upgrade"] == "websocket"
    assert response.headers["connection"] == "Upgrade"
    assert f"wscat -c {service.ws_url}{path}\n" in response.text


def test_post_to_the_chat_is_not_allowed(service: ServiceProcess) -> None:
    response = httpx.post(f"{service.http_url}/chat")

    assert response.status_code == 405
    assert "GET" in response.headers["allow"].split(", ")


def test_unknown_path_is_not_found(service: ServiceProcess) -> None:
    assert httpx.get(f"{service.http_url}/nowhere").status_code == 404


def test_upgrade_to_an_unknown_path_is_not_found(service: ServiceProcess) -> None:
    response = refusal(f"{service.ws_url}/nowhere")

    assert response.status_code == 404


@pytest.mark.parametrize("text", ["hello", "", "héllo ☃ 🐍", "x" * 100_000, "é" * 50_000])
def test_text_is_echoed_as_text(service: ServiceProcess, text: str) -> None:
    with connected(f"{service.ws_url}/chat") as chat:
        chat.send_text(text)

        assert chat.receive_text(TIMEOUT) == text


@pytest.mark.parametrize("data", [b"hello", b"", bytes(range(256)), b"x" * 100_000])
def test_binary_is_echoed_as_binary(service: ServiceProcess, data: bytes) -> None:
    with connected(f"{service.ws_url}/chat") as chat:
        chat.send_bytes(data)

        assert chat.receive_bytes(TIMEOUT) == data


@pytest.mark.parametrize("message", ["x" * 100_001, "é" * 50_001, b"x" * 100_001])
def test_message_over_the_limit_is_closed_with_1009(
    service: ServiceProcess, message: str | bytes
) -> None:
    with connected(f"{service.ws_url}/chat") as chat:
        if isinstance(message, str):
            chat.send_text(message)
        else:
            chat.send_bytes(message)

        assert close_of(chat).code == 1009


def test_close_of_the_client_comes_back_before_the_end_of_tcp(service: ServiceProcess) -> None:
    with RawClient(service.port).open() as client:
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


def test_handler_that_raises_is_logged_and_closes_with_1011(odd_service: ServiceProcess) -> None:
    with (
        connected(f"{odd_service.ws_url}/chat") as other,
        connected(f"{odd_service.ws_url}/raising") as chat,
    ):
        chat.send_text("how are you?")

        assert close_of(chat).code == 1011

        other.send_text("still there?")
        assert other.receive_text(TIMEOUT) == "still there?"
    odd_service.wait_for_line("RuntimeError: the handler does not feel well")
    assert re.search(r"handler 'raising' raised\nTraceback", odd_service.log())


def test_one_class_may_serve_two_paths_under_two_names(odd_service: ServiceProcess) -> None:
    for path in ("/returning", "/second"):
        with connected(f"{odd_service.ws_url}{path}") as chat:
            chat.send_text(path)
            assert chat.receive_text(TIMEOUT) == path


@pytest.mark.parametrize("handler", ["exiting", "awaiting-cancelled"])
def test_handler_cannot_take_the_worker_down_with_it(
    odd_service: ServiceProcess, handler: str
) -> None:
    with (
        connected(f"{odd_service.ws_url}/chat") as other,
        connected(f"{odd_service.ws_url}/{handler}") as chat,
    ):
        chat.send_text("go on")
        assert close_of(chat).code == 1011

        other.send_text("still there?")
        assert other.receive_text(TIMEOUT) == "still there?"
    odd_service.wait_for_line(f"handler '{handler}' raised")


def test_handler_that_returns_closes_with_1000(odd_service: ServiceProcess) -> None:
    with connected(f"{odd_service.ws_url}/returning") as chat:
        chat.send_text("only this")
        assert chat.receive_text(TIMEOUT) == "only this"

        assert close_of(chat).code == 1000


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


def test_handshake_hook_refuses_with_a_response_of_its_own(odd_service: ServiceProcess) -> None:
    response = refusal(f"{odd_service.ws_url}/guarded/hall")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Word"


def test_handshake_hook_that_raises_is_logged_and_refuses_with_500(
    odd_service: ServiceProcess,
) -> None:
    response = refusal(f"{odd_service.ws_url}/guarded/hall?word=crash")

    assert response.status_code == 500
    odd_service.wait_for_line("RuntimeError: the guard has fainted")


def test_handshake_hook_hands_over_what_the_handler_needs(odd_service: ServiceProcess) -> None:
    url = f"{odd_service.ws_url}/guarded/hall?word=please"
    with connected(url, headers={"User-Agent": "visitor"}, subprotocols=["polite"]) as chat:
        assert chat.receive_text(TIMEOUT) == "hall visitor"
        assert chat.subprotocol == "polite"
        assert chat.response is not None
        assert chat.response.headers["x-guard"] == "awake"
