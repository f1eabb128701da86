"""Limits of a handler that change while its connections are open."""

import asyncio
import itertools
import logging
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from typing_extensions import override

from app.dynamic_config.source import Source
from app.handlers.config import WebSocketHandlerConfig
from app.handlers.context import RequestContext
from app.handlers.live_limits import CHANNELS_PER_TURN, LiveLimits
from app.handlers.websocket import WebSocketHandlerBase
from app.static_config.errors import ConfigFileError, OptionError
from app.websocket.channel import Acceptance
from app.websocket.connection import WebSocketConnection
from app.websocket.limits import Limits
from tests.helpers.changing_limits import change_limits, limits_source
from tests.helpers.recording_channel import RecordingChannel
from tests.helpers.server_component import server_component

TIMEOUT = 10.0


class Channel(RecordingChannel):
    """Counts how often it was told of limits."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[int] = []

    @override
    def set_limits(self, limits: Limits) -> None:
        super().set_limits(limits)
        self.changes.append(limits.max_remote_payload)


def make(source: Source, **static: Any) -> LiveLimits:
    return LiveLimits("chat", Limits(**static), source)


def opened(live: LiveLimits, count: int = 1) -> list[Channel]:
    channels = [Channel() for _ in range(count)]
    for channel in channels:
        live.opened(channel, live.current)
    return channels


async def turns(count: int = 2) -> None:
    """Let the event loop do what it has been asked to do."""
    for _ in range(count):
        await asyncio.sleep(0)


# What holds


def test_limits_are_those_of_the_static_config_unless_somebody_says_otherwise() -> None:
    live = make(limits_source(other={"max-remote-payload": 1}), max_remote_payload=7)

    assert live.current == Limits(max_remote_payload=7)


def test_fallback_values_hold_from_the_beginning() -> None:
    live = make(limits_source(chat={"max-remote-payload": 5}), max_fragments=3)

    assert live.current == Limits(max_remote_payload=5, max_fragments=3)


def test_limits_follow_the_source_and_go_back() -> None:
    source = limits_source()
    live = make(source, max_remote_payload=7, fragment_size=3)

    change_limits(source, chat={"max-remote-payload": 5, "ping-interval": "1s"})
    assert live.current == Limits.model_validate(
        {"max-remote-payload": 5, "fragment-size": 3, "ping-interval": "1s"}
    )

    change_limits(source, chat={"fragment-size": 2})
    assert live.current == Limits(max_remote_payload=7, fragment_size=2)

    change_limits(source)
    assert live.current == Limits(max_remote_payload=7, fragment_size=3)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"send-buffer-low": 101}, "must not be more than send-buffer-high, 100 (got 101)"),
        (
            {"send-buffer-high": 9},
            "must not be more than send-buffer-high, 9 (got 10), as the static config says",
        ),
        (
            {"send-buffer-high": 7, "send-buffer-low": 8},
            "must not be more than send-buffer-high, 7 (got 8)",
        ),
    ],
)
def test_limits_that_do_not_go_together_refuse_the_whole_update(
    options: dict[str, int], text: str
) -> None:
    source = limits_source()
    live = make(source, send_buffer_high=100, send_buffer_low=10)
    change_limits(source, chat={"max-remote-payload": 5})
    before = live.current

    with pytest.raises(ConfigFileError) as caught:
        change_limits(source, chat={"max-remote-payload": 6, **options})

    (problem,) = caught.value.problems
    assert problem.path == ("WEBSOCKET_LIMITS", "chat", "send-buffer-low")
    assert problem.text == text
    assert live.current is before


def test_fallback_values_that_do_not_go_together_are_refused_at_the_start() -> None:
    with pytest.raises(OptionError, match=r"WEBSOCKET_LIMITS\.chat\.send-buffer-low: must not be"):
        make(limits_source(chat={"send-buffer-low": 1 << 20}))


def test_limits_of_another_handler_are_checked_with_its_own() -> None:
    source = limits_source()
    make(source, send_buffer_high=100, send_buffer_low=10)

    change_limits(source, other={"send-buffer-high": 9})


# Connections that are open


async def test_open_connections_are_told_and_those_that_have_closed_are_not() -> None:
    source = limits_source()
    live = make(source)
    stays, goes = opened(live, 2)
    live.closed(goes)
    live.closed(goes)

    change_limits(source, chat={"max-remote-payload": 5})
    await turns()

    assert (stays.changes, goes.changes) == ([5], [])


async def test_nobody_is_told_of_what_does_not_change() -> None:
    source = limits_source()
    live = make(source, max_remote_payload=5)
    (channel,) = opened(live)

    change_limits(source, other={"max-remote-payload": 5})
    change_limits(source, chat={"max-remote-payload": 5})
    await turns()

    assert channel.changes == []


async def test_connection_whose_handshake_was_answered_meanwhile_is_told() -> None:
    source = limits_source()
    live = make(source)
    accepted_with = live.current
    change_limits(source, chat={"max-remote-payload": 5})
    channel = Channel()

    live.opened(channel, accepted_with)

    assert channel.changes == [5]


async def test_so_many_are_told_in_each_turn_that_others_have_theirs() -> None:
    source = limits_source()
    live = make(source)
    channels = opened(live, 10 * CHANNELS_PER_TURN + 1)

    change_limits(source, chat={"max-remote-payload": 5})
    told = [sum(map(len, (each.changes for each in channels)))]
    while told[-1] < len(channels):
        await turns(1)
        told.append(sum(map(len, (each.changes for each in channels))))

    # A turn of this task may come before or after one of theirs.
    steps = [after - before for before, after in itertools.pairwise(told)]
    assert told[0] == 0, "not in the call that brings the values"
    assert max(steps) <= CHANNELS_PER_TURN
    assert len(told) >= 11
    assert [each.changes for each in channels] == [[5]] * len(channels)


async def test_newest_limits_win_while_others_are_being_told() -> None:
    source = limits_source()
    live = make(source)
    channels = opened(live, 3 * CHANNELS_PER_TURN)
    change_limits(source, chat={"max-remote-payload": 5})
    await turns(1)
    late = opened(live)[0]

    change_limits(source, chat={"max-remote-payload": 6})
    await turns(1)
    assert sum(each.changes[-1:] == [6] for each in channels) <= CHANNELS_PER_TURN
    await turns(10)

    told = [each.changes for each in channels]
    assert {tuple(each) for each in told} == {(5, 6), (6,)}
    assert told.count([5, 6]) == CHANNELS_PER_TURN
    assert late.changes == [6]


async def test_limits_that_are_taken_back_are_taken_back_everywhere() -> None:
    source = limits_source()
    live = make(source, max_remote_payload=7)
    channels = opened(live, 2 * CHANNELS_PER_TURN)
    change_limits(source, chat={"max-remote-payload": 5})
    await turns(1)

    change_limits(source)
    await turns(10)

    assert {each.changes[-1] for each in channels} == {7}


async def test_connection_that_closes_before_its_turn_is_not_told() -> None:
    source = limits_source()
    live = make(source)
    channels = opened(live, 3)
    change_limits(source, chat={"max-remote-payload": 5})

    for channel in channels:
        live.closed(channel)
    await turns()

    assert [channel.changes for channel in channels] == [[]] * 3


async def test_connection_that_cannot_be_told_is_logged_and_keeps_nobody_else_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Channel):
        @override
        def set_limits(self, limits: Limits) -> None:
            raise RuntimeError("not well")

    source = limits_source()
    live = make(source)
    channels: list[Channel] = opened(live, 20)
    for _ in range(3):
        live.opened(Broken(), live.current)

    change_limits(source, chat={"max-remote-payload": 5})
    await turns(10)
    change_limits(source, chat={"max-remote-payload": 6})
    await turns(10)

    assert [channel.changes for channel in channels] == [[5, 6]] * 20
    told = [each.getMessage() for each in caplog.records if each.exc_info]
    assert told == ["chat: a connection could not take new limits"] * 6


# What is logged


async def test_change_is_logged_with_what_is_other_now(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    source = limits_source(chat={"fragment-size": 1})
    live = make(source)
    assert caplog.records == [], "to begin with some limits is no change"
    opened(live, 3)

    change_limits(source, chat={"max-remote-payload": 5, "ping-interval": 90, "fragment-size": 1})
    change_limits(source, chat={"fragment-size": 1})

    assert [(record.message, getattr(record, "tags", None)) for record in caplog.records] == [
        (
            "limits of chat changed",
            {"changed": "max-remote-payload: 5, ping-interval: 90s", "connections": 3},
        ),
        (
            "limits of chat changed",
            {"changed": "max-remote-payload: 65536, ping-interval: 20s", "connections": 3},
        ),
    ]


def test_message_that_memory_could_not_hold_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.handlers.live_limits.memory_limit", lambda: 2 << 20)
    source = limits_source()
    make(source)

    change_limits(source, chat={"max-remote-payload": 2 << 20})
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []

    change_limits(source, chat={"max-remote-payload": (2 << 20) + 1})
    (warning,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert warning.message == (
        "chat: one message could take more than the memory that there is (2 MiB)"
    )


# With a handler


class WaitingHandler(WebSocketHandlerBase):
    name = "chat"

    @override
    async def handle(self, chat: WebSocketConnection, context: RequestContext) -> None:
        await chat.send("hello")
        await chat.recv()


def request() -> HTTPConnection:
    return HTTPConnection({"type": "websocket", "path": "/a", "query_string": b"", "headers": []})


def handler_of(source: Source, section: str = "chat", options: Any = ()) -> WaitingHandler:
    config = WebSocketHandlerConfig.model_validate({"path": "/a", "method": "GET", **dict(options)})
    return WaitingHandler(config, server_component(source), section)


async def test_connection_has_the_limits_of_the_moment_and_those_to_come() -> None:
    source = limits_source(chat={"max-remote-payload": 5})
    handler = handler_of(source, options={"fragment-size": 3})
    channel = Channel()
    serving = asyncio.create_task(handler.serve(channel, request()))
    await asyncio.wait_for(channel.wait_sent(1), TIMEOUT)
    assert channel.limits == Limits(max_remote_payload=5, fragment_size=3)

    change_limits(source, chat={"fragment-size": 2})
    await turns()
    assert channel.limits == Limits(fragment_size=2)

    channel.give("bye")
    await asyncio.wait_for(serving, TIMEOUT)
    change_limits(source)
    await turns()
    assert channel.changes == [65536], "it has ended"


async def test_connection_that_ends_with_an_error_is_told_no_more() -> None:
    source = limits_source()
    handler = handler_of(source)
    channel = Channel()
    serving = asyncio.create_task(handler.serve(channel, request()))
    await asyncio.wait_for(channel.wait_sent(1), TIMEOUT)

    serving.cancel()
    await asyncio.wait([serving], timeout=TIMEOUT)
    change_limits(source, chat={"max-remote-payload": 5})
    await turns()
    assert channel.changes == []


async def test_limits_that_change_while_a_handshake_is_answered_hold_for_it() -> None:
    source = limits_source()
    handler = handler_of(source)

    class Slow(Channel):
        @override
        async def accept(self, acceptance: Acceptance) -> None:
            await super().accept(acceptance)
            change_limits(source, chat={"max-remote-payload": 5})

    channel = Slow()
    channel.give("bye")
    await asyncio.wait_for(handler.serve(channel, request()), TIMEOUT)

    assert channel.changes == [5]


async def test_handlers_of_two_sections_have_limits_of_their_own() -> None:
    source = limits_source(one={"max-remote-payload": 1}, two={"max-remote-payload": 2})

    handlers = [handler_of(source, section) for section in ("one", "two", "three")]

    assert [each.live_limits.current.max_remote_payload for each in handlers] == [1, 2, 65536]


async def test_place_of_a_connection_goes_by_the_limits_of_the_moment() -> None:
    source = limits_source()
    handler = handler_of(source, options={"max-connections": 1})
    first, second = Channel(), Channel()
    serving = asyncio.create_task(handler.serve(first, request()))
    await asyncio.wait_for(first.wait_sent(1), TIMEOUT)
    change_limits(source, chat={"max-connections": 2})
    second.give("bye")

    await asyncio.wait_for(handler.serve(second, request()), TIMEOUT)

    assert second.refused == []
    assert second.sent == ["hello"]
    first.give("bye")
    await asyncio.wait_for(serving, TIMEOUT)
