"""From where values are kept to the source: at first, and again and again."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from app.config_updates.cache_file import CacheFile
from app.config_updates.errors import NoValuesError, UpdateError
from app.dynamic_config.source import Source
from app.static_config.config_file import unreadable
from app.static_config.document import Document
from app.static_config.errors import ConfigFileError
from app.task_processors.pool import ThreadPool

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Values:
    """A whole set of values.

    Args:
        document: An object with the names of variables and their values.
        origin: Where they are from: a file, a URL.
        revision: What that calls this version of them.
        known_only: Whether names that no variable has are passed over, instead of refused.
    """

    document: Document
    origin: str
    revision: str
    known_only: bool = False


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The values that were taken last are still those that are there; under which name."""

    revision: str


class Origin(Protocol):
    """Where values are kept."""

    async def fetch(self, *, briefly: bool = False) -> Values | Unchanged | None:
        """Return the values that are there now; None if what there is says nothing of them.

        Args:
            briefly: Whether to give up at the first thing that may pass.

        Raises:
            UpdateError, ConfigFileError: they cannot be had.
        """

    def taken(self) -> None:
        """What `fetch` has returned last are the present values now: they were good."""


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache file, and where it is read and written."""

    file: CacheFile
    pool: ThreadPool


class Updates:
    """Puts what an origin has into the source and the cache; logs what became of it.

    One update at a time: who calls sees to that.

    Args:
        source: Where the values go.
        cache: Where they are kept for the next start; None: nowhere.
        origin: Where they come from.
        first_may_fail: Whether a service may start with its fallback values if there are no others.
    """

    def __init__(
        self, source: Source, cache: Cache | None, origin: Origin, *, first_may_fail: bool
    ) -> None:
        self._source: Final = source
        self._cache: Final = cache
        self._origin: Final = origin
        self._first_may_fail: Final = first_may_fail
        # What the last update came to nothing for; the same again is not logged again.
        self._told = ""
        # Values that could not be written into the cache, and why.
        self._unkept: Values | None = None
        self._unkept_told = ""

    async def first(self) -> None:
        """Get the values to start with: fetched ones, else those of the cache.

        Raises:
            NoValuesError: there are none, and the service may not start without.
        """
        # The cache is good for a start, and those who come next can be patient.
        if await self.again(briefly=self._cache is not None):
            return
        lacking = self._told
        if self._cache is not None:
            refused = await self._take_cached(self._cache)
            if not refused:
                self._source.fail(lacking)  # the values are old ones all the same
                return
            if await self.again():
                return
            lacking = f"{self._told}; {refused}"
        if not self._first_may_fail:
            raise NoValuesError(
                f"there are no values to start with: {lacking}. Mend that; or put a file with"
                " values where 'dynamic-config.fs-cache-path' says; or let the service start with"
                " its fallback values: 'first-update-fail-ok: true'"
            )
        self._source.fail(lacking)
        logger.warning("the service starts with its fallback values: %s", lacking)

    async def again(self, *, briefly: bool = False) -> bool:
        """Update the values; return whether that went well, be it that they are the same.

        Args:
            briefly: Whether to give up at the first thing that may pass.
        """
        try:
            found = await self._origin.fetch(briefly=briefly)
            if found is not None:
                await self._take(found)
        except (UpdateError, ConfigFileError) as error:
            self._failed(str(error))
            return False
        except Exception as error:
            # A mistake in the code, or a machine that has nothing left.
            self._failed(f"{type(error).__name__}: {error}", error)
            return False
        return True

    async def _take(self, found: Values | Unchanged) -> None:
        if isinstance(found, Values):
            await self._put(found)
        else:
            self._source.confirm(found.revision)
            await self._keep(self._unkept)
        if self._told:
            self._told = ""
            logger.info("the dynamic config can be updated again")

    async def _put(self, values: Values) -> None:
        changed = self._source.update(
            values.document, values.origin, values.revision, known_only=values.known_only
        )
        self._origin.taken()
        _log_update(values, changed)
        await self._keep(values)

    def _failed(self, text: str, trace: Exception | None = None) -> None:
        self._source.fail(text)
        if text != self._told:
            self._told = text
            logger.error(
                "the dynamic config was not updated, its values stay: %s", text, exc_info=trace
            )

    async def _keep(self, values: Values | None) -> None:
        """Write these values into the cache; what fails is tried again at the next update."""
        cache = self._cache
        if cache is None or values is None:
            return
        try:
            await cache.pool.run(cache.file.write, values.document.mapping())
        except Exception as error:
            self._unkept = values
            told, self._unkept_told = self._unkept_told, _reason(cache.file.path, error)
            if self._unkept_told != told:
                logger.error("the cache of the dynamic config: %s", self._unkept_told)  # noqa: TRY400
        else:
            self._unkept = None
            self._unkept_told = ""

    async def _take_cached(self, cache: Cache) -> str:
        """Make the values of the cache the present ones; return why not, if so."""
        try:
            document = await cache.pool.run(cache.file.read)
            # A version of the service before or after this one may have written it.
            values = Values(document, f"cache {cache.file.path}", "", known_only=True)
            changed = self._source.update(document, values.origin, known_only=True)
        except Exception as error:
            return f"cache: {_reason(cache.file.path, error)}"
        _log_update(values, changed)
        return ""


def _reason(path: Path, error: Exception) -> str:
    """Return why a cache file could not be used."""
    if isinstance(error, ConfigFileError):
        return str(error)
    if isinstance(error, OSError | ValueError):
        return unreadable(path, error)
    return f"{path}: {type(error).__name__}: {error}"


def _log_update(values: Values, changed: list[str]) -> None:
    tags = {
        "origin": values.origin,
        "revision": values.revision,
        "changed": ", ".join(changed) or "nothing",
    }
    logger.info("dynamic config updated", extra={"tags": tags})
