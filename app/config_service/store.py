"""Where changes are kept, as an interface: what holds for whatever stands behind it.

`SqliteStore` is the one that is here: a file, for one machine, however many worker processes. Where
the config service itself must go on when a machine is lost, two or three of it run on one
PostgreSQL (16, say, with a replica): `append` is one transaction of INSERTs into the same table,
whose primary key `revision` is the compare-and-append (a duplicate is `StoreBehindError`), `read`
is the same SELECT, `schemas` and `put_schemas` are those of the file (a sequence is the revision),
and `version` is a counter in memory that a LISTEN on a channel of the tables' triggers increments.
With etcd (3.5 and later) a change is a key `changes/<revision>`, `append` a transaction that
compares `changes/last`, `read` a range, what a service has handed in is the key
`schemas/<service>`, whose `mod_revision` is its revision, and `version` is driven by a watch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.config_service.changes import Change, Draft, Selection
from app.exceptions import ServiceError


class StoreError(ServiceError):
    """The store cannot be used: what was to be done was not done."""


class StoreBehindError(ServiceError):
    """The last change is another one than was thought: look at what is there, and decide anew."""


@dataclass(frozen=True, slots=True)
class StoredSchemas:
    """What a service has handed in last.

    Args:
        revision: Differs from that of whatever the service has handed in before.
        text: What it is; None where that revision was known.
    """

    revision: int
    text: str | None


class Store(Protocol):
    """Keeps changes, for good, and the schemas that services have handed in.

    All methods but `version` block, and may be called in any thread. All raise `StoreError`. What
    has returned survives whatever becomes of this process.
    """

    def version(self) -> object:
        """Return what differs from the last time if anything was written meanwhile, by anybody.

        Quick enough to be called on an event loop for each request; always in the same thread.
        """

    def read(self, selection: Selection) -> list[Change]:
        """Return changes."""

    def append(self, drafts: Sequence[Draft], after: int) -> list[Change]:
        """Make these changes, all or none, if `after` is the revision of the last one.

        Raises:
            StoreBehindError: it is not.
        """

    def schemas(self, known: Mapping[str, int]) -> Mapping[str, StoredSchemas]:
        """Return what each service has handed in last, by its name.

        Args:
            known: The revisions of what is known already: that is not read again.
        """

    def put_schemas(self, service: str, schemas: str | None) -> None:
        """Keep what a service hands in, instead of what it did before; None: forget it."""
