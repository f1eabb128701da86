"""A file of SQLite with the tables of the config service."""

import itertools
import sqlite3
import time
from pathlib import Path
from typing import Final

from app.config_service.store import StoreError

BUSY_TIMEOUT: Final = 5.0
"""Seconds that one who wants to write waits for others who do."""


def open_file(path: Path) -> sqlite3.Connection:
    """Return a connection to the file, which any thread may use; it is made if it is not there.

    Raises:
        StoreError: it holds something else, or was written by a later version.
        sqlite3.Error: it cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path.absolute()}: its folder cannot be made: {error.strerror}; name a `path` where"
            " this process may write"
        ) from None
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        _check(connection, path)
        _write_ahead(connection, path)
        # What has been acknowledged is on the disk, not only in the page cache.
        connection.execute("PRAGMA synchronous = FULL")
        _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    # In one transaction: another process may be making the tables.
    connection.execute("BEGIN")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    connection.execute("COMMIT")
    if version > FORMAT:
        raise StoreError(
            f"{path.absolute()}: written by a later version of the config service (format"
            f" {version}, this one knows {FORMAT}): run that one, or put back a backup"
        )
    if version == 0 and tables:
        raise StoreError(f"{path.absolute()}: a database of something else; name another file")


def _write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Let those who read not wait for one who writes."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError:
            # Here SQLite does not wait by itself for another process that opens the file.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StoreError(
            f"{path.absolute()}: there can be no write-ahead log there (journal mode {mode}): put"
            " the file on a local disk"
        )


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < FORMAT:
        for statement in itertools.chain(*_STEPS[version:]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


_TABLES: Final = (
    """CREATE TABLE changes (
        revision INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        service TEXT NOT NULL,
        stage TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT,
        previous TEXT
    )""",
    "CREATE INDEX changes_of_name ON changes (name, revision)",
    "CREATE INDEX changes_of_service ON changes (service, revision)",
    """CREATE TRIGGER changes_stay BEFORE UPDATE ON changes
        BEGIN SELECT RAISE(ABORT, 'a change is never changed'); END""",
    """CREATE TRIGGER changes_are_kept BEFORE DELETE ON changes
        BEGIN SELECT RAISE(ABORT, 'a change is never deleted'); END""",
    "CREATE TABLE schemas (service TEXT PRIMARY KEY, handed_in TEXT NOT NULL)",
)

_SCHEMAS_WITH_REVISIONS: Final = (
    "ALTER TABLE schemas RENAME TO schemas_1",
    # No number comes twice, even where the row that had it was deleted.
    """CREATE TABLE schemas (
        revision INTEGER PRIMARY KEY AUTOINCREMENT,
        service TEXT NOT NULL UNIQUE,
        handed_in TEXT NOT NULL
    )""",
    "INSERT INTO schemas (service, handed_in) SELECT service, handed_in FROM schemas_1",
    "DROP TABLE schemas_1",
)

_STEPS: Final = (_TABLES, _SCHEMAS_WITH_REVISIONS)
"""What makes of a file of each format, from 0 on, one of the next."""

FORMAT: Final = len(_STEPS)
"""The version of the tables, in `PRAGMA user_version`; 0 is a file without any."""
