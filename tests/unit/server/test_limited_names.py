"""Names in WEBSOCKET_LIMITS that no handler has."""

import logging
from typing import Any

import pytest

from app.dynamic_config.source import Source
from app.server.limited_names import LimitedNames
from tests.helpers.changing_limits import change_limits, limits_source
from tests.unit.server.test_component import chat, page

HANDLERS = [chat("websocket-handler", "/chat"), page("page", "/")]


def names(source: Source) -> LimitedNames:
    return LimitedNames(source, HANDLERS)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what has been logged since this was last called."""
    texts = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    caplog.clear()
    return texts


def of(*handlers: str) -> dict[str, Any]:
    return {name: {"max-connections": 9} for name in handlers}


def test_name_that_no_handler_has_is_told_with_what_was_probably_meant() -> None:
    source = limits_source(**of("websocket-handler", "websocket-handlr", "unheard-of"))

    assert list(names(source).unknown_at_first()) == [
        "WEBSOCKET_LIMITS: there is no WebSocket handler 'unheard-of'",
        "WEBSOCKET_LIMITS: there is no WebSocket handler 'websocket-handlr'; did you mean"
        " 'websocket-handler'?",
    ]


def test_handler_of_plain_requests_has_no_such_limits() -> None:
    assert list(names(limits_source(page={})).unknown_at_first()) == [
        "WEBSOCKET_LIMITS: there is no WebSocket handler 'page'"
    ]


def test_first_names_are_not_told_again_when_the_service_starts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names(limits_source(**of("unheard-of"))).follow()

    assert warnings(caplog) == []


def test_name_that_came_before_the_start_and_after_the_first_is_told_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = limits_source()
    limited = names(source)
    change_limits(source, **of("unheard-of"))
    assert warnings(caplog) == []

    limited.follow()
    assert warnings(caplog) == ["WEBSOCKET_LIMITS: there is no WebSocket handler 'unheard-of'"]
    assert list(limited.unknown_at_first()) == []


def test_name_is_told_once_until_it_has_gone(caplog: pytest.LogCaptureFixture) -> None:
    source = limits_source()
    names(source).follow()
    change_limits(source, **of("unheard-of"))
    assert len(warnings(caplog)) == 1

    change_limits(source, **of("unheard-of", "websocket-handler"))
    assert warnings(caplog) == []

    change_limits(source)
    change_limits(source, **of("unheard-of"))
    assert len(warnings(caplog)) == 1


def test_update_with_such_a_name_is_good() -> None:
    source = limits_source()
    names(source).follow()

    change_limits(source, **of("unheard-of"))

    assert source.status().error is None
