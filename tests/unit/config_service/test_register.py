import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from app.config_service.changes import Change, Draft, Level, Selection, Target
from app.config_service.editing import Author, set_value
from app.config_service.register import ATTEMPTS, Register
from app.config_service.sqlite_store import SqliteStore
from app.config_service.store import StoreBehindError, StoredSchemas, StoreError
from app.config_updates.protocol import ValuesRequest, VariableSchema
from app.task_processors.pool import ThreadPool
from tests.unit.config_service.histories import MemoryStore, draft

A = Target("A", Level())
TIMEOUT = 20.0


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool("register", 4)
    yield pool
    pool.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sqlite3"


@pytest.fixture
def opened(path: Path, pool: ThreadPool) -> Iterator[Callable[[], Register]]:
    """Make one more register, as another process would, on one file."""
    with ExitStack() as stack:

        def open_register() -> Register:
            return Register(stack.enter_context(closing(SqliteStore(path))), pool)

        yield open_register


def increment(register: Register) -> Sequence[Draft]:
    """Return the change that makes A greater by one than it is."""
    value = int(register.state.value(A) or 0)
    author = Author("alice", "a reason", range(10_000), allow_unknown=True)
    return set_value(register.state, register.known, A, value + 1, author)


async def test_what_others_write_is_seen_at_the_next_refresh(
    opened: Callable[[], Register],
) -> None:
    one, other = opened(), opened()

    await one.edit(lambda: [draft("A", 1)])
    await other.refresh()
    await other.edit(lambda: [draft("A", 2)])
    await other.hand_in("chat", {})
    await one.refresh()

    assert one.state.value(A) == other.state.value(A) == "2"
    assert one.version == other.version
    assert list(one.known.services) == ["chat"]


async def test_what_many_hand_in_at_the_same_time_is_kept_once(
    opened: Callable[[], Register], caplog: pytest.LogCaptureFixture
) -> None:
    """As the worker processes of a service do."""
    caplog.set_level("INFO")
    register = opened()
    variables = {"A": VariableSchema(schema_={"type": "integer"}, default=1)}

    await asyncio.gather(*(register.hand_in("chat", dict(variables)) for _ in range(8)))

    assert caplog.messages == ["service 'chat' has handed in 1 variables"]


async def test_no_update_of_many_writers_in_several_processes_is_lost(
    opened: Callable[[], Register],
) -> None:
    """Two registers stand for two processes: they share nothing but the file."""
    registers = [opened(), opened()]

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


async def test_backup_that_is_put_into_the_open_file_is_read_anew(
    path: Path, opened: Callable[[], Register], caplog: pytest.LogCaptureFixture
) -> None:
    backup = path.with_name("backup.sqlite3")
    one, other = opened(), opened()
    await one.edit(lambda: [draft("A", 1)])
    await one.hand_in("chat", {})
    copy(path, backup)
    await one.edit(lambda: [draft("A", 2)])
    await one.hand_in("mail", {})
    await other.refresh()
    before = other.version
    # What `.restore` of sqlite3 does.
    copy(backup, path)

    await other.refresh()

    assert (other.state.revision, other.state.value(A)) == (1, "1")
    assert list(other.known.services) == ["chat"]
    asked = ValuesRequest(updated_since=before)
    assert b'"A":1' in other.answers.make(b"{}", asked)
    assert caplog.messages == [
        "the store holds another history (a backup that was put back?): all is read anew"
    ]
    # One that has not looked yet changes what is there now.
    assert [each.revision for each in await one.edit(lambda: [draft("A", 3)])] == [2]
    await other.refresh()
    assert (other.state.value(A), other.state.revision) == ("3", 2)
    assert other.version == one.version != before


def copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


async def test_other_history_of_the_same_length_is_read_anew(pool: ThreadPool) -> None:
    store = MemoryStore()
    register = Register(store, pool)
    await register.edit(lambda: [draft("A", 1), draft("B", 1)])
    asked = ValuesRequest()
    register.answers.make(b"{}", asked)

    store.changes = []
    store.append([draft("A", 2), draft("A", 3)], 0)
    await register.refresh()

    assert (register.state.value(A), register.state.revision) == ("3", 2)
    assert register.answers.find(b"{}") is None


async def test_change_of_ones_own_while_others_are_read_is_no_other_history(
    pool: ThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.may_return = threading.Event()
            self.has_read = threading.Event()

        def read(self, selection: Selection) -> list[Change]:
            changes = super().read(selection)
            self.has_read.set()
            self.may_return.wait(TIMEOUT)
            return changes

    store = Slow()
    store.may_return.set()
    register = Register(store, pool)
    await register.edit(lambda: [draft("A", 1)])
    state = register.state
    store.may_return.clear()
    store.has_read.clear()
    reading = asyncio.create_task(register.refresh())
    await asyncio.wait_for(asyncio.to_thread(store.has_read.wait, TIMEOUT), TIMEOUT)
    await register._append([draft("A", 2)])
    store.may_return.set()
    await reading

    assert register.state is state
    assert (state.value(A), state.revision) == ("2", 2)
    assert not caplog.messages


async def test_who_asks_for_values_does_not_wait_for_a_disk_that_hangs(
    pool: ThreadPool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Hanging(MemoryStore):
        reads = 0
        may_return = threading.Event()

        def read(self, selection: Selection) -> list[Change]:
            self.reads += 1
            self.may_return.wait(TIMEOUT)
            return super().read(selection)

    monkeypatch.setattr("app.config_service.register.READING", 0.05)
    store = Hanging()
    register = Register(store, pool)

    async with asyncio.timeout(TIMEOUT / 2):
        assert [await register.refresh_if_possible() for _ in range(50)] == [False] * 50
    assert store.reads == 1  # one thread hangs, no more
    assert caplog.messages == [
        "values are served as they were: the store is not read within 0.05 s"
    ]

    store.may_return.set()
    await register.refresh()
    assert await register.refresh_if_possible()


async def test_what_was_handed_in_is_read_once(pool: ThreadPool) -> None:
    class Counting(MemoryStore):
        texts = 0

        def schemas(self, known: Mapping[str, int]) -> Mapping[str, StoredSchemas]:
            schemas = super().schemas(known)
            self.texts += sum(each.text is not None for each in schemas.values())
            return schemas

    store = Counting()
    register = Register(store, pool)
    for service in ("chat", "mail", "web"):
        await register.hand_in(service, {})
    await register.edit(lambda: [draft("A", 1)])
    await register.hand_in("mail", {"A": VariableSchema(schema_={})})
    await register.refresh()

    assert store.texts == 4
    assert sorted(register.known.services) == ["chat", "mail", "web"]
    assert list(register.known.services["mail"].variables) == ["A"]


async def test_service_that_another_process_forgets_is_known_no_more(
    opened: Callable[[], Register],
) -> None:
    one, other = opened(), opened()
    await one.hand_in("chat", {})
    await other.refresh()
    before = other.version

    await one.forget("chat", "alice", "gone")
    await other.refresh()
    assert list(other.known.services) == []
    assert other.version != before
    await one.hand_in("chat", {})
    await other.refresh()

    assert list(other.known.services) == ["chat"]
