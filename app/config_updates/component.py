"""The `dynamic-config` and `dynamic-config-fallbacks` sections."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.config_updates.cache_file import CacheFile
from app.config_updates.updates import Cache
from app.dynamic_config.source import Source
from app.signals import on_signal
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from app.static_config.model import TaskProcessorName
from app.task_processors.component import TaskProcessorsComponent

logger = logging.getLogger(__name__)


class DynamicConfigComponent(Component):
    """Keeps the values of the dynamic config, and knows the one updater that brings new ones.

    To read variables depend on `Source`. SIGUSR2 lets the updater update at once.
    """

    name = "dynamic-config"
    needs_lifespan = True

    class Config(ComponentConfig):
        """Options of the `dynamic-config` section."""

        updates_enabled: bool = Field(
            default=False,
            alias="updates-enabled",
            description="Whether an updater, which has a section of its own, brings new values"
            " while the service runs.",
        )
        fs_cache_path: str = Field(
            default="",
            alias="fs-cache-path",
            description="File that keeps the last values that an updater has brought, for a start"
            " at which it cannot bring any. Nobody else may read a new one. Empty: none.",
        )
        fs_task_processor: TaskProcessorName | None = Field(
            default=None,
            alias="fs-task-processor",
            description="The pool of threads that reads and writes that file; required with it.",
        )
        defaults: dict[str, Any] | None = Field(
            default=None,
            description="Variables and their values, which come before the defaults in the code."
            " Those in the file of `dynamic-config-fallbacks` come before these.",
        )
        defaults_path: Annotated[Path | None, Field(strict=False)] = Field(
            default=None,
            alias="defaults-path",
            description="JSON file with such values, instead of `defaults`.",
        )

        @model_validator(mode="after")
        def _has_one_kind_of_defaults(self) -> Self:
            if self.defaults is not None and self.defaults_path is not None:
                raise OptionError({("defaults-path",): "either this or defaults, not both"})
            return self

    def __init__(
        self, config: Config, source: Source, task_processors: TaskProcessorsComponent
    ) -> None:
        self.source: Final = source
        self.cache: Final = _cache(config, task_processors)
        self._updates_enabled = config.updates_enabled
        self._updater: str | None = None
        self._update_now: Callable[[], None] | None = None
        self._forget_signal: Callable[[], None] = lambda: None

    def register_updater(self, section: str, update_now: Callable[[], None]) -> None:
        """Note that this component brings new values.

        Args:
            section: Its own.
            update_now: Lets it do so soon, and returns at once; called on the event loop's thread
                between start and stop of the component `dynamic-config`, which is longer than
                between its own.

        Raises:
            OptionError: the config does not want it, or wants two.
        """
        if not self._updates_enabled:
            text = "an updater needs 'updates-enabled: true' in the section 'dynamic-config'"
            raise OptionError({(): text})
        if self._updater is not None:
            raise OptionError({(): f"there can be one updater, and there is {self._updater!r}"})
        self._updater = section
        self._update_now = update_now

    @override
    async def start(self) -> None:
        loop = asyncio.get_running_loop()

        def hand_over() -> None:
            loop.call_soon_threadsafe(self._take_signal)

        self._forget_signal = on_signal(signal.SIGUSR2, hand_over)

    @override
    async def stop(self) -> None:
        self._forget_signal()

    def _take_signal(self) -> None:
        if self._update_now is None:
            logger.info("SIGUSR2: nothing to do, no updater of the dynamic config has a section")
        else:
            logger.info("SIGUSR2: %s updates the dynamic config now", self._updater)
            self._update_now()

    @override
    def warnings(self) -> Iterator[tuple[OptionPath, str]]:
        if self._updater is not None:
            return
        if self._updates_enabled:
            text = "no updater has a section: dynamic-config-client-updater, or -file-updater"
            yield ("updates-enabled",), text
        if self.cache is not None:
            yield ("fs-cache-path",), "without an updater nothing writes or reads it"


def _cache(
    config: DynamicConfigComponent.Config, task_processors: TaskProcessorsComponent
) -> Cache | None:
    if not config.fs_cache_path:
        return None
    if config.fs_task_processor is None:
        text = "required with fs-cache-path: a pool of threads that reads and writes the file"
        raise OptionError({("fs-task-processor",): text})
    pool = task_processors.pool_of_option("fs-task-processor", config.fs_task_processor)
    return Cache(CacheFile(Path(config.fs_cache_path)), pool)


class DynamicConfigFallbacksComponent(Component):
    """Names the file with the values that hold while no others are known.

    The file is read before any component is built, so that a bad value in it is refused like one
    in the static config, and so that worker processes never read it.
    """

    name = "dynamic-config-fallbacks"

    class Config(ComponentConfig):
        """Options of the `dynamic-config-fallbacks` section."""

        fallback_path: Annotated[Path, Field(strict=False)] = Field(
            alias="fallback-path",
            description="JSON file with names of variables and their values. A variable that is"
            " not in it has its default.",
        )
