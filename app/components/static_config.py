"""A static config, checked against the components that it configures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.components.component import ComponentConfig
from app.components.component_list import ComponentList
from app.static_config.errors import StaticConfigError, describe
from app.static_config.manager import ManagerConfig
from app.static_config.model import options_without_effect

M = TypeVar("M", bound=BaseModel)

MANAGER = "components_manager"
COMPONENTS = "components"


@dataclass(frozen=True, slots=True)
class StaticConfig:
    """All of the static config: what the components share, and each one's options."""

    path: Path
    manager: ManagerConfig
    components: Mapping[str, ComponentConfig]

    def options_without_effect(self) -> list[str]:
        """Return the path of each option that the file sets and that nothing reads yet."""
        options = list(options_without_effect(self.manager, MANAGER))
        for section, config in self.components.items():
            options += options_without_effect(config, f"{MANAGER}.{COMPONENTS}.{section}")
        return options


def check_static_config(
    path: Path, document: Mapping[str, object], components: ComponentList
) -> StaticConfig:
    """Return the static config that `document` holds.

    A component without a section is there with its defaults, or, if it has an option without a
    default, is not there.

    Args:
        path: The file that `document` was read from.

    Raises:
        StaticConfigError: all that is wrong with it, at once.
    """
    checked = _Checked()
    checked.unknown_keys(document, {MANAGER})
    shared = dict(checked.mapping(document.get(MANAGER), MANAGER))
    sections = checked.mapping(shared.pop(COMPONENTS, {}), f"{MANAGER}.{COMPONENTS}")
    manager = checked.model(ManagerConfig, shared, MANAGER)
    configs = checked.sections(sections, components)
    if manager is None or checked.problems:
        raise StaticConfigError(path, checked.problems)
    return StaticConfig(path=path, manager=manager, components=configs)


class _Checked:
    """Collects the problems, so that all are told at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def unknown_keys(self, mapping: Mapping[str, object], known: set[str]) -> None:
        self.problems += [f"{key}: unknown option" for key in mapping if key not in known]

    def mapping(self, value: object, path: str) -> Mapping[str, object]:
        if isinstance(value, Mapping):
            return value
        self.problems.append(f"{path}: expected a mapping (got {value!r})")
        return {}

    def model(self, model: type[M], value: object, path: str) -> M | None:
        try:
            return model.model_validate(value, by_alias=True, by_name=False)
        except ValidationError as error:
            self.problems += describe(error, path)
            return None

    def sections(
        self, sections: Mapping[str, object], components: ComponentList
    ) -> dict[str, ComponentConfig]:
        """Return the options of each component that is there, by its section."""
        path = f"{MANAGER}.{COMPONENTS}"
        known = {entry.section: entry.component.Config for entry in components}
        for section in sections:
            if section not in known:
                self.problems.append(f"{path}.{section}: there is no component of this name")
        configs: dict[str, ComponentConfig] = {}
        for section, model in known.items():
            if section in sections:
                # A section without options is written `name:`, which YAML reads as null.
                given = sections[section]
                options = {} if given is None else given
                config = self.model(model, options, f"{path}.{section}")
            elif any(field.is_required() for field in model.model_fields.values()):
                config = None
            else:
                config = self.model(model, {}, f"{path}.{section}")
            if config is not None:
                configs[section] = config
        return configs
