"""Both configs of a service, read and checked."""

from collections.abc import Iterator
from dataclasses import dataclass
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
from app.config_updates.component import DynamicConfigFallbacksComponent
from app.dynamic_config.reading import read_json
from app.dynamic_config.snapshot import Snapshot, parse_snapshot
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
    snapshot, in_values = _read_fallbacks(document, components)
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
        return ComponentManager(components, static.components, (static.manager, config.dynamic))
    except (RefusedError, MissingSectionError) as error:
        raise ConfigFileError(_told(error, static.places)) from error


def warnings(config: ServiceConfig, manager: ComponentManager) -> Iterator[Problem]:
    """Yield what is allowed, and probably not meant."""
    yield from config.warnings
    for section, option, text in manager.warnings():
        path = (*section_path(section), *option)
        yield Problem(config.static.places.of(path), path, text)


def _read_fallbacks(
    document: Document, components: ComponentList
) -> tuple[Snapshot, list[Problem]]:
    """Return the values in the file that the config names, and what is wrong with them.

    Be it that something else is wrong with the section that names it.
    """
    for section in _sections(components, DynamicConfigFallbacksComponent):
        option = (*section, "fallback-path")
        name = document.value_at(option)
        if not isinstance(name, str):
            continue
        try:
            return parse_snapshot(read_json(Path(name)), components.variables), []
        except ConfigFileError as error:
            return Snapshot({}), list(error.problems)
        except (OSError, ValueError) as error:
            text = unreadable(Path(name), error)
            return Snapshot({}), [Problem(document.places.of(option), option, text)]
    return Snapshot({}), []


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
    values = (checked.manager, snapshot)
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
