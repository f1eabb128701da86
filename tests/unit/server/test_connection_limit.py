import asyncio
import logging
import pickle

import pytest

from app.server import connection_limit
from app.server.connection_limit import MAX_LINGERING, ConnectionLimit

TIMEOUT = 10.0


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_there_is_room_for_just_the_limit() -> None:
    limit = ConnectionLimit(2)

    assert limit.has_room(2)
    assert not limit.has_room(3)


async def test_those_who_were_refused_keep_nobody_out() -> None:
    limit = ConnectionLimit(2)
    limit.refuse()

    assert limit.has_room(3)
    assert not limit.has_room(4)


async def test_those_who_were_refused_and_have_gone_are_forgotten() -> None:
    limit = ConnectionLimit(2)
    limit.refuse()
    limit.refused_has_gone()

    assert not limit.has_room(3)


async def test_only_so_many_may_linger() -> None:
    limit = ConnectionLimit(1)

    assert all(limit.refuse() for _ in range(MAX_LINGERING))
    assert not limit.refuse()
    limit.refused_has_gone()
    limit.refused_has_gone()
    assert limit.refuse()


async def test_flood_has_one_line_at_once(caplog: pytest.LogCaptureFixture) -> None:
    limit = ConnectionLimit(7)
    for _ in range(1000):
        limit.refuse()

    assert said(caplog) == ["a connection was refused with 503: max_connections is 7"]
    assert caplog.records[0].levelno == logging.WARNING


async def test_flood_that_goes_on_has_one_line_per_interval_with_a_count(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limit, "LOG_INTERVAL", 0.01)
    limit = ConnectionLimit(7)
    for _ in range(3):
        limit.refuse()
    async with asyncio.timeout(TIMEOUT):
        while len(caplog.records) < 2:  # noqa: ASYNC110 (the log has no event)
            await asyncio.sleep(0.001)

    assert said(caplog)[1:] == [
        "2 connections more were refused with 503 in 0 s: max_connections is 7"
    ]


async def test_next_flood_has_a_line_of_its_own_at_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limit, "LOG_INTERVAL", 0.01)
    limit = ConnectionLimit(7)
    limit.refuse()
    async with asyncio.timeout(TIMEOUT):
        while limit._timer is not None:  # noqa: ASYNC110 (a timer has no event)
            await asyncio.sleep(0.001)
    limit.refuse()

    assert said(caplog) == ["a connection was refused with 503: max_connections is 7"] * 2


def test_goes_to_workers_by_pickle() -> None:
    copy = pickle.loads(pickle.dumps(ConnectionLimit(2)))

    assert copy.has_room(2)
    assert not copy.has_room(3)
