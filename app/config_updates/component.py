"""The `dynamic-config` and `dynamic-config-fallbacks` sections."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from app.components.component import Component, ComponentConfig
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.static_config.model import NO_EFFECT_YET


class DynamicConfigComponent(Component):
    """Has the values of the dynamic config: depend on it to read variables."""

    name = "dynamic-config"

    class Config(ComponentConfig):
        """Options of the `dynamic-config` section."""

        fs_cache_path: Annotated[str, NO_EFFECT_YET] = Field(
            default="",
            alias="fs-cache-path",
            description="File that keeps the last values for the next start. Empty: none.",
        )

    def __init__(self, snapshot: Snapshot) -> None:
        self.source = Source(snapshot)


class DynamicConfigFallbacksComponent(Component):
    """Names the file with the values that hold while no others are known.

    The file is read before any component is built, so that a bad value in it is refused like one
    in the static config, and so that worker processes never read it.
    """

    name = "dynamic-config-fallbacks"

    class Config(ComponentConfig):
        """Options of the `dynamic-config-fallbacks` section."""

        fallback_path: Annotated[Path, Field(strict=False)] = Field(
            alias="fallback-path",
            description="JSON file with names of variables and their values. A variable that is"
            " not in it has its default.",
        )
