"""Histories to test with, in memory."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from app.config_service.changes import Change, Draft, Level, Selection, Target
from app.config_service.state import State
from app.config_service.store import StoreBehindError, StoredSchemas


def draft(
    name: str, value: object, service: str = "", stage: str = "", previous: str | None = None
) -> Draft:
    """Return a change that sets a value, as it stands in JSON."""
    target = Target(name, Level(service, stage))
    return Draft(target, json.dumps(value), previous, "alice", "a reason")


def removal(name: str, service: str = "", stage: str = "", previous: str | None = None) -> Draft:
    """Return a change that removes what is set."""
    return Draft(Target(name, Level(service, stage)), None, previous, "alice", "a reason")


def state_of(*drafts: Draft, clock: Callable[[], int] = lambda: 0) -> State:
    """Return what changes lead to."""
    state = State()
    add(state, *drafts, clock=clock)
    return state


def add(state: State, *drafts: Draft, clock: Callable[[], int] = lambda: 0) -> list[Change]:
    """Make changes."""
    changes = [Change(state.revision + n, clock(), each) for n, each in enumerate(drafts, 1)]
    state.apply(changes)
    return changes


class MemoryStore:
    """A store that forgets all with the process."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.handed_in: dict[str, StoredSchemas] = {}
        self.writes = 0

    def version(self) -> object:
        return self.writes

    def read(self, selection: Selection) -> list[Change]:
        before = selection.before or len(self.changes) + 1
        wanted = [
            each
            for each in self.changes
            if selection.after < each.revision < before and selection.has(each.draft.target)
        ]
        return wanted[:: -1 if selection.latest_first else 1][: selection.limit]

    def append(self, drafts: Sequence[Draft], after: int) -> list[Change]:
        if after != len(self.changes):
            raise StoreBehindError("behind")
        changes = [Change(after + n, after + n, each) for n, each in enumerate(drafts, 1)]
        self.changes += changes
        self.writes += 1
        return changes

    def schemas(self, known: Mapping[str, int]) -> Mapping[str, StoredSchemas]:
        return {
            service: replace(each, text=None) if known.get(service) == each.revision else each
            for service, each in self.handed_in.items()
        }

    def put_schemas(self, service: str, schemas: str | None) -> None:
        self.writes += 1
        self.handed_in.pop(service, None)
        if schemas is not None:
            self.handed_in[service] = StoredSchemas(self.writes, schemas)
