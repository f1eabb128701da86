"""The variables of the congestion control."""

from typing import Annotated

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

Count = Annotated[int, Field(ge=0)]
Percent = Annotated[float, Field(gt=0, le=100)]


class RpsControl(ConfigModel):
    """How the limit of requests per second follows the load, second by second.

    A task that has waited for too long (`sensor_time_limit_us` of `USERVER_TASK_PROCESSOR_QOS`) is
    an overload event. Too many of them in a second are pressure; pressure for some seconds is an
    overload, under which there is a limit.
    """

    min_limit: int = Field(
        alias="min-limit",
        ge=1,
        description="Requests per second below which the limit never falls.",
    )
    up_rate_percent: Percent = Field(
        alias="up-rate-percent",
        description="Percent by which the limit rises, at most, in a second without overload or"
        " pressure. It begins with steps of 1.",
    )
    down_rate_percent: Percent = Field(
        alias="down-rate-percent",
        description="Percent by which the limit falls in a second of overload with pressure; by 1"
        " at least.",
    )
    overload_on_seconds: Count = Field(
        alias="overload-on-seconds",
        description="Seconds in a row; with pressure for more of them an overload begins.",
    )
    overload_off_seconds: Count = Field(
        alias="overload-off-seconds",
        description="Seconds in a row; without pressure for more of them the overload ends.",
    )
    up_level: Count = Field(
        alias="up-level",
        description="Overload events per second; more of them are pressure while there is no"
        " overload.",
    )
    down_level: Count = Field(
        alias="down-level",
        description="Overload events per second; more of them are pressure during an overload.",
    )
    no_limit_seconds: Count = Field(
        alias="no-limit-seconds",
        description="Seconds in a row; without pressure for more of them the limit goes.",
    )
    load_limit_percent: Count = Field(
        default=0,
        alias="load-limit-percent",
        description="Percent of the tasks looked at; fewer overload events are no pressure. 0: the"
        " levels alone decide.",
    )
    load_limit_crit_percent: Count = Field(
        default=101,
        alias="load-limit-crit-percent",
        description="Percent of the tasks looked at; with as many overload events or more,"
        " pressure is an overload at once. Above 100: never.",
    )
    start_limit_factor: float = Field(
        default=0.75,
        alias="start-limit-factor",
        gt=0,
        allow_inf_nan=False,
        description="The first limit is the number of requests in the last second, times this.",
    )


class CustomStatus(ConfigModel):
    """How requests are refused while the limit is new; later it is with status 429."""

    initial_status_code: int = Field(
        default=429,
        alias="initial-status-code",
        ge=300,
        le=599,
        description="HTTP status of the answer.",
    )
    max_time_ms: int = Field(
        default=10000,
        alias="max-time-ms",
        ge=1,
        description="Milliseconds for which a limit is new, from when there was none.",
    )


USERVER_RPS_CCONTROL = Variable(
    "USERVER_RPS_CCONTROL",
    RpsControl,
    {
        "min-limit": 10,
        "up-rate-percent": 2,
        "down-rate-percent": 2,
        "overload-on-seconds": 3,
        "overload-off-seconds": 3,
        "up-level": 2,
        "down-level": 1,
        "no-limit-seconds": 1000,
    },
    description="How the limit of requests per second follows the load; the start of a WebSocket"
    " connection is a request, its messages are not.",
    reader="`app/congestion_control`, each second",
    no_effect_yet=True,
)
USERVER_RPS_CCONTROL_ENABLED = Variable(
    "USERVER_RPS_CCONTROL_ENABLED",
    bool,
    False,
    description="Whether requests above the limit are refused. If not, the limit is still worked"
    " out and logged.",
    reader="`app/congestion_control`, each second",
    no_effect_yet=True,
)
USERVER_RPS_CCONTROL_ACTIVATED_FACTOR_METRIC = Variable(
    "USERVER_RPS_CCONTROL_ACTIVATED_FACTOR_METRIC",
    Annotated[int, Field(ge=1)],
    5,
    description="Factor in the metric `congestion-control.rps.is-activated`: that is 1 while there"
    " is a limit and the requests in the last second, times this factor, are below it.",
    reader="`app/congestion_control`, when metrics are asked for",
    no_effect_yet=True,
)
USERVER_RPS_CCONTROL_CUSTOM_STATUS = Variable(
    "USERVER_RPS_CCONTROL_CUSTOM_STATUS",
    CustomStatus,
    {},
    description="HTTP status of requests that are refused while the limit is new.",
    reader="`app/congestion_control`, at each refused request",
    no_effect_yet=True,
)
