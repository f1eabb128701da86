"""The `logging` section."""

import asyncio
from collections.abc import Callable, Iterable

from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.logs.config import LoggingConfig
from app.logs.loggers import Loggers
from app.logs.reopening import reopen_on_signal
from app.task_processors.component import TaskProcessorsComponent
from app.tracing.component import TracerComponent


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
    seen, too, it only lets them write on their task processor. SIGUSR1 lets them open their files
    anew.
    """

    name = "logging"
    needs_lifespan = True
    Config = LoggingConfig

    def __init__(
        self,
        config: LoggingConfig,
        task_processors: TaskProcessorsComponent,
        tracer: TracerComponent | None = None,
    ) -> None:
        self._pool = None
        if config.fs_task_processor is not None:
            name = config.fs_task_processor
            self._pool = task_processors.pool_of_option("fs-task-processor", name)
        self.loggers = Loggers(config.loggers, tracer.service_name if tracer else "")
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

    @override
    async def stop(self) -> None:
        self.loggers.use_pool(None)
        if self._is_installed_here:
            self._forget_signal()
            await asyncio.to_thread(self.loggers.uninstall)
        else:
            # A worker process ends by a signal: nothing would write later what is left.
            await asyncio.to_thread(self.loggers.stop)
