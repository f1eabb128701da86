"""The store in a file of SQLite."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from app.config_service.changes import Change, Draft, Level, Selection, Target
from app.config_service.sqlite_file import open_file
from app.config_service.store import StoreBehindError, StoredSchemas, StoreError


class SqliteStore:
    """A file that any number of processes of one machine may have open. See `Store`.

    Args:
        path: The file; it is made if it is not there, and so are its folders.
        clock: Seconds since the epoch.

    Raises:
        StoreError: it cannot be opened, or holds something else, or was written by a later version.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path: Final = path
        self._clock: Final = clock
        self._read_lock: Final = threading.Lock()
        self._write_lock: Final = threading.Lock()
        with self._telling(_WAY_OUT), contextlib.ExitStack() as opened:
            # Who reads does not wait for who writes; and a connection is told of what was written
            # by others only.
            connections = [opened.enter_context(closing(open_file(path))) for _ in range(3)]
            self._reading, self._writing, self._watching = connections
            opened.pop_all()

    def close(self) -> None:
        """Close the file; waits for what is being done."""
        with self._read_lock, self._write_lock:
            for connection in (self._reading, self._writing, self._watching):
                connection.close()

    def version(self) -> object:
        """Return a number that differs if anything was written meanwhile."""
        with self._telling():
            return self._watching.execute("PRAGMA data_version").fetchone()[0]

    def read(self, selection: Selection) -> list[Change]:
        """Return changes."""
        query, arguments = _query(selection)
        with self._read_lock, self._telling():
            return [_change(row) for row in self._reading.execute(query, arguments)]

    def append(self, drafts: Sequence[Draft], after: int) -> list[Change]:
        """Make these changes, all or none, if `after` is the revision of the last one."""
        with self._write_lock, self._telling(), _transaction(self._writing):
            revision, at = self._writing.execute(_LAST).fetchone() or (0, 0)
            if revision != after:
                raise StoreBehindError(f"{self._path}: the last revision is {revision}")
            # The clock may have been set back.
            at = max(at, int(self._clock() * 1_000_000))
            changes = [Change(after + n, at, draft) for n, draft in enumerate(drafts, 1)]
            self._writing.executemany(_INSERT, map(_row, changes))
        return changes

    def schemas(self, known: Mapping[str, int]) -> Mapping[str, StoredSchemas]:
        """Return what each service has handed in last, by its name."""
        query = "SELECT revision, handed_in FROM schemas WHERE service = ?"
        schemas: dict[str, StoredSchemas] = {}
        with self._read_lock, self._telling():
            present = self._reading.execute("SELECT service, revision FROM schemas").fetchall()
            for service, revision in present:
                if known.get(service) == revision:
                    schemas[service] = StoredSchemas(revision, None)
                # It may have been forgotten meanwhile.
                elif row := self._reading.execute(query, (service,)).fetchone():
                    schemas[service] = StoredSchemas(*row)
        return schemas

    def put_schemas(self, service: str, schemas: str | None) -> None:
        """Keep what a service hands in, instead of what it did before; None: forget it."""
        with self._write_lock, self._telling(), _transaction(self._writing):
            if schemas is None:
                self._writing.execute("DELETE FROM schemas WHERE service = ?", (service,))
            else:
                row = (service, schemas)
                self._writing.execute(
                    "INSERT OR REPLACE INTO schemas (service, handed_in) VALUES (?, ?)", row
                )

    @contextlib.contextmanager
    def _telling(self, way_out: str = "") -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path.absolute()}: {error}{way_out}") from error


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Let what the block does be done as a whole, when the block is left, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _query(selection: Selection) -> tuple[str, list[object]]:
    wanted: dict[str, object] = {
        "revision > ?": selection.after,
        "revision < ?": selection.before,
        "name = ?": selection.name,
        "service = ?": selection.service,
        "stage = ?": selection.stage,
    }
    given = {condition: value for condition, value in wanted.items() if value is not None}
    order = "DESC" if selection.latest_first else "ASC"
    limit = -1 if selection.limit is None else selection.limit
    wanted_rows = " AND ".join(given)
    if selection.first_of_each:
        of_each = f"SELECT min(revision) FROM changes WHERE {wanted_rows}"
        wanted_rows = f"revision IN ({of_each} GROUP BY name, service, stage)"
    query = f"SELECT {_COLUMNS} FROM changes WHERE {wanted_rows} ORDER BY revision {order} LIMIT ?"
    return query, [*given.values(), limit]


def _change(row: tuple[int, int, str, str, str, str, str, str | None, str | None]) -> Change:
    revision, at, who, why, service, stage, name, value, previous = row
    target = Target(name, Level(service, stage))
    return Change(revision, at, Draft(target, value, previous, who, why))


def _row(change: Change) -> tuple[object, ...]:
    draft, level = change.draft, change.draft.target.level
    who_and_where = (draft.who, draft.why, level.service, level.stage, draft.target.name)
    return (change.revision, change.at, *who_and_where, draft.value, draft.previous)


_WAY_OUT: Final = (
    "; `path` must be a file of the config service, or a new one where this process may write"
)
_LAST: Final = "SELECT revision, at FROM changes ORDER BY revision DESC LIMIT 1"
_COLUMNS: Final = "revision, at, who, why, service, stage, name, value, previous"
_INSERT: Final = f"INSERT INTO changes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
