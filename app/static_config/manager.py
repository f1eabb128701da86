"""The `components_manager` section: everything but the sections of the components themselves."""

import re
from collections.abc import Collection
from typing import Annotated, Final

from pydantic import Field, field_validator

from app.static_config.errors import OptionError, did_you_mean
from app.static_config.model import NO_EFFECT_YET, ConfigModel, TaskProcessorName


class CoroPoolConfig(ConfigModel):
    """How many coroutines are kept ready. Python makes them as they are needed."""

    initial_size: Annotated[int, NO_EFFECT_YET] = Field(
        default=1000, ge=1, description="Coroutines that are there from the start."
    )
    max_size: Annotated[int, NO_EFFECT_YET] = Field(
        default=4000,
        ge=1,
        description="Coroutines that are kept when they are done, for the next ones.",
    )


class TaskProcessorConfig(ConfigModel):
    """One task processor: the worker processes if it is the default one, else a pool of threads."""

    worker_threads: int = Field(ge=1, le=4096, description="How many processes or threads it has.")
    thread_name: str | None = Field(
        default=None,
        min_length=1,
        description="What `ps` and `top` call them, with `_<number>` behind it. By default"
        " `fs-worker` for `fs-task-processor`, and so for each name with at most five characters"
        " before `-task-processor`. Any other needs one.",
    )


class ManagerConfig(ConfigModel):
    """What all components share: the task processors and which of them is the default."""

    coro_pool: CoroPoolConfig = Field(
        default=CoroPoolConfig(), description="How many coroutines are kept ready."
    )
    task_processors: dict[str, TaskProcessorConfig] = Field(
        min_length=1, description="What code runs on, by name."
    )
    default_task_processor: TaskProcessorName = Field(
        description="The one that the listener and all handlers run on; its `worker_threads` are"
        " the worker processes."
    )

    @field_validator("task_processors")
    @classmethod
    def _threads_have_names(
        cls, value: dict[str, TaskProcessorConfig]
    ) -> dict[str, TaskProcessorConfig]:
        nameless = [
            name
            for name, processor in value.items()
            if processor.thread_name is None and not _SHORT_NAME.fullmatch(name)
        ]
        if nameless:
            text = (
                "add a thread_name; one is made up only for names such as 'fs-task-processor'"
                " (at most five characters before the dash)"
            )
            raise OptionError({(name,): text for name in nameless})
        return value

    @property
    def worker_processes(self) -> int:
        """How many worker processes serve: the `worker_threads` of the default task processor."""
        return self.task_processors[self.default_task_processor].worker_threads

    def thread_name(self, task_processor: str) -> str:
        """Return what the threads of `task_processor` are called, without their number."""
        given = self.task_processors[task_processor].thread_name
        return given or task_processor.removesuffix(_SUFFIX) + "-worker"


def no_task_processor(name: str, known: Collection[str]) -> str:
    """Return what to say of a task processor that is not among those that are known."""
    # Names that end in -task-processor are all alike: the beginning must be, too.
    first = name.replace("_", "-").partition("-")[0]
    alike = [
        each
        for each in known
        if each.startswith(first) or did_you_mean(first, [each.partition("-")[0]])
    ]
    there = ", ".join(known)
    return f"there is no task processor {name!r}; there are: {there}{did_you_mean(name, alike)}"


_SUFFIX: Final = "-task-processor"
_SHORT_NAME = re.compile(r".{1,5}-task-processor")
