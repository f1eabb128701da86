"""The variables of caches, each a map from a cache's name to its settings."""

from typing import Annotated

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

Milliseconds = Annotated[int, Field(ge=0)]


class CacheUpdates(ConfigModel):
    """How often one cache is updated."""

    update_interval_ms: int = Field(
        alias="update-interval-ms", ge=1, description="Milliseconds from one update to the next."
    )
    update_jitter_ms: Milliseconds = Field(
        alias="update-jitter-ms",
        description="Milliseconds by which this varies at random, to both sides. More than the"
        " interval counts as a tenth of it.",
    )
    full_update_interval_ms: Milliseconds = Field(
        alias="full-update-interval-ms",
        description="Milliseconds from one full update to the next; those between fetch only what"
        " has changed. 0: as `update-interval-ms`.",
    )
    full_update_jitter_ms: Milliseconds | None = Field(
        default=None,
        alias="full-update-jitter-ms",
        description="Milliseconds by which this varies at random, to both sides. By default a"
        " tenth of the interval.",
    )
    exception_interval_ms: Milliseconds | None = Field(
        default=None,
        alias="exception-interval-ms",
        description="Milliseconds from a failed update to the next one. By default as after any"
        " other.",
    )
    updates_enabled: bool = Field(
        default=True,
        alias="updates-enabled",
        description="Whether there are updates after the first one. One that is left out counts as"
        " failed.",
    )
    alert_on_failing_to_update_times: int = Field(
        default=0,
        alias="alert-on-failing-to-update-times",
        ge=0,
        description="Failed updates in a row that raise an alert; the next good one ends it. 0:"
        " never.",
    )


class LruCacheSize(ConfigModel):
    """How much one LRU cache holds, and for how long."""

    size: int = Field(
        ge=1,
        description="Entries that are kept at most; the one that has not been used for longest goes"
        " first.",
    )
    lifetime_ms: Milliseconds = Field(
        alias="lifetime-ms", description="Milliseconds for which an entry is good. 0: for ever."
    )
    background_update: bool = Field(
        default=False,
        alias="background-update",
        description="Whether an entry is fetched anew while it is still good, so that nobody has"
        " to wait for it.",
    )


class CacheDumps(ConfigModel):
    """Whether and how often one cache is written to disk."""

    dumps_enabled: bool | None = Field(
        default=None,
        alias="dumps-enabled",
        description="Whether the cache is written. By default as `dump.enable` of its section"
        " says.",
    )
    min_dump_interval_ms: Milliseconds | None = Field(
        default=None,
        alias="min-dump-interval-ms",
        description="Milliseconds from one dump to the next, at least. By default as"
        " `dump.min-interval` of its section says.",
    )


USERVER_CACHES = Variable(
    "USERVER_CACHES",
    dict[str, CacheUpdates],
    {},
    description="How often a cache is updated, by its name; instead of what its section says.",
    reader="`app/caches`, at each update",
    no_effect_yet=True,
)
USERVER_LRU_CACHES = Variable(
    "USERVER_LRU_CACHES",
    dict[str, LruCacheSize],
    {},
    description="How much an LRU cache holds and for how long, by its name; instead of what its"
    " section says.",
    reader="`app/caches`, when the value changes",
    no_effect_yet=True,
)
USERVER_DUMPS = Variable(
    "USERVER_DUMPS",
    dict[str, CacheDumps],
    {},
    description="Whether and how often a cache is written to disk, by its name; what is not given"
    " is as its section says.",
    reader="`app/caches`, after each update",
    no_effect_yet=True,
)
