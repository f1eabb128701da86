"""The variable that raises or lowers the log level of single places in the code."""

from typing import Literal

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

LevelName = Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NONE"]


class DynamicDebug(ConfigModel):
    """Places, as path prefix or `path:line`, that are always logged, or only from warning up."""

    force_enabled: list[str] = Field(alias="force-enabled")
    force_disabled: list[str] = Field(alias="force-disabled")
    force_enabled_level: dict[str, LevelName] = Field(default={}, alias="force-enabled-level")
    force_disabled_level: dict[str, LevelName] = Field(default={}, alias="force-disabled-level")


USERVER_LOG_DYNAMIC_DEBUG = Variable(
    "USERVER_LOG_DYNAMIC_DEBUG",
    DynamicDebug,
    {"force-enabled": [], "force-disabled": []},
    no_effect_yet=True,
)
