"""The variables of the congestion control."""

from typing import Annotated

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

Count = Annotated[int, Field(ge=0)]
Percent = Annotated[float, Field(gt=0, le=100)]


class RpsControl(ConfigModel):
    """How the limit of requests per second follows the load, second by second."""

    min_limit: int = Field(alias="min-limit", ge=1)
    up_rate_percent: Percent = Field(alias="up-rate-percent")
    down_rate_percent: Percent = Field(alias="down-rate-percent")
    overload_on_seconds: Count = Field(alias="overload-on-seconds")
    overload_off_seconds: Count = Field(alias="overload-off-seconds")
    up_level: Count = Field(alias="up-level")
    down_level: Count = Field(alias="down-level")
    no_limit_seconds: Count = Field(alias="no-limit-seconds")
    load_limit_percent: Count = Field(default=0, alias="load-limit-percent")
    # Over 100: the share of overload events never reaches it.
    load_limit_crit_percent: Count = Field(default=101, alias="load-limit-crit-percent")
    start_limit_factor: float = Field(
        default=0.75, alias="start-limit-factor", gt=0, allow_inf_nan=False
    )


class CustomStatus(ConfigModel):
    """The status of refused requests while a limit is new: at most `max-time-ms`."""

    initial_status_code: int = Field(default=429, alias="initial-status-code", ge=300, le=599)
    max_time_ms: int = Field(default=10000, alias="max-time-ms", ge=1)


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
    no_effect_yet=True,
)
USERVER_RPS_CCONTROL_ENABLED = Variable(
    "USERVER_RPS_CCONTROL_ENABLED", bool, False, no_effect_yet=True
)
USERVER_RPS_CCONTROL_ACTIVATED_FACTOR_METRIC = Variable(
    "USERVER_RPS_CCONTROL_ACTIVATED_FACTOR_METRIC",
    Annotated[int, Field(ge=1)],
    5,
    no_effect_yet=True,
)
USERVER_RPS_CCONTROL_CUSTOM_STATUS = Variable(
    "USERVER_RPS_CCONTROL_CUSTOM_STATUS", CustomStatus, {}, no_effect_yet=True
)
