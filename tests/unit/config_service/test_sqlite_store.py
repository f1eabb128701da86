import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from app.config_service import sqlite_file
from app.config_service.changes import Level, Selection, Target
from app.config_service.sqlite_store import SqliteStore
from app.config_service.store import StoreBehindError, StoreError
from tests.helpers.service_process import PROJECT
from tests.unit.config_service.histories import draft, removal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "config.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


def revisions(store: SqliteStore, selection: Selection) -> list[int]:
    return [each.revision for each in store.read(selection)]


def test_changes_are_there_in_order_when_the_file_is_opened_again(path: Path) -> None:
    store = SqliteStore(path, clock=lambda: 1.5)
    drafts = [draft("A", "ü\n'\"", "chat", "testing", previous="null"), removal("A")]
    made = store.append(drafts, 0)
    store.close()

    again = SqliteStore(path)

    assert again.read(Selection()) == made
    assert [(each.revision, each.at, each.draft) for each in made] == [
        (1, 1_500_000, drafts[0]),
        (2, 1_500_000, drafts[1]),
    ]
    again.close()


def test_new_file_is_empty(store: SqliteStore) -> None:
    assert store.read(Selection()) == []
    assert store.schemas({}) == {}


@pytest.mark.parametrize("after", [0, 1, 3])
def test_changes_are_made_only_behind_the_last_one(store: SqliteStore, after: int) -> None:
    store.append([draft("A", 1), draft("A", 2)], 0)

    with pytest.raises(StoreBehindError):
        store.append([draft("A", 3)], after)

    assert revisions(store, Selection()) == [1, 2]


def test_time_does_not_go_back_when_the_clock_does(path: Path) -> None:
    times = iter([5.0, 3.0, 7.0])
    store = SqliteStore(path, clock=lambda: next(times))

    at = [store.append([draft("A", n)], n)[0].at for n in range(3)]

    assert at == [5_000_000, 5_000_000, 7_000_000]
    store.close()


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), [1, 2, 3, 4]),
        (Selection(latest_first=True, limit=2), [4, 3]),
        (Selection(after=1, before=4), [2, 3]),
        (Selection(name="A"), [1, 3, 4]),
        (Selection(name="A", service=""), [1, 4]),
        (Selection(service="", stage=""), [1, 2]),
        (Selection(service="chat"), [3]),
        (Selection(name="A' OR 1=1 --"), []),
        (Selection(after=1, first_of_each=True), [2, 3, 4]),
        (Selection(first_of_each=True, service="chat"), [3]),
        (Selection(limit=0), []),
    ],
)
def test_only_wanted_changes_are_read(
    store: SqliteStore, selection: Selection, expected: list[int]
) -> None:
    store.append([draft("A", 1), draft("B", 2), draft("A", 3, "chat"), draft("A", 4, "", "t")], 0)

    assert revisions(store, selection) == expected


def test_first_change_of_each_target_is_read_alone(store: SqliteStore) -> None:
    store.append([draft(name, n) for n in range(3) for name in "AB"], 0)
    store.append([draft("A", 9, "chat"), draft("A", 9, "chat", "testing")], 6)

    assert revisions(store, Selection(first_of_each=True)) == [1, 2, 7, 8]
    assert revisions(store, Selection(after=3, first_of_each=True)) == [4, 5, 7, 8]
    assert revisions(store, Selection(after=3, name="A", first_of_each=True)) == [5, 7, 8]


def test_version_differs_when_anybody_has_written(path: Path, store: SqliteStore) -> None:
    other = SqliteStore(path)
    versions = [store.version(), store.version()]
    other.append([draft("A", 1)], 0)
    versions.append(store.version())
    store.append([draft("A", 2)], 1)
    versions.append(store.version())
    other.put_schemas("chat", "{}")
    versions.append(store.version())
    other.close()

    assert versions[0] == versions[1]
    assert len(set(versions)) == 4


def test_service_has_the_schemas_that_it_handed_in_last(path: Path, store: SqliteStore) -> None:
    store.put_schemas("chat", "1")
    store.put_schemas("mail", "2")
    store.put_schemas("chat", "3")
    other = SqliteStore(path)

    assert {name: each.text for name, each in other.schemas({}).items()} == {
        "chat": "3",
        "mail": "2",
    }
    other.close()


def test_schemas_that_are_known_are_not_read_again(store: SqliteStore) -> None:
    store.put_schemas("chat", "1")
    store.put_schemas("mail", "2")
    known = {service: each.revision for service, each in store.schemas({}).items()}

    store.put_schemas("mail", "3")
    again = store.schemas(known)

    assert {name: each.text for name, each in again.items()} == {"chat": None, "mail": "3"}
    assert again["chat"].revision == known["chat"]


def test_service_that_is_forgotten_has_a_new_revision_when_it_comes_back(
    store: SqliteStore,
) -> None:
    store.put_schemas("chat", "1")
    known = {"chat": store.schemas({})["chat"].revision}

    store.put_schemas("chat", None)
    assert store.schemas(known) == {}
    store.put_schemas("chat", "2")

    assert store.schemas(known)["chat"].text == "2"


def test_file_of_an_earlier_version_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        for statement in sqlite_file._TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO schemas VALUES ('chat', '1')")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()

    store = SqliteStore(path)

    assert store.schemas({})["chat"].text == "1"
    store.put_schemas("chat", "2")
    assert store.schemas({})["chat"].text == "2"
    store.close()


def test_nothing_is_changed_or_deleted_by_anybody(path: Path, store: SqliteStore) -> None:
    store.append([draft("A", 1)], 0)
    connection = sqlite3.connect(path)

    for statement in ("UPDATE changes SET value = 2", "DELETE FROM changes"):
        with pytest.raises(sqlite3.IntegrityError, match="a change is never"):
            connection.execute(statement)

    connection.close()
    assert store.read(Selection())[0].draft.value == "1"


def test_file_is_on_the_disk_before_a_change_is_acknowledged(store: SqliteStore) -> None:
    for connection in (store._reading, store._writing, store._watching):
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_file_of_a_later_version_is_left_alone(path: Path) -> None:
    SqliteStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreError, match=r"written by a later version .*format 99, .* knows 2"):
        SqliteStore(path)


def test_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()

    with pytest.raises(StoreError, match="a database of something else; name another file"):
        SqliteStore(path)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda path: path.write_text("not a database, " * 100),
            "file is not a database; `path` must be a file of the config service, or a new one",
        ),
        (
            lambda path: path.mkdir(),
            "unable to open database file; `path` must be .* where this process may write",
        ),
        (
            lambda path: path.parent.rmdir() or path.parent.write_text(""),
            "its folder cannot be made: File exists; name a `path` where this process may write",
        ),
    ],
)
def test_file_that_cannot_be_opened_is_told(
    tmp_path: Path, make: Callable[[Path], object], text: str
) -> None:
    path = tmp_path / "folder" / "config.sqlite3"
    path.parent.mkdir()
    make(path)

    with pytest.raises(StoreError, match=text) as refused:
        SqliteStore(path)

    assert str(path) in str(refused.value)


def test_place_without_a_write_ahead_log_is_refused() -> None:
    with pytest.raises(StoreError, match=r"no write-ahead log there .*: put the file on a local"):
        SqliteStore(Path(":memory:"))


def test_all_who_make_the_file_at_once_have_it(path: Path) -> None:
    count = 8
    barrier = threading.Barrier(count)

    def write() -> None:
        barrier.wait(10)
        store = SqliteStore(path)
        while True:
            try:
                store.append([draft("A", 1)], len(store.read(Selection())))
                break
            except StoreBehindError:
                continue
        store.close()

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(write) for _ in range(count)]:
            done.result()

    store = SqliteStore(path)
    assert revisions(store, Selection()) == list(range(1, count + 1))
    store.close()


def test_change_that_cannot_be_written_is_none(path: Path, store: SqliteStore) -> None:
    store.append([draft("A", 1)], 0)
    # A bound on the size of the file stands for a full disk.
    pages = store._writing.execute("PRAGMA page_count").fetchone()[0]
    store._writing.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match="database or disk is full"):
        store.append([draft("A", "x" * 100_000)], 1)
    store._writing.execute("PRAGMA max_page_count = 100000")

    assert revisions(store, Selection()) == [1]
    assert store.append([draft("A", 2)], 1)[0].revision == 2


def test_store_that_is_locked_is_told_and_can_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.config_service.sqlite_file.BUSY_TIMEOUT", 0.05)
    store = SqliteStore(path)
    store.append([draft("A", 1)], 0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="database is locked"):
        store.append([draft("A", 2)], 1)
    assert revisions(store, Selection()) == [1]

    other.execute("ROLLBACK")
    assert store.append([draft("A", 2)], 1)
    other.close()
    store.close()


def test_target_of_a_change_is_kept(store: SqliteStore) -> None:
    store.append([draft("A", 1, "chat", "testing")], 0)

    assert store.read(Selection())[0].draft.target == Target("A", Level("chat", "testing"))


@pytest.mark.timeout(180)
def test_nothing_that_was_acknowledged_is_lost_by_200_kills(path: Path) -> None:
    command = [sys.executable, "-m", "tests.helpers.killed_stores", str(path), "200"]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=170)

    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 200  # they did write
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
