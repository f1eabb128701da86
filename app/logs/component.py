"""The `logging` section."""

import logging
import sys
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.static_config.model import NO_EFFECT_YET, ConfigModel, TaskProcessorName


class LoggerConfig(ConfigModel):
    """One logger: where it writes, from which level, and what it does when it cannot keep up."""

    file_path: Annotated[str, NO_EFFECT_YET] = Field(
        description="Where it writes: a file, `@stderr`, `@stdout`, `@null` (nowhere), or"
        " `unix:PATH` (a Unix socket)."
    )
    level: Annotated[
        Literal["trace", "debug", "info", "warning", "error", "critical", "none"], NO_EFFECT_YET
    ] = Field(default="info", description="The lowest level that is written.")
    overflow_behavior: Annotated[Literal["discard", "block"], NO_EFFECT_YET] = Field(
        default="discard",
        description="What becomes of a line when too many wait to be written: it is dropped"
        " (`discard`), or waits (`block`), though not in the logger `default`.",
    )


class LoggingComponent(Component):
    """Lets the service's own lines be seen, on stderr, unless the application has log handlers."""

    name = "logging"
    needs_lifespan = True

    class Config(ComponentConfig):
        """Options of the `logging` section."""

        fs_task_processor: Annotated[TaskProcessorName | None, NO_EFFECT_YET] = Field(
            default=None,
            alias="fs-task-processor",
            description="Whose threads write the files.",
        )
        loggers: dict[str, LoggerConfig] = Field(
            default={}, description="The loggers, by name; `default` is that of the service."
        )

    def __init__(self) -> None:
        self._handler: logging.Handler | None = None

    @override
    async def start(self) -> None:
        self._handler = log_to_stderr()

    @override
    async def stop(self) -> None:
        if self._handler is not None:
            _LOGGER.removeHandler(self._handler)


def log_to_stderr() -> logging.Handler | None:
    """Write the service's own log lines, from level info, to stderr.

    Returns the handler to remove again, or None where somebody else has already seen to it.
    """
    if _LOGGER.hasHandlers():
        return None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s:     %(message)s"))
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    return handler


_LOGGER = logging.getLogger("app")
