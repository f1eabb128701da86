"""The `dynamic-config-file-updater` section."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.config_updates.component import DynamicConfigComponent
from app.config_updates.errors import UpdateError
from app.config_updates.file_watch import FileWatch
from app.config_updates.updates import Updates
from app.config_updates.values_file import ValuesFile, parse_values_file, read_file
from app.dynamic_config.snapshot import parse_values
from app.dynamic_config.variable import Variable
from app.periodic import PeriodicTask, Schedule
from app.static_config.duration import Duration
from app.static_config.errors import ConfigFileError


def problems_in_file(path: Path, variables: Iterable[Variable[Any]]) -> list[str]:
    """Return why the values in a file would not be taken now, if so. May take any time."""
    try:
        parse_values(parse_values_file(read_file(path), path), variables)
    except UpdateError as error:
        return [str(error)]
    except ConfigFileError as error:
        return [str(each) for each in error.problems]
    return []


class DynamicConfigFileUpdaterComponent(Component):
    """Brings the values of the dynamic config from a file, and again whenever that changes."""

    name = "dynamic-config-file-updater"
    needs_lifespan = True

    class Config(ComponentConfig):
        """Options of the `dynamic-config-file-updater` section."""

        path: Annotated[Path, Field(strict=False)] = Field(
            description="JSON file with names of variables and their values; YAML if its name ends"
            " in .yaml or .yml. A variable that is not in it has its fallback value.",
        )
        check_interval: Annotated[Duration, Field(gt=0, le=86400)] = Field(
            default=1.0,
            alias="check-interval",
            description="How often the file is looked at if nothing tells that it has changed, as"
            " on a network file system.",
        )
        first_update_fail_ok: bool = Field(
            default=False,
            alias="first-update-fail-ok",
            description="Whether the service starts with its fallback values if the file cannot be"
            " used and there is no cache.",
        )

    def __init__(
        self, config: Config, section: str, dynamic_config: DynamicConfigComponent
    ) -> None:
        dynamic_config.register_updater(section, self.update_now)
        interval = config.check_interval
        # The folder that is current now may have been replaced by another one later.
        path = config.path.absolute()
        self._updates: Final = Updates(
            dynamic_config.source,
            dynamic_config.cache,
            ValuesFile(path),
            first_may_fail=config.first_update_fail_ok,
        )
        self._task: Final = PeriodicTask(
            section, self._updates.again, Schedule(interval, jitter=0.0, after_failure=interval)
        )
        self._watch: Final = FileWatch(path, interval, self.update_now)

    def update_now(self) -> None:
        """Let the file be read at once; on the event loop's thread, at any time."""
        self._task.run_now()

    @override
    async def start(self) -> None:
        await self._updates.first()
        self._task.start()
        self._watch.start()

    @override
    async def stop(self) -> None:
        await self._watch.stop()
        await self._task.stop()
