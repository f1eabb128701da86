"""Both configs of a service, read and checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from app.components.component import Component
from app.components.component_list import ComponentList
from app.components.errors import ComponentGraphError, MissingSectionError, RefusedError
from app.components.manager import ComponentManager
from app.components.static_config import (
    COMPONENTS,
    MANAGER,
    CheckedConfig,
    StaticConfig,
    check_static_config,
    section_path,
)
from app.config_updates.component import DynamicConfigComponent, DynamicConfigFallbacksComponent
from app.dynamic_config.reading import read_json
from app.dynamic_config.snapshot import Snapshot, parse_values
from app.dynamic_config.source import Source
from app.server.component import ServerComponent
from app.server.tls import TlsConfig, TlsMaterial, read_tls
from app.static_config.config_file import unreadable
from app.static_config.document import Document, OptionPath, Places, Problem
from app.static_config.errors import ConfigFileError, OptionError
from app.static_config.reading import ConfigFiles, read_static_config


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """All that the files of a service say; a worker process gets this instead of the files.

    Args:
        static: The static config.
        dynamic: The values that the dynamic config has at first.
        tls: The listener's certificates, if it has any and this process was to read them.
        warnings: What is allowed, and probably not meant.
    """

    static: StaticConfig
    dynamic: Snapshot
    tls: TlsMaterial | None
    warnings: tuple[Problem, ...]


def read_service_config(
    files: ConfigFiles, components: ComponentList, *, with_tls: bool
) -> ServiceConfig:
    """Read the static config, and the files that it names.

    Args:
        files: Where the static config is.
        components: What the service is made of.
        with_tls: Whether to read the certificates of the listener, too.

    Raises:
        ConfigFileError: all that is wrong with the files, at once.
        ComponentGraphError: the components do not fit together, whatever the files say.
    """
    found = read_static_config(files)
    document = found.document
    checked = check_static_config(document, components)
    places = document.places
    problems = [*document.problems, *checked.problems]
    snapshot, in_values = _read_values(document, components)
    tls, in_certificates = _read_certificates(document, components) if with_tls else (None, [])
    problems += in_certificates
    if problems or in_values or checked.manager is None:
        problems += [*_refusals(components, checked, snapshot, places), *in_values]
        problems.sort(key=lambda problem: problem.place.file != places.document.file)
        raise ConfigFileError(problems)
    static = StaticConfig(checked.manager, checked.components, places, checked.without_effect)
    return ServiceConfig(static, snapshot, tls, found.warnings)


def build_components(components: ComponentList, config: ServiceConfig) -> ComponentManager:
    """Build, without starting it, all that the config asks for.

    Raises:
        ConfigFileError: a component refuses its options, or the section of one is missing.
        ComponentGraphError: the components do not fit together, whatever the files say.
    """
    static = config.static
    try:
        source = Source(components.variables, config.dynamic)
        return ComponentManager(components, static.components, (static.manager, source))
    except (RefusedError, MissingSectionError) as error:
        raise ConfigFileError(_told(error, static.places)) from error


def warnings(config: ServiceConfig, manager: ComponentManager) -> Iterator[Problem]:
    """Yield what is allowed, and probably not meant."""
    yield from config.warnings
    for section, option, text in manager.warnings():
        path = (*section_path(section), *option)
        yield Problem(config.static.places.of(path), path, text)


def _read_values(document: Document, components: ComponentList) -> tuple[Snapshot, list[Problem]]:
    """Return the values that hold while no others are known, and what is wrong with them.

    The later of these come before the earlier: the defaults in the code, those of the section
    `dynamic-config`, and the file that `dynamic-config-fallbacks` names.
    """
    variables = components.variables
    values: dict[str, object] = {each.name: each.default for each in variables}
    problems: list[Problem] = []
    for layer in (_read_defaults, _read_defaults_file, _read_fallbacks):
        try:
            values |= layer(document, components)
        except ConfigFileError as error:
            problems += error.problems
    return Snapshot(values), problems


def _read_defaults(document: Document, components: ComponentList) -> dict[str, object]:
    for section in _sections(components, DynamicConfigComponent):
        root = (*section, "defaults")
        if isinstance(document.value_at(root), Mapping) and not document.hides(root):
            # What is wrong with the document itself has been told.
            return parse_values(replace(document, problems=()), components.variables, root=root)
    return {}


def _read_defaults_file(document: Document, components: ComponentList) -> dict[str, object]:
    return _read_values_file(document, components, DynamicConfigComponent, "defaults-path")


def _read_fallbacks(document: Document, components: ComponentList) -> dict[str, object]:
    return _read_values_file(document, components, DynamicConfigFallbacksComponent, "fallback-path")


def _read_values_file(
    document: Document, components: ComponentList, owner: type[Component], option_name: str
) -> dict[str, object]:
    """Return the values in the file that an option names, be its section good or not.

    Raises:
        ConfigFileError: what is wrong with the file.
    """
    for section in _sections(components, owner):
        option = (*section, option_name)
        name = document.value_at(option)
        if not isinstance(name, str) or not name:
            continue
        try:
            return parse_values(read_json(Path(name)), components.variables)
        except (OSError, ValueError) as error:
            text = unreadable(Path(name), error)
            raise ConfigFileError([Problem(document.places.of(option), option, text)]) from None
    return {}


def _read_certificates(
    document: Document, components: ComponentList
) -> tuple[TlsMaterial | None, list[Problem]]:
    """Return the certificates of the listener, if it has any, and what is wrong with them.

    Be it that something else is wrong with the listener.
    """
    for section in _sections(components, ServerComponent):
        option = (*section, "listener", "tls")
        try:
            config = TlsConfig.model_validate(document.value_at(option), by_alias=True)
            return read_tls(config), []
        except ValidationError:
            continue  # there is none; or it has been told what is wrong with it
        except OptionError as error:
            return None, list(placed(error, option, document.places))
    return None, []


def _sections(components: ComponentList, wanted: type[Component]) -> Iterator[OptionPath]:
    for entry in components:
        if issubclass(entry.component, wanted):
            yield section_path(entry.section)


def _refusals(
    components: ComponentList, checked: CheckedConfig, snapshot: Snapshot, places: Places
) -> Iterator[Problem]:
    """Yield what the components say that could be built, though others cannot."""
    if checked.manager is None:
        return
    values = (checked.manager, Source(components.variables, snapshot))
    try:
        ComponentManager(components, checked.components, values, checked.broken)
    except (RefusedError, MissingSectionError) as error:
        yield from _told(error, places)
    except ComponentGraphError:
        return  # of no use before the files are good


def _told(error: RefusedError | MissingSectionError, places: Places) -> Iterator[Problem]:
    if isinstance(error, MissingSectionError):
        path = (MANAGER, COMPONENTS)
        yield Problem(places.of(path), path, str(error))
    else:
        for section, refused in error.refusals.items():
            yield from placed(refused, section_path(section), places)


def placed(error: OptionError, section: OptionPath, places: Places) -> Iterator[Problem]:
    """Yield what is refused, with the place of each option.

    Args:
        error: What is refused, by options within a section.
        section: Where that section stands.
        places: Where the options do.
    """
    for option, text in error.refusals.items():
        path = (*section, *option)
        yield Problem(places.of(path), path, text)
