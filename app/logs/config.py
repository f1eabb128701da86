"""The options of the `logging` section."""

from typing import Literal

from pydantic import Field, field_validator

from app.components.component import ComponentConfig
from app.logs.formats import FormatName
from app.logs.levels import LevelName
from app.static_config.model import ConfigModel, TaskProcessorName

DEFAULT_LOGGER = "default"


class LoggerConfig(ConfigModel):
    """One logger: where it writes, from which level, and what it does when it cannot keep up."""

    file_path: str = Field(
        min_length=1,
        description="`@stderr`, `@stdout`, `@null` (nowhere), or a file; folders are made.",
    )
    level: LevelName = Field(default="info", description="The lowest level that is logged.")
    format: FormatName | None = Field(
        default=None,
        description="How a line looks; by default text on a terminal and tskv elsewhere.",
    )
    flush_level: LevelName = Field(
        default="warning",
        description="Lines from this level are written at once, others within 0.1 s.",
    )
    message_queue_size: int = Field(
        default=65536, ge=1, description="Lines that may wait to be written."
    )
    overflow_behavior: Literal["discard", "block"] = Field(
        default="discard",
        description=(
            "What a line does that finds the queue full: it is dropped and counted, or waits, at"
            " most 5 s, for room. In an event loop it never waits."
        ),
    )

    @field_validator("level", "flush_level", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("file_path")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value.startswith("unix:"):
            raise ValueError("sockets are not supported; write a file, @stderr, @stdout or @null")
        if value.startswith("@") and value not in {"@stderr", "@stdout", "@null"}:
            raise ValueError(
                f"{value!r} is none of @stderr, @stdout and @null; a file is ./{value}"
            )
        return value


class LoggingConfig(ComponentConfig):
    """Options of the `logging` section."""

    fs_task_processor: TaskProcessorName | None = Field(
        default=None,
        alias="fs-task-processor",
        description="The pool of threads that writes; by default a thread of the logger's own.",
    )
    loggers: dict[str, LoggerConfig] = Field(
        default={},
        description=(
            "By name. `default` takes all lines (without it: from level info, to @stderr); any"
            " other takes those of the standard library's logger of that name."
        ),
    )

    @field_validator("loggers")
    @classmethod
    def _has_no_root(cls, value: dict[str, LoggerConfig]) -> dict[str, LoggerConfig]:
        if not value.keys().isdisjoint({"root", ""}):
            raise ValueError(f"the root logger is called {DEFAULT_LOGGER!r} here")
        return value
