"""The `components_manager` section: everything but the sections of the components themselves."""

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from app.static_config.model import NO_EFFECT_YET, ConfigModel


class CoroPoolConfig(ConfigModel):
    """How many coroutines the original makes at start and keeps for reuse."""

    initial_size: Annotated[int, Field(ge=1), NO_EFFECT_YET] = 1000
    max_size: Annotated[int, Field(ge=1), NO_EFFECT_YET] = 4000


class TaskProcessorConfig(ConfigModel):
    """One task processor: worker processes if a listener names it, else a pool of threads."""

    worker_threads: int = Field(ge=1, description="Worker processes or threads.")
    thread_name: str | None = Field(
        default=None,
        min_length=1,
        description="What the operating system calls them, with `_<number>` behind it.",
    )


class ManagerConfig(ConfigModel):
    """What all components share: the task processors and which of them is the default."""

    coro_pool: CoroPoolConfig = CoroPoolConfig()
    task_processors: dict[str, TaskProcessorConfig] = Field(min_length=1)
    default_task_processor: str

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default_task_processor not in self.task_processors:
            raise ValueError(
                f"default_task_processor: there is no task processor"
                f" {self.default_task_processor!r}; there are: {', '.join(self.task_processors)}"
            )
        return self

    @model_validator(mode="after")
    def _threads_have_names(self) -> Self:
        for name, processor in self.task_processors.items():
            if processor.thread_name is None and not _SHORT_NAME.fullmatch(name):
                raise ValueError(
                    f"task_processors.{name}: add a thread_name; one is made up only for names"
                    " such as 'fs-task-processor' (at most five characters before the dash)"
                )
        return self

    @property
    def worker_processes(self) -> int:
        """How many worker processes serve: the `worker_threads` of the default task processor."""
        return self.task_processors[self.default_task_processor].worker_threads

    def thread_name(self, task_processor: str) -> str:
        """Return what the threads of `task_processor` are called, without their number."""
        given = self.task_processors[task_processor].thread_name
        return given or task_processor.removesuffix("-task-processor") + "-worker"


_SHORT_NAME = re.compile(r".{1,5}-task-processor")
