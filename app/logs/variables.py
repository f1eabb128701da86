"""The variable that raises or lowers the log level of single places in the code."""

from typing import Literal

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

LevelName = Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NONE"]


class DynamicDebug(ConfigModel):
    """Which places in the code are logged whatever the level of the logger is, and which are not.

    A place is how the path of a source file begins (`app/chat/`; an empty text is all files), or
    one line of a file (`app/chat/handler.py:17`). Where both apply, a place is logged.
    """

    force_enabled: list[str] = Field(
        alias="force-enabled", description="Places of which everything is logged."
    )
    force_disabled: list[str] = Field(
        alias="force-disabled", description="Places of which only warnings and worse are logged."
    )
    force_enabled_level: dict[str, LevelName] = Field(
        default={},
        alias="force-enabled-level",
        description="Places and the level from which on they are logged.",
    )
    force_disabled_level: dict[str, LevelName] = Field(
        default={},
        alias="force-disabled-level",
        description="Places and the level up to which they are not logged.",
    )


USERVER_LOG_DYNAMIC_DEBUG = Variable(
    "USERVER_LOG_DYNAMIC_DEBUG",
    DynamicDebug,
    {"force-enabled": [], "force-disabled": []},
    description="Places in the code with a log level of their own.",
    reader="`app/logs`, when the value changes",
    no_effect_yet=True,
)
