import logging
import signal
from typing import Any

import pytest
import uvicorn
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.server.adoption import adopt
from app.server.http_limits import HttpLimits
from app.server.protocol_factory import HttpProtocolFactory

LIMITS = HttpLimits(max_url_size=100)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


def loaded(**options: Any) -> uvicorn.Config:
    config = uvicorn.Config(application, log_config=None, **options)
    config.load()
    return config


def adopted_limits(config: uvicorn.Config) -> HttpLimits:
    """Return the limits with which Uvicorn makes our HTTP class."""
    factory: Any = config.http_protocol_class
    assert isinstance(factory, HttpProtocolFactory)
    return factory.limits


class Foreign:
    """A lifespan of a server that has a config, too, as Hypercorn's has."""

    config = object()

    async def receive(self) -> dict[str, Any]:
        return {}


async def test_uvicorn_with_its_own_choice_gets_our_http_class_with_our_limits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = loaded()
    adopt(LifespanOn(config).receive, LIMITS)

    assert adopted_limits(config) == LIMITS
    assert caplog.records == []


async def test_two_services_of_one_process_have_limits_of_their_own() -> None:
    first, second = loaded(), loaded()
    adopt(LifespanOn(first).receive, LIMITS)
    adopt(LifespanOn(second).receive, HttpLimits(max_url_size=200))

    assert adopted_limits(first).max_url_size == 100
    assert adopted_limits(second).max_url_size == 200


async def test_uvicorn_that_has_our_class_already_keeps_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours = HttpProtocolFactory(LIMITS)
    config = loaded(http=ours)
    adopt(LifespanOn(config).receive, HttpLimits())

    assert config.http_protocol_class is ours.as_class()
    assert caplog.records == []


async def test_uvicorn_at_trace_level_is_found_behind_its_wrapped_receive() -> None:
    """And no other Uvicorn of the same process, which may have bound the signals."""
    config, other = loaded(), loaded()
    lifespan = LifespanOn(config)

    async def wrapped() -> Any:
        return await lifespan_receive()

    lifespan_receive = lifespan.receive
    before = signal.signal(signal.SIGTERM, uvicorn.Server(other).handle_exit)
    try:
        adopt(wrapped, LIMITS)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert adopted_limits(config) == LIMITS
    assert other.http_protocol_class is HttpToolsProtocol


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ws": "wsproto"}, "--ws wsproto"),
        ({"ws": "none"}, "--ws none"),
        ({"http": "h11"}, "--http h11"),
    ],
)
async def test_explicit_choice_is_left_alone_and_the_log_says_why(
    options: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = loaded(**options)
    chosen = config.http_protocol_class
    adopt(LifespanOn(config).receive, LIMITS)

    assert config.http_protocol_class is chosen
    assert reason in caplog.text


async def test_other_server_is_left_alone_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    adopt(Foreign().receive, LIMITS)

    assert "portable path, because the server is not Uvicorn" in caplog.text


async def test_uvicorn_without_httptools_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    config = loaded()

    class H11(HttpToolsProtocol):
        """Stands for what Uvicorn takes where httptools is missing."""

    monkeypatch.setattr(config, "http_protocol_class", H11)
    adopt(LifespanOn(config).receive, LIMITS)

    assert config.http_protocol_class is H11
    assert "httptools is not installed" in caplog.text


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("ws_max_size", 1, "--ws-max-size holds for routes of your own only"),
        ("ws_max_queue", 1, "--ws-max-queue has no effect"),
        ("ws_ping_interval", 5.0, "--ws-ping-interval holds for routes of your own only"),
        ("ws_ping_interval", None, "--ws-ping-interval holds for routes of your own only"),
        ("ws_ping_timeout", 5.0, "--ws-ping-timeout holds for routes of your own only"),
    ],
)
async def test_option_that_means_less_here_gets_a_warning(
    option: str, value: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    adopt(LifespanOn(loaded(**{option: value})).receive, LIMITS)

    assert [record.getMessage() for record in caplog.records] == [
        f"{said}: limits are options of each handler in the static config"
    ]
