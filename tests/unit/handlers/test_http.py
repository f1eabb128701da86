import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from typing_extensions import override

from app.handlers.config import HandlerConfig
from app.handlers.http import HttpHandlerBase
from app.server.component import ServerComponent
from app.static_config.errors import OptionError
from tests.helpers.server_component import server_component


class GreetingHandler(HttpHandlerBase):
    name = "greeting"

    @override
    async def respond(self, request: Request) -> Response:
        return PlainTextResponse(f"{self.handler_name} {self.options.path}")


@pytest.fixture
def server() -> ServerComponent:
    return server_component()


async def test_handler_answers_under_its_section(server: ServerComponent) -> None:
    GreetingHandler(HandlerConfig(path="/a", method="GET"), server, "greeting")
    GreetingHandler(HandlerConfig(path="/b", method="GET"), server, "other-greeting")

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(server.router()), base_url="http://test"
    ) as client:
        answers = [(await client.get(path)).text for path in ("/a", "/b")]

    assert answers == ["greeting /a", "other-greeting /b"]


def test_handler_that_the_server_refuses_is_not_made(server: ServerComponent) -> None:
    config = HandlerConfig(path="/a", method="GET", task_processor="nobody")

    with pytest.raises(OptionError, match="task_processor: a handler runs where its listener"):
        GreetingHandler(config, server, "greeting")

    assert server.handlers == []
