"""The variables of caches, each a map from a cache's name to its settings."""

from typing import Annotated

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

Milliseconds = Annotated[int, Field(ge=0)]


class CacheUpdates(ConfigModel):
    """How often a cache is updated; a full interval of 0 is like the other one."""

    update_interval_ms: int = Field(alias="update-interval-ms", ge=1)
    update_jitter_ms: Milliseconds = Field(alias="update-jitter-ms")
    full_update_interval_ms: Milliseconds = Field(alias="full-update-interval-ms")
    full_update_jitter_ms: Milliseconds | None = Field(default=None, alias="full-update-jitter-ms")
    exception_interval_ms: Milliseconds | None = Field(default=None, alias="exception-interval-ms")
    updates_enabled: bool = Field(default=True, alias="updates-enabled")
    alert_on_failing_to_update_times: int = Field(
        default=0, alias="alert-on-failing-to-update-times", ge=0
    )


class LruCacheSize(ConfigModel):
    """How much an LRU cache holds and for how long; a lifetime of 0 is unlimited."""

    size: int = Field(ge=1)
    lifetime_ms: Milliseconds = Field(alias="lifetime-ms")
    background_update: bool = Field(default=False, alias="background-update")


class CacheDumps(ConfigModel):
    """Whether and how often a cache is written to disk; what is not given is as in its section."""

    dumps_enabled: bool | None = Field(default=None, alias="dumps-enabled")
    min_dump_interval_ms: Milliseconds | None = Field(default=None, alias="min-dump-interval-ms")


USERVER_CACHES = Variable("USERVER_CACHES", dict[str, CacheUpdates], {}, no_effect_yet=True)
USERVER_LRU_CACHES = Variable("USERVER_LRU_CACHES", dict[str, LruCacheSize], {}, no_effect_yet=True)
USERVER_DUMPS = Variable("USERVER_DUMPS", dict[str, CacheDumps], {}, no_effect_yet=True)
