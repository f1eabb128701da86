import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.config_service.changes import Change, Draft, Level, Selection, Target
from app.config_service.editing import Author, set_value
from app.config_service.register import ATTEMPTS, Register
from app.config_service.sqlite_store import SqliteStore
from app.config_service.store import StoreBehindError, StoreError
from app.config_updates.protocol import VariableSchema
from app.task_processors.pool import ThreadPool
from tests.unit.config_service.histories import MemoryStore, draft

A = Target("A", Level())


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool("register", 4)
    yield pool
    pool.stop()


def increment(register: Register) -> Sequence[Draft]:
    """Return the change that makes A greater by one than it is."""
    value = int(register.state.value(A) or 0)
    author = Author("alice", "a reason", range(10_000), allow_unknown=True)
    return set_value(register.state, register.known, A, value + 1, author)


async def test_what_others_write_is_seen_at_the_next_refresh(
    tmp_path: Path, pool: ThreadPool
) -> None:
    one, other = (Register(SqliteStore(tmp_path / "c.sqlite3"), pool) for _ in range(2))

    await one.edit(lambda: [draft("A", 1)])
    await other.refresh()
    await other.edit(lambda: [draft("A", 2)])
    await other.hand_in("chat", {})
    await one.refresh()

    assert one.state.value(A) == other.state.value(A) == "2"
    assert one.version == other.version
    assert list(one.known.services) == ["chat"]


async def test_what_many_hand_in_at_the_same_time_is_kept_once(
    tmp_path: Path, pool: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    """As the worker processes of a service do."""
    caplog.set_level("INFO")
    register = Register(SqliteStore(tmp_path / "c.sqlite3"), pool)
    variables = {"A": VariableSchema(schema_={"type": "integer"}, default=1)}

    await asyncio.gather(*(register.hand_in("chat", dict(variables)) for _ in range(8)))

    assert caplog.messages == ["service 'chat' has handed in 1 variables"]


async def test_no_update_of_many_writers_in_several_processes_is_lost(
    tmp_path: Path, pool: ThreadPool
) -> None:
    """Two registers stand for two processes: they share nothing but the file."""
    registers = [Register(SqliteStore(tmp_path / "c.sqlite3"), pool) for _ in range(2)]

    async def write(register: Register) -> None:
        for _ in range(10):
            await register.edit(lambda: increment(register))

    async with asyncio.timeout(30):
        await asyncio.gather(*(write(each) for each in registers * 3))
    for each in registers:
        await each.refresh()

    assert [each.state.value(A) for each in registers] == ["60", "60"]
    assert [each.state.revision for each in registers] == [60, 60]


async def test_who_is_always_too_late_gives_up(pool: ThreadPool) -> None:
    class Busy(MemoryStore):
        attempts = 0

        def append(self, drafts: Sequence[Draft], after: int) -> list[Change]:
            self.attempts += 1
            raise StoreBehindError("behind")

    store = Busy()

    with pytest.raises(StoreError, match="others change too much"):
        await Register(store, pool).edit(lambda: [draft("A", 1)])

    assert store.attempts == ATTEMPTS


async def test_long_history_is_read_in_parts(
    pool: ThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.config_service.register.BATCH", 3)
    store = MemoryStore()
    store.append([draft("A", number) for number in range(9)], 0)
    register = Register(store, pool)

    await register.refresh()

    assert register.state.revision == 9
    assert register.state.value(A) == "8"


async def test_who_waits_for_others_to_read_reads_no_more(pool: ThreadPool) -> None:
    class Counting(MemoryStore):
        reads = 0

        def read(self, selection: Selection) -> list[Change]:
            self.reads += 1
            return super().read(selection)

    store = Counting()
    store.append([draft("A", 1)], 0)
    register = Register(store, pool)

    await asyncio.gather(*(register.refresh() for _ in range(20)))

    assert store.reads == 1
    assert register.state.revision == 1


async def test_trouble_with_the_store_is_logged_once_and_again_when_it_comes_back(
    pool: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(MemoryStore):
        broken = True

        def version(self) -> object:
            if self.broken:
                raise StoreError("the disk is gone")
            return super().version()

    store = Broken()
    register = Register(store, pool)

    for _ in range(3):
        await register.refresh_if_possible()
    assert caplog.messages == ["values are served as they were: the disk is gone"]

    store.broken = False
    await register.refresh_if_possible()
    store.broken = True
    await register.refresh_if_possible()
    assert len(caplog.messages) == 2


async def test_each_change_has_a_line_in_the_log(
    pool: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    register = Register(MemoryStore(), pool)

    await register.edit(lambda: [draft("A", "secret", "chat")])
    await register.edit(lambda: [Draft(A, None, None, "bob", "gone")])

    assert caplog.messages == [
        "revision 1: alice set A for service 'chat': a reason",
        "revision 2: bob removed A for all services: gone",
    ]
