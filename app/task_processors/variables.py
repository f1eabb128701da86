"""The variables of task processors; the names in them need not be those of running ones."""

from typing import Literal

from pydantic import Field, field_validator

from app.dynamic_config.variable import Variable
from app.static_config.errors import OptionError
from app.static_config.model import ConfigModel

DEFAULT_QOS = "default-task-processor"


class SliceProfiler(ConfigModel):
    """How one task processor is watched for tasks that hold a thread for too long."""

    enabled: bool = Field(description="Whether it is watched.")
    execution_slice_threshold_us: int = Field(
        alias="execution-slice-threshold-us",
        ge=1,
        description="Microseconds from one wait of a task to the next; as many or more are logged"
        " as an error.",
    )
    profiler_force_stacktrace: bool = Field(
        default=False,
        alias="profiler-force-stacktrace",
        description="Whether the stack of the task is logged, too.",
    )


class WaitQueueOverload(ConfigModel):
    """When the queue of tasks that wait for a thread is overloaded, and what is done then."""

    time_limit_us: int = Field(
        ge=0,
        description="Microseconds in the queue; a task that has waited as long or longer shows an"
        " overload. 0: off.",
    )
    length_limit: int = Field(
        ge=0, description="Tasks in the queue; as many or more are an overload. 0: off."
    )
    action: Literal["ignore", "cancel"] = Field(
        default="ignore",
        description="`ignore` only counts overloads. `cancel` also cancels tasks that wait:"
        " requests are answered with status 503, WebSocket connections go on.",
    )
    sensor_time_limit_us: int = Field(
        default=3000,
        ge=0,
        description="Microseconds in the queue; a task that has waited as long or longer is an"
        " overload event of `USERVER_RPS_CCONTROL`.",
    )


class TaskProcessorQos(ConfigModel):
    """The limits of one task processor."""

    wait_queue_overload: WaitQueueOverload = Field(
        description="When its queue is overloaded, and what is done then."
    )


class ServiceQos(ConfigModel):
    """The limits of all task processors."""

    default_service: dict[str, TaskProcessorQos] = Field(
        alias="default-service",
        description="The limits, by the name of the task processor. `default-task-processor` must"
        " be there: it is for all that have no entry of their own.",
    )

    @field_validator("default_service")
    @classmethod
    def _has_default(cls, value: dict[str, TaskProcessorQos]) -> dict[str, TaskProcessorQos]:
        if DEFAULT_QOS not in value:
            raise OptionError({(DEFAULT_QOS,): "required, but not there"})
        return value


USERVER_TASK_PROCESSOR_PROFILER_DEBUG = Variable(
    "USERVER_TASK_PROCESSOR_PROFILER_DEBUG",
    dict[str, SliceProfiler],
    {
        "fs-task-processor": {"enabled": False, "execution-slice-threshold-us": 1000000},
        "main-task-processor": {"enabled": False, "execution-slice-threshold-us": 2000},
    },
    description="Which task processors are watched for tasks that hold a thread for too long, by"
    " the name of the task processor. Names of others are passed over.",
    reader="`app/task_processors`, each time a task gives up its thread",
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
    description="When a task processor is overloaded, and what is done then.",
    reader="`app/task_processors`, at each task",
    no_effect_yet=True,
)
