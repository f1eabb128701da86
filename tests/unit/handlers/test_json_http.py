import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.handlers.json_error import JsonError
from app.handlers.json_http import MAX_PROBLEMS, JsonHandlerBase, JsonHandlerConfig, fitting
from tests.helpers.server_component import server_component


class Number(BaseModel):
    number: int


class Numbers(BaseModel):
    numbers: list[int]


class DoublingHandler(JsonHandlerBase):
    name = "doubling"

    @override
    async def answer(self, request: Request) -> Response:
        body = await self.body(request, Number)
        1 / body.number
        if body.number < 0:
            text = "no number below 0"
            raise JsonError(422, "refused", text, {"X-Least": "0"}, least=0)
        return JSONResponse({"number": 2 * body.number}, headers={"Cache-Control": "max-age=1"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    server = server_component()
    options = {"path": "/double", "method": "POST", "max_request_size": 20, "body_timeout": "10ms"}
    config = JsonHandlerConfig.model_validate(options)
    DoublingHandler(config, server, "doubling")
    transport = httpx.ASGITransport(server.router())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_handler_answers_in_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/double", json={"number": 21})

    assert (answer.status_code, answer.json()) == (200, {"number": 42})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "max-age=1"


async def test_error_that_a_handler_raises_is_the_answer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/double", json={"number": -1})

    assert answer.status_code == 422
    assert answer.json() == {"code": "refused", "message": "no number below 0", "least": 0}
    assert answer.headers["X-Least"] == "0"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_error_that_nobody_has_foreseen_is_an_answer_too(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.post("/double", json={"number": 0})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "division" not in answer.text
    assert caplog.messages == ["handler 'doubling' raised"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        ({"number": "x"}, ["number"], "Input should be a valid integer"),
        ({}, ["number"], "required, but not there"),
        ([], [], "expected a mapping"),
    ],
)
async def test_body_that_does_not_fit_is_told_by_what_is_wrong(
    client: httpx.AsyncClient, body: Any, path: list[str], text: str
) -> None:
    answer = await client.post("/double", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    (error,) = answer.json()["errors"]
    assert error["path"] == path
    assert error["text"].startswith(text)
    assert (path[0] if path else "the body") in answer.json()["message"]


async def test_of_many_things_that_are_wrong_not_all_are_told() -> None:
    with pytest.raises(JsonError) as refused:
        fitting({"numbers": ["x"] * 50_000}, Numbers)

    assert len(refused.value.details["errors"]) == MAX_PROBLEMS
    assert len(refused.value.response().body) < 30_000


async def test_body_that_stays_away_is_408(client: httpx.AsyncClient) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.get_running_loop().create_future()

    headers = {"Content-Type": "application/json"}

    answer = await client.post("/double", content=stalling(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (408, "timeout")


async def test_body_may_be_as_large_as_the_option_says(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'{"number":  1000000}'

    taken = await client.post("/double", content=body, headers=headers)
    refused = await client.post("/double", content=body + b" ", headers=headers)

    assert (len(body), taken.status_code) == (20, 200)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert "20 bytes" in refused.json()["message"]
