"""The variables of task processors; the names in them need not be those of running ones."""

from typing import Literal

from pydantic import Field, field_validator

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

DEFAULT_QOS = "default-task-processor"


class SliceProfiler(ConfigModel):
    """Tells of tasks that hold a thread for longer than the threshold without giving it up."""

    enabled: bool
    execution_slice_threshold_us: int = Field(alias="execution-slice-threshold-us", ge=1)
    profiler_force_stacktrace: bool = Field(default=False, alias="profiler-force-stacktrace")


class WaitQueueOverload(ConfigModel):
    """When a queue of waiting tasks is overloaded; a limit of 0 is off."""

    time_limit_us: int = Field(ge=0)
    length_limit: int = Field(ge=0)
    action: Literal["ignore", "cancel"] = "ignore"
    sensor_time_limit_us: int = Field(default=3000, ge=0)


class TaskProcessorQos(ConfigModel):
    """The quality of service of one task processor."""

    wait_queue_overload: WaitQueueOverload


class ServiceQos(ConfigModel):
    """By task processor; one without an entry of its own has that of `default-task-processor`."""

    default_service: dict[str, TaskProcessorQos] = Field(alias="default-service")

    @field_validator("default_service")
    @classmethod
    def _has_default(cls, value: dict[str, TaskProcessorQos]) -> dict[str, TaskProcessorQos]:
        if DEFAULT_QOS not in value:
            raise ValueError(f"{DEFAULT_QOS!r}: required, but not there")
        return value


USERVER_TASK_PROCESSOR_PROFILER_DEBUG = Variable(
    "USERVER_TASK_PROCESSOR_PROFILER_DEBUG",
    dict[str, SliceProfiler],
    {
        "fs-task-processor": {"enabled": False, "execution-slice-threshold-us": 1000000},
        "main-task-processor": {"enabled": False, "execution-slice-threshold-us": 2000},
    },
    no_effect_yet=True,
)
USERVER_TASK_PROCESSOR_QOS = Variable(
    "USERVER_TASK_PROCESSOR_QOS",
    ServiceQos,
    {
        "default-service": {
            "default-task-processor": {
                "wait_queue_overload": {
                    "action": "ignore",
                    "length_limit": 5000,
                    "time_limit_us": 3000,
                }
            }
        }
    },
    no_effect_yet=True,
)
