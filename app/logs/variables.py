"""The variable that raises or lowers the log level of single places in the code."""

from typing import Literal

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

LevelName = Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NONE"]


class DynamicDebug(ConfigModel):
    """Which places in the code are logged whatever the level of the logger is, and which are not.

    A place is how the path of a source file begins (`app/chat/`; an empty text is all files), or
    one line of a file (`app/chat/handler.py:17`): the one on which the call of the logger begins,
    as in the field `module` of a log line. Paths are relative to the folder that the module was
    imported from, for libraries, too (`uvicorn/server.py`), or absolute.

    Each line of the code has one state. Places that are to be logged come before those that are
    not; among them a line comes before a path, and a longer path before a shorter one. A place that
    no module has which is loaded is named in the log; the others take effect.

    As long as a place is to be logged below the level of the loggers, the whole process makes log
    records from there on, and drops those of other places again, which takes time: name places, and
    not all files. The process that only starts and watches the workers keeps the fallback value.
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
        description="Places and the level from which on they are logged, whatever that of the"
        " logger is. `NONE`: as the logger says, though a shorter path is not to be logged.",
    )
    force_disabled_level: dict[str, LevelName] = Field(
        default={},
        alias="force-disabled-level",
        description="Places and the level up to which they are not logged, whatever that of the"
        " logger is. `NONE`: they are not logged at all.",
    )


USERVER_LOG_DYNAMIC_DEBUG = Variable(
    "USERVER_LOG_DYNAMIC_DEBUG",
    DynamicDebug,
    {"force-enabled": [], "force-disabled": []},
    description="Places in the code with a log level of their own.",
    reader="`app/logs`, when the value changes",
)
