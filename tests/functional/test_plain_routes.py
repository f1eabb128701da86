"""Routes that use nothing but Starlette, on the direct path."""

from collections.abc import Iterator

import pytest

from tests.helpers.clients import TIMEOUT, close_of, connected, refusal
from tests.helpers.raw_client import RawClient, request_head
from tests.helpers.service_process import (
    ServiceProcess,
    original_config,
    running_command,
    write_config,
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    config = write_config(tmp_path_factory.mktemp("config"), original_config())
    command = ["uvicorn", "tests.services.plain:app", "--port=%d"]
    with running_command(command, config) as service:
        yield service


def test_messages_and_headers_of_the_handshake(plain: ServiceProcess) -> None:
    with connected(f"{plain.ws_url}/plain/echo") as chat:
        chat.send_text("hello")

        assert chat.receive_text(TIMEOUT) == "hello"
        assert chat.response is not None
        assert chat.response.headers["x-plain"] == "yes"


def test_close_of_the_application(plain: ServiceProcess) -> None:
    with connected(f"{plain.ws_url}/plain/echo") as chat:
        chat.send_text("close")

        closed = close_of(chat)
        assert (closed.code, closed.reason) == (4002, "as you wish")


def test_close_of_the_client_reaches_the_application(plain: ServiceProcess) -> None:
    with connected(f"{plain.ws_url}/plain/echo") as chat:
        chat.close(4003, "enough")

    plain.wait_for_line("disconnected with 4003 enough")


def test_application_that_raises_closes_with_1011_and_is_logged(plain: ServiceProcess) -> None:
    with connected(f"{plain.ws_url}/plain/echo") as chat:
        chat.send_text("raise")

        assert close_of(chat).code == 1011
    plain.wait_for_line("RuntimeError: the plain route has failed")


def test_close_before_accept_is_403(plain: ServiceProcess) -> None:
    assert refusal(f"{plain.ws_url}/plain/close").status_code == 403


def test_denial_response_is_sent_whole(plain: ServiceProcess) -> None:
    with RawClient(plain.port) as client:
        client.send(request_head("/plain/deny"))
        head = client.read_head()

        assert head.startswith(b"HTTP/1.1 401 ")
        assert b"\r\ncontent-type: application/json\r\n" in head
        assert client.read(16) == b'{"say":"please"}'
        assert client.at_end()


def test_application_that_does_not_answer_is_500(plain: ServiceProcess) -> None:
    assert refusal(f"{plain.ws_url}/plain/neither").status_code == 500


def test_handlers_of_the_kit_are_there_beside_them(plain: ServiceProcess) -> None:
    with connected(f"{plain.ws_url}/chat") as chat:
        chat.send_text("hello")

        assert chat.receive_text(TIMEOUT) == "hello"
