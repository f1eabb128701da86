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
    TOO_MANY_SERVICES,
    HandIn,
    KnownVariables,
    Problem,
    wrong_variables,
)
from app.config_service.state import State
from app.config_service.steps import MANY_STEPS, Steps
from app.config_service.store import Store, StoreBehindError, StoredSchemas, StoreError
from app.config_updates.protocol import VariableSchema
from app.task_processors.pool import ThreadPool

logger = logging.getLogger(__name__)

BATCH: Final = 10_000
"""How many changes are read at once."""

READING: Final = 2.0
"""Seconds in which news must be read; who asks for values is answered without them then."""

ATTEMPTS: Final = 20
"""How often a change is tried where other processes are always faster."""


class Register:
    """The store, and what it holds, in memory.

    Others may write to the store at any time: `refresh` comes before anything is read here.

    Args:
        store: Where all is kept.
        pool: Where what blocks is done.
        checks: Where what is handed in is checked; by default there, too.
    """

    def __init__(self, store: Store, pool: ThreadPool, checks: ThreadPool | None = None) -> None:
        self.state = State()
        self.known: Final = KnownVariables()
        self.answers = Answers(self.state)
        self._store: Final = store
        self._pool: Final = pool
        self._checks: Final = checks or pool
        self._reading: asyncio.Task[None] | None = None
        self._writing: Final = asyncio.Lock()
        # The version of the store that has been read.
        self._version: object = None
        self._schemas: Mapping[str, StoredSchemas] = {}
        self._is_stale = False

    @property
    def version(self) -> str:
        """What differs where anything is set, or known, that was not."""
        return f"{self.state.updated_at}-{self.known.version}"

    async def refresh(self) -> None:
        """Take in what others have written.

        Raises:
            StoreError: the store cannot be read.
        """
        # What is being read may be older than what is asked for; what is read next is not.
        for _ in range(2):
            if self._store.version() == self._version:
                return
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_news())
                self._reading.add_done_callback(_retrieve)
            # Others wait for it as well.
            await asyncio.shield(self._reading)

    async def refresh_if_possible(self) -> bool:
        """Take in what others have written; false, and all as it was, where that cannot be read."""
        try:
            async with asyncio.timeout(0 if self._hangs else READING):
                await self.refresh()
        except (StoreError, TimeoutError) as error:
            if not self._is_stale:
                text = str(error) or f"the store is not read within {READING:g} s"
                logger.error("values are served as they were: %s", text)  # noqa: TRY400 (a text)
            self._is_stale = True
        else:
            self._is_stale = False
        return not self._is_stale

    @property
    def _hangs(self) -> bool:
        """Whether somebody has waited in vain for what is being read: others need not."""
        return self._is_stale and self._reading is not None and not self._reading.done()

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
        if wrong := await self._checks.run(wrong_variables, variables):
            return wrong
        # The worker processes of a service hand in the same at the same time.
        async with self._writing:
            await self.refresh()
            if self.known.has(service, variables):
                return []
            if service not in self.known.services and len(self.known.services) >= MAX_SERVICES:
                return [Problem(("service",), TOO_MANY_SERVICES)]
            stored = HandIn(written_time(int(time.time() * 1_000_000)), variables).stored()
            await self._pool.run(self._store.put_schemas, service, stored)
            await self.refresh()
        logger.info("service %r has handed in %d variables", service, len(variables))
        return []

    async def forget(self, service: str, who: str, why: str) -> bool:
        """Let nothing be known of a service; return whether anything was.

        Raises:
            StoreError: the store cannot be written.
        """
        async with self._writing:
            await self.refresh()
            if service not in self.known.services:
                return False
            await self._pool.run(self._store.put_schemas, service, None)
            await self.refresh()
        logger.info("%s forgot service %r: %s", who, service, why)
        return True

    def misfits(self, service: str) -> list[tuple[Change, Problem]]:
        """Return what is set for a service and what is wrong with it, by what it has handed in."""
        steps = Steps(MANY_STEPS)
        return [
            (change, problem)
            for change in self.state.present(Selection())
            if change.draft.target.level.service in ("", service)
            for problem in self.problems(change, Level(service), steps)
        ]

    def problems(
        self, change: Change, level: Level | None = None, steps: Steps | None = None
    ) -> list[Problem]:
        """Return what is wrong with the value of a change, by those whom it reaches.

        Or, if a level is given, by those whom that reaches. `steps` are what this may take.
        """
        draft = change.draft
        if draft.value is None:
            return []
        value = json.loads(draft.value)
        return self.known.problems(draft.target.name, level or draft.target.level, value, steps)

    async def _append(self, drafts: Sequence[Draft]) -> list[Change]:
        state = self.state
        changes = await self._pool.run(self._store.append, drafts, state.revision)
        state.apply(changes)
        return changes

    async def _read_news(self) -> None:
        version = self._store.version()
        state = await self._read_changes()
        if state is not self.state:
            text = "the store holds another history (a backup that was put back?): all is read anew"
            logger.warning(text)
            self.state, self.answers = state, Answers(state)
            self._schemas = {}
        known = {service: each.revision for service, each in self._schemas.items()}
        schemas = await self._pool.run(self._store.schemas, known)
        gone = dict.fromkeys(self.known.services.keys() - schemas.keys())
        news = {service: each.text for service, each in schemas.items() if each.text is not None}
        self.known.take(gone | news)
        self._schemas = schemas
        self._version = version

    async def _read_changes(self) -> State:
        """Return the state, brought up to date; another one if the store has lost what led to it.

        The last change that is known is read again: it is there no more where a file was put back.
        """
        state = self.state
        while True:
            # It may go on meanwhile, by what is written here.
            latest = state.latest
            selection = Selection(after=latest.revision - 1 if latest else 0, limit=BATCH)
            changes = await self._pool.run(self._store.read, selection)
            if latest and changes[:1] != [latest]:
                state = State()
                continue
            state.apply(changes)
            if len(changes) < BATCH:
                return state


def _retrieve(reading: asyncio.Task[None]) -> None:
    """Let nobody complain of an error for which nobody waits any more."""
    if not reading.cancelled():
        reading.exception()


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
