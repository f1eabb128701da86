"""The `logging` section."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source, Subscription
from app.logs.config import LoggingConfig
from app.logs.loggers import Loggers
from app.logs.reopening import reopen_on_signal
from app.logs.source_files import import_folders, loaded_files
from app.logs.unknown_places import unknown_places
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG
from app.task_processors.component import TaskProcessorsComponent
from app.tracing.component import TracerComponent

logger = logging.getLogger(__name__)


def loggers_of(configs: Iterable[ComponentConfig]) -> Loggers:
    """Return the loggers of a service whose components have these options."""
    logging_config = LoggingConfig()
    service = ""
    for config in configs:
        if isinstance(config, LoggingConfig):
            logging_config = config
        elif isinstance(config, TracerComponent.Config):
            service = config.service_name
    return Loggers(logging_config.loggers, service)


class LoggingComponent(Component):
    """Writes the log lines of this process as the config says.

    Where whoever made the process has installed the loggers already, so that the first lines are
    seen, too, it only lets them write on their task processor, and log places in the code as the
    dynamic config says. SIGUSR1 lets them open their files anew.
    """

    name = "logging"
    needs_lifespan = True
    Config = LoggingConfig

    def __init__(
        self,
        config: LoggingConfig,
        task_processors: TaskProcessorsComponent,
        source: Source,
        tracer: TracerComponent | None = None,
    ) -> None:
        self._pool = None
        if config.fs_task_processor is not None:
            name = config.fs_task_processor
            self._pool = task_processors.pool_of_option("fs-task-processor", name)
        self.loggers = Loggers(config.loggers, tracer.service_name if tracer else "")
        self._source = source
        self._subscription: Subscription | None = None
        self._is_installed_here = False
        self._forget_signal: Callable[[], None] = lambda: None

    @override
    async def start(self) -> None:
        of_process = Loggers.of_process()
        self._is_installed_here = of_process is None
        if of_process is None:
            self.loggers.check()
            self.loggers.install()
            self._forget_signal = reopen_on_signal(self.loggers)
        else:
            self.loggers = of_process
        self.loggers.use_pool(self._pool)
        self._subscription = self._source.subscribe(self._force_levels, USERVER_LOG_DYNAMIC_DEBUG)

    @override
    async def stop(self) -> None:
        if self._subscription is not None:
            self._subscription.cancel()
        self.loggers.use_pool(None)
        if self._is_installed_here:
            self._forget_signal()
            await asyncio.to_thread(self.loggers.uninstall)
        else:
            # A worker process ends by a signal: nothing would write later what is left.
            await asyncio.to_thread(self.loggers.stop)

    def _force_levels(self, snapshot: Snapshot) -> None:
        config = snapshot[USERVER_LOG_DYNAMIC_DEBUG]
        self.loggers.force_levels(config)
        for text in unknown_places(config, loaded_files(), import_folders()):
            logger.warning("%s: %s", USERVER_LOG_DYNAMIC_DEBUG.name, text)
