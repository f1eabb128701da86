"""What is set, what is known and where both are kept, together: on one event loop."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from app.config_service.answers import Answers
from app.config_service.changes import Change, Draft, Level, Selection, written_time
from app.config_service.known_variables import (
    MAX_SERVICES,
    HandIn,
    KnownVariables,
    Problem,
    wrong_variables,
)
from app.config_service.state import State
from app.config_service.store import Store, StoreBehindError, StoreError
from app.config_updates.protocol import VariableSchema
from app.task_processors.pool import ThreadPool

logger = logging.getLogger(__name__)

BATCH: Final = 10_000
"""How many changes are read at once."""

ATTEMPTS: Final = 20
"""How often a change is tried where other processes are always faster."""


class Register:
    """The store, and what it holds, in memory.

    Others may write to the store at any time: `refresh` comes before anything is read here.

    Args:
        store: Where all is kept.
        pool: Where what blocks is done.
    """

    def __init__(self, store: Store, pool: ThreadPool) -> None:
        self.state: Final = State()
        self.known: Final = KnownVariables()
        self.answers: Final = Answers(self.state)
        self._store: Final = store
        self._pool: Final = pool
        self._reading: Final = asyncio.Lock()
        self._writing: Final = asyncio.Lock()
        # The version of the store that has been read.
        self._version: object = None
        self._is_stale = False

    @property
    def version(self) -> str:
        """What differs where anything is set, or known, that was not."""
        return f"{self.state.revision}-{self.known.version}"

    async def refresh(self) -> None:
        """Take in what others have written.

        Raises:
            StoreError: the store cannot be read.
        """
        if self._store.version() == self._version:
            return
        async with self._reading:
            version = self._store.version()
            if version != self._version:
                await self._read_news()
                self._version = version

    async def refresh_if_possible(self) -> None:
        """Take in what others have written; what is here stays where the store cannot be read."""
        try:
            await self.refresh()
        except StoreError as error:
            if not self._is_stale:
                logger.error("values are served as they were: %s", error)  # noqa: TRY400 (a text)
            self._is_stale = True
        else:
            self._is_stale = False

    async def select(self, selection: Selection) -> list[Change]:
        """Return changes.

        Raises:
            StoreError: the store cannot be read.
        """
        return await self._pool.run(self._store.read, selection)

    async def edit(self, make: Callable[[], Sequence[Draft]]) -> list[Change]:
        """Make the changes that `make` returns, by what is set and known at that moment.

        It is called again if another process was faster; what it raises is raised.

        Raises:
            StoreError: the store cannot be written; nothing was changed.
        """
        async with self._writing:
            for _ in range(ATTEMPTS):
                await self.refresh()
                drafts = make()
                if not drafts:
                    return []
                try:
                    changes = await self._append(drafts)
                except StoreBehindError:
                    continue
                _log(changes)
                return changes
        raise StoreError("others change too much at this moment; try again")

    async def hand_in(self, service: str, variables: Mapping[str, VariableSchema]) -> list[Problem]:
        """Keep what a service knows; return what is wrong with it: then nothing is kept.

        Raises:
            StoreError: the store cannot be written.
        """
        await self.refresh()
        if self.known.has(service, variables):
            return []
        if wrong := await self._pool.run(wrong_variables, variables):
            return wrong
        # The worker processes of a service hand in the same at the same time.
        async with self._writing:
            await self.refresh()
            if self.known.has(service, variables):
                return []
            if service not in self.known.services and len(self.known.services) >= MAX_SERVICES:
                text = f"{MAX_SERVICES} services have handed in theirs already"
                return [Problem(("service",), text)]
            stored = HandIn(written_time(int(time.time() * 1_000_000)), variables).stored()
            await self._pool.run(self._store.put_schemas, service, stored)
            await self.refresh()
        logger.info("service %r has handed in %d variables", service, len(variables))
        return []

    def misfits(self, service: str) -> list[tuple[Change, Problem]]:
        """Return what is set for a service and what is wrong with it, by what it has handed in."""
        return [
            (change, problem)
            for change in self.state.present(Selection())
            if change.draft.target.level.service in ("", service)
            for problem in self.problems(change, Level(service))
        ]

    def problems(self, change: Change, level: Level | None = None) -> list[Problem]:
        """Return what is wrong with the value of a change, by those whom it reaches.

        Or, if a level is given, by those whom that reaches.
        """
        draft = change.draft
        if draft.value is None:
            return []
        value = json.loads(draft.value)
        return self.known.problems(draft.target.name, level or draft.target.level, value)

    async def _append(self, drafts: Sequence[Draft]) -> list[Change]:
        changes = await self._pool.run(self._store.append, drafts, self.state.revision)
        self.state.apply(changes)
        return changes

    async def _read_news(self) -> None:
        while True:
            selection = Selection(after=self.state.revision, limit=BATCH)
            changes = await self._pool.run(self._store.read, selection)
            self.state.apply(changes)
            if len(changes) < BATCH:
                break
        self.known.take(await self._pool.run(self._store.schemas))


def _log(changes: Sequence[Change]) -> None:
    for change in changes:
        draft = change.draft
        logger.info(
            "revision %d: %s %s %s for %s: %s",
            change.revision,
            draft.who,
            "removed" if draft.value is None else "set",
            draft.target.name,
            draft.target.level,
            draft.why,
        )
