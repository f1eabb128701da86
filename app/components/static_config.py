"""A static config, checked against the components that it configures."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from app.components.component import ComponentConfig
from app.components.component_list import ComponentList
from app.static_config.config_vars import CONFIG_VARS
from app.static_config.document import Document, OptionPath, Places, Problem
from app.static_config.errors import did_you_mean
from app.static_config.manager import ManagerConfig, no_task_processor
from app.static_config.model import (
    Mark,
    Option,
    has_mark,
    has_required,
    model_at,
    options_of,
    walk,
    without_empty_sections,
)
from app.static_config.validation import got, problems_of

M = TypeVar("M", bound=BaseModel)

MANAGER: Final = "components_manager"
COMPONENTS: Final = "components"


@dataclass(frozen=True, slots=True)
class StaticConfig:
    """All of the static config: what the components share, and each one's options.

    Args:
        manager: What the components share.
        components: The options of each component that is there, by its section.
        places: Where each option stands.
        without_effect: The options that the file sets and that nothing reads yet.
    """

    manager: ManagerConfig
    components: Mapping[str, ComponentConfig]
    places: Places
    without_effect: tuple[OptionPath, ...]

    @property
    def path(self) -> str:
        """The file that it was read from."""
        return self.places.document.file


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """What a document holds, as far as it is good, and what is wrong with the rest.

    Args:
        manager: What the components share; None if that is not good.
        components: The options of each component that are good, by its section.
        broken: The sections of the components whose options are not good.
        without_effect: The options that the document sets and that nothing reads yet.
        problems: What is wrong.
    """

    manager: ManagerConfig | None
    components: Mapping[str, ComponentConfig]
    broken: frozenset[str]
    without_effect: tuple[OptionPath, ...]
    problems: list[Problem]


def section_path(section: str) -> OptionPath:
    """Return the path of a component's section."""
    return (MANAGER, COMPONENTS, section)


def check_static_config(document: Document, components: ComponentList) -> CheckedConfig:
    """Check what `document` holds against the models of all that it may configure.

    A component without a section is there with its defaults, or, if it has an option without a
    default, is not there; nor is one whose section says so.
    """
    check = _Check(document)
    check.known_keys((), [MANAGER, CONFIG_VARS], "unknown option")
    if not document.hides((MANAGER,)) and MANAGER not in document.mapping():
        found = "other keys only" if document.mapping() else "nothing"
        why = "; ".join(filter(None, (found, document.absent.get((MANAGER,)))))
        check.add((), f"expected the key {MANAGER!r} at the top of the file, found {why}")
        return CheckedConfig(None, {}, frozenset(), (), check.problems)
    manager = check.manager()
    check.section((MANAGER, COMPONENTS))
    models: dict[OptionPath, type[BaseModel]] = {(MANAGER,): ManagerConfig}
    models |= {section_path(entry.section): entry.component.Config for entry in components}
    known = [entry.section for entry in components]
    check.known_keys((MANAGER, COMPONENTS), known, "no listed component has this name")
    check.valueless_options(models)
    options = [
        option
        for path, model in models.items()
        for option in walk(model, document.value_at(path), path)
    ]
    refused = check.task_processors(options)
    configs = check.components(components)
    if manager is not None and manager.default_task_processor not in manager.task_processors:
        manager = None
    # One with a default in the place of a value that nobody knows is not what was meant.
    broken = {
        section
        for section, config in configs.items()
        if config is None or document.has_undecided_below(section_path(section))
    }
    broken |= {str(path[2]) for path in refused if path[:2] == (MANAGER, COMPONENTS)}
    return CheckedConfig(
        manager,
        {name: config for name, config in configs.items() if config and name not in broken},
        frozenset(broken),
        tuple(path for path, field, _ in options if has_mark(field, Mark.NO_EFFECT_YET)),
        check.problems,
    )


class _Check:
    """Collects the problems, so that all are told at once."""

    def __init__(self, document: Document) -> None:
        self.problems: list[Problem] = []
        self._document = document
        # Options that the file names, and that nothing has given a value.
        self._valueless = (*document.absent, *sorted(filter(None, document.undecided), key=str))

    def add(self, path: OptionPath, text: str) -> None:
        self.problems.append(Problem(self._document.places.of(path), path, text))

    def known_keys(self, path: OptionPath, known: Collection[str], text: str) -> None:
        """Refuse keys of the mapping at `path` that are not known, those without a value, too."""
        valueless = (str(option[-1]) for option in self._valueless if option[:-1] == path)
        for key in (*self._document.mapping(path), *valueless):
            if key not in known:
                self.add((*path, key), f"{text}{did_you_mean(key, known)}")

    def valueless_options(self, models: Mapping[OptionPath, type[BaseModel]]) -> None:
        """Refuse options that nothing has given a value, if their section knows no such option."""
        for option in self._valueless:
            for root, model in models.items():
                section = model_at(model, option[len(root) : -1])
                is_within = option[: len(root)] == root and len(option) > len(root)
                if is_within and section is not None and option != (MANAGER, COMPONENTS):
                    self._known_option(option, options_of(section))

    def _known_option(self, option: OptionPath, known: Collection[str]) -> None:
        name = str(option[-1])
        if name not in known:
            self.add(option, f"unknown option{did_you_mean(name, known)}")

    def section(self, path: OptionPath) -> Mapping[str, object] | None:
        """Return the mapping at `path`; None, having told it, if something else is there."""
        value = self._document.value_at(path)
        if value is None or isinstance(value, Mapping):
            # A section without options is written `name:`, which YAML reads as null.
            return self._document.mapping(path)
        self.add(path, f"expected a mapping{got(value)}")
        return None

    def model(self, model: type[M], value: object, path: OptionPath) -> M | None:
        try:
            filled = without_empty_sections(model, value)
            return model.model_validate(filled, by_alias=True, by_name=False)
        except ValidationError as error:
            self.problems += problems_of(error, self._document, path, model)
            return None

    def manager(self) -> ManagerConfig | None:
        shared = self.section((MANAGER,))
        if shared is None:
            return None
        own = {key: value for key, value in shared.items() if key != COMPONENTS}
        return self.model(ManagerConfig, own, (MANAGER,))

    def components(self, components: ComponentList) -> dict[str, ComponentConfig | None]:
        """Return the options of each component that is there; None for those that are not good."""
        given = self._document.mapping((MANAGER, COMPONENTS))
        configs: dict[str, ComponentConfig | None] = {}
        for entry in components:
            path, model = section_path(entry.section), entry.component.Config
            if self._document.is_undecided(path):
                configs[entry.section] = None
            elif entry.section in given or not has_required(model):
                options = self.section(path)
                config = None if options is None else self.model(model, options, path)
                if config is None or config.load_enabled:
                    configs[entry.section] = config
        return configs

    def task_processors(self, options: Iterable[Option]) -> set[OptionPath]:
        """Refuse names of task processors that are not there; return the options that have any."""
        # By the document: they are known, too, where something else is wrong with the manager.
        given = (MANAGER, "task_processors")
        known = self._document.mapping(given)
        refused: set[OptionPath] = set()
        for path, field, name in options:
            if not has_mark(field, Mark.TASK_PROCESSOR) or not isinstance(name, str):
                continue
            if known and name not in known and not self._document.is_undecided((*given, name)):
                self.add(path, no_task_processor(name, known))
                refused.add(path)
        return refused
