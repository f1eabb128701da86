"""Both configs of a service, read and checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.components.component_list import ComponentList
from app.components.manager import ComponentManager
from app.components.static_config import StaticConfig, check_static_config
from app.config_updates.component import DynamicConfigFallbacksComponent
from app.dynamic_config.reading import read_json
from app.dynamic_config.snapshot import Snapshot, parse_snapshot
from app.exceptions import ConfigError
from app.static_config.errors import StaticConfigError
from app.static_config.reading import read_yaml


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """All that the files of a service say; a worker process gets this instead of the files."""

    static: StaticConfig
    dynamic: Snapshot


def read_service_config(path: Path, components: ComponentList) -> ServiceConfig:
    """Read the static config at `path`, and the file of fallback values that it names.

    Raises:
        ConfigError: a file cannot be read or used; the text says which, where and why.
    """
    static = check_static_config(path, read_yaml(path), components)
    fallback_paths = (
        config.fallback_path
        for config in static.components.values()
        if isinstance(config, DynamicConfigFallbacksComponent.Config)
    )
    return ServiceConfig(static, _fallback_values(fallback_paths, components))


def build_components(components: ComponentList, config: ServiceConfig) -> ComponentManager:
    """Build, without starting it, all that the config asks for.

    Raises:
        ConfigError: the components do not fit together, or one refuses its options.
    """
    values = (config.static.manager, config.dynamic)
    try:
        return ComponentManager(components, config.static, values)
    except ConfigError as error:
        raise StaticConfigError(config.static.path, [str(error)]) from error


def _fallback_values(paths: Iterable[Path], components: ComponentList) -> Snapshot:
    for path in paths:
        return parse_snapshot(str(path.absolute()), read_json(path), components.variables)
    return parse_snapshot("defaults", {}, components.variables)
