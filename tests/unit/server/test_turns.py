import asyncio
from typing import Any

import pytest

from app.server.turns import BYTES_AT_ONCE, SHARES_PER_TURN, SMALL, Turns


class Reader:
    """Has so many shares to be read, and notes each with the turn of the loop it came in."""

    def __init__(self, name: str, shares: int, turns: Turns, noted: list[tuple[int, str]]) -> None:
        self.loop = asyncio.get_running_loop()  # as a connection does
        self._name = name
        self._shares = shares
        self._turns = turns
        self._noted = noted
        self._turns.wait(self._read)

    def _read(self) -> None:
        self._noted.append((clock.turn, self._name))
        self._shares -= 1
        if self._shares:
            self._turns.wait(self._read)


class Clock:
    """Counts the turns of the running event loop."""

    def __init__(self) -> None:
        self.turn = 0

    async def run(self, turns: int) -> None:
        """Let the loop have so many turns."""
        for _ in range(turns):
            self.turn += 1
            await asyncio.sleep(0)


clock = Clock()


@pytest.fixture(autouse=True)
def _clock_at_zero() -> None:
    clock.turn = 0


def readers(*shares: int) -> list[tuple[int, str]]:
    """Let readers with so many shares wait, and return where each share will be noted."""
    noted: list[tuple[int, str]] = []
    turns = Turns()
    for name, count in zip("abcdefghijklmnopqrstuvwxyz", shares, strict=False):
        Reader(name, count, turns, noted)
    return noted


def names(noted: list[tuple[int, str]]) -> str:
    return "".join(name for _, name in noted)


async def test_nobody_is_called_before_the_loop_has_a_turn() -> None:
    noted = readers(1)
    assert noted == []

    await clock.run(2)
    assert names(noted) == "a"


async def test_shares_are_given_in_the_order_in_which_they_are_asked_for() -> None:
    noted = readers(*[1] * 10)
    await clock.run(5)

    assert names(noted) == "abcdefghij"


async def test_one_turn_of_the_loop_has_a_few_shares_only() -> None:
    noted = readers(*[1] * (3 * SHARES_PER_TURN))
    await clock.run(6)

    per_turn = [sum(turn == noted_in for noted_in, _ in noted) for turn in range(1, 4)]
    assert per_turn == [SHARES_PER_TURN] * 3


async def test_who_waits_again_goes_to_the_end() -> None:
    noted = readers(4, 1, 2, 1, 1, 1)
    await clock.run(10)

    assert names(noted) == "abcdefacaa"


async def test_one_who_waits_alone_has_one_share_per_turn() -> None:
    noted = readers(3)
    await clock.run(6)

    assert noted == [(1, "a"), (2, "a"), (3, "a")]


async def test_who_waits_while_shares_are_given_has_one_in_the_next_turn() -> None:
    turns = Turns()
    noted: list[tuple[int, str]] = []

    def ask() -> None:
        noted.append((clock.turn, "first"))
        turns.wait(lambda: noted.append((clock.turn, "second")))

    turns.wait(ask)
    await clock.run(4)

    assert noted == [(1, "first"), (2, "second")]


async def test_share_that_raises_stops_no_other() -> None:
    loop = asyncio.get_running_loop()
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    turns = Turns()
    noted: list[str] = []

    def fail() -> None:
        raise RuntimeError("not well")

    turns.wait(fail)
    for name in "abcdefgh":
        turns.wait(lambda name=name: noted.append(name))  # type: ignore[misc]
    turns.wait(fail)
    await clock.run(6)

    assert noted == list("abcdefgh")
    assert [str(error["exception"]) for error in errors] == ["not well"] * 2

    turns.wait(lambda: noted.append("later"))
    await clock.run(2)
    assert noted[-1] == "later"


async def test_loop_that_has_nobody_waiting_is_left_alone() -> None:
    noted = readers(1)
    await clock.run(4)
    loop: Any = asyncio.get_running_loop()

    assert names(noted) == "a"
    assert not loop._ready


async def test_little_may_always_be_read_at_once() -> None:
    turns = Turns()
    turns.wait(lambda: None)

    assert all(turns.may_read(SMALL) for _ in range(1000))


async def test_much_may_be_read_at_once_up_to_a_bound_in_each_turn() -> None:
    turns = Turns()
    piece = BYTES_AT_ONCE // 4
    for _ in range(3):
        assert [turns.may_read(piece) for _ in range(6)] == [True] * 4 + [False] * 2
        await clock.run(1)


async def test_much_has_to_wait_where_others_wait() -> None:
    turns = Turns()
    Reader("a", 2, turns, [])
    assert not turns.may_read(SMALL + 1)
    await clock.run(1)
    assert not turns.may_read(SMALL + 1)
    await clock.run(2)
    assert turns.may_read(SMALL + 1)
