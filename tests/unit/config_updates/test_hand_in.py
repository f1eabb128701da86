"""What a service hands in, without a network and in virtual time."""

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import Field
from typing_extensions import override

from app.config_updates.config_client import Attempts, ConfigClient, Question
from app.config_updates.config_url import ServiceUrl
from app.config_updates.errors import UpdateError
from app.config_updates.hand_in import LONGEST_PAUSE, HandIn
from app.config_updates.protocol import (
    SCHEMAS_PATH,
    Misfit,
    SchemasAnswer,
    SchemasRequest,
    VariableSchema,
)
from app.dynamic_config.variable import Variable
from tests.helpers.virtual_time import VIRTUAL_TIME

NUMBER = Variable("NUMBER", Annotated[int, Field(ge=1)], 5, description="A number.", reader="tests")

URL = "http://configs/configs/schemas"

BAD = Misfit(name="NUMBER", path=[], text="expected at least 1 (got 0)")


@pytest.fixture
def anyio_backend() -> Any:
    return VIRTUAL_TIME


class Client(ConfigClient[SchemasAnswer]):
    """Notes what it is asked, and answers what it is told to."""

    def __init__(self, *misfits: Misfit) -> None:
        url = ServiceUrl.of("http://configs", SCHEMAS_PATH)
        super().__init__(url, SchemasAnswer, Attempts(1, 1.0, True), lambda: "")
        self.asked: list[Question] = []
        self.times: list[float] = []
        self.is_closed = False
        self.misfits = list(misfits)
        # Called with the number of the question, before it is answered.
        self.before: Callable[[int], None] = lambda _: None

    @override
    async def ask(self, question: Question, /, *, briefly: bool = False) -> SchemasAnswer:
        self.asked.append(question)
        self.times.append(asyncio.get_running_loop().time())
        self.before(len(self.asked))
        return SchemasAnswer(misfits=self.misfits)

    @override
    async def close(self) -> None:
        self.is_closed = True

    @property
    def pauses(self) -> list[float]:
        return [b - a for a, b in zip(self.times, self.times[1:], strict=False)]


def failing(until: int, texts: list[str]) -> Callable[[int], None]:
    """Return what lets so many questions fail, for one reason after the other."""

    def fail(number: int) -> None:
        if number <= until:
            raise UpdateError(f"{URL}: {texts[number % len(texts)]}")

    return fail


async def handed_in(client: Client, *variables: Variable[Any], seconds: float = 3600.0) -> None:
    """Let a service hand in what it knows, for so long."""
    hand_in = HandIn(client, "chat", variables or (NUMBER,), chance=lambda: 1.0)
    hand_in.start()
    await asyncio.sleep(seconds)
    await hand_in.stop()


def told(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    name = HandIn.__module__
    records = [each for each in caplog.records if each.name == name and each.levelno >= level]
    return [each.getMessage() for each in records]


async def test_all_variables_are_handed_in_once_in_the_name_of_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    client = Client()

    await handed_in(client)

    schema = {"type": "integer", "minimum": 1}
    number = VariableSchema(schema_=schema, default=5, description="A number.")
    assert client.asked == [SchemasRequest(service="chat", variables={"NUMBER": number})]
    assert told(caplog, logging.INFO) == [f"{URL}: the schemas of 1 variables are handed in"]
    assert client.is_closed


async def test_what_fails_is_tried_again_with_pauses_that_grow_to_a_minute() -> None:
    client = Client()
    client.before = failing(13, ["nobody answers"])

    await handed_in(client)

    assert len(client.asked) == 14
    assert client.pauses[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.01)
    assert client.pauses[-3:] == pytest.approx([LONGEST_PAUSE] * 3, abs=0.01)


async def test_why_it_fails_is_told_once_until_it_is_something_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client()
    client.before = failing(4, ["nobody answers"])
    await handed_in(client)
    client = Client()
    client.before = failing(2, ["answered 404", "answered 503"])
    await handed_in(client)

    text = "the schemas of this service (register-schemas) are not handed in yet"
    assert told(caplog) == [
        f"{text}: {URL}: nobody answers",
        f"{text}: {URL}: answered 503",
        f"{text}: {URL}: answered 404",
    ]


@pytest.mark.parametrize(
    ("misfit", "text"),
    [
        (BAD, "NUMBER, set for all services, is not good here: expected at least 1 (got 0)"),
        (
            BAD.model_copy(update={"service": "chat", "path": ["items", 0]}),
            "NUMBER.items.0, set for service 'chat', is not good here: expected at least 1 (got 0)",
        ),
        (
            BAD.model_copy(update={"stage": "testing", "text": "forged\nline"}),
            "NUMBER, set for all services on stage 'testing', is not good here: forged\\nline",
        ),
    ],
)
async def test_value_that_is_set_and_not_good_here_is_told(
    misfit: Misfit, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    await handed_in(Client(misfit))

    assert told(caplog) == [f"{URL}: {text}"]


async def test_stop_ends_the_attempts_and_closes_the_connection() -> None:
    client = Client()
    client.before = failing(100, ["nobody answers"])
    hand_in = HandIn(client, "chat", [NUMBER], chance=lambda: 1.0)
    hand_in.start()
    await asyncio.sleep(0.05)

    await hand_in.stop()
    await hand_in.stop()
    await asyncio.sleep(3600.0)

    assert len(client.asked) == 1
    assert client.is_closed


async def test_stop_without_a_start_is_harmless() -> None:
    await HandIn(Client(), "chat", [NUMBER]).stop()


async def test_variable_that_has_no_schema_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A service goes on without a hand-in, whatever its variables are."""
    odd = Variable("ODD", Callable[[], int], default=len, description="Odd.", reader="tests")
    client = Client()

    await handed_in(client, odd)

    assert client.asked == []
    assert told(caplog) == ["the schemas of this service are not handed in"]
    assert client.is_closed
