import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.components.component_list import ComponentList
from app.components.errors import ComponentGraphError
from app.config_updates.component import DynamicConfigComponent, DynamicConfigFallbacksComponent
from app.dynamic_config.source import Source
from app.dynamic_config.variable import Variable
from app.exceptions import ConfigError
from app.server.component import ServerComponent
from app.service_config import (
    ServiceConfig,
    build_components,
    read_service_config,
    warnings,
)
from app.static_config.document import OptionPath
from app.static_config.errors import ConfigFileError, OptionError
from app.static_config.manager import ManagerConfig
from app.static_config.reading import ConfigFiles
from app.task_processors.component import TaskProcessorsComponent
from tests.helpers.certificates import make_certificate

COUNT = Variable("COUNT", int, 7, description="How many.", reader="reading")

COMPONENTS = ComponentList(
    TaskProcessorsComponent,
    DynamicConfigComponent,
    DynamicConfigFallbacksComponent,
    variables=[COUNT],
)


class ReadingComponent(Component):
    """Asks for all that a constructor may ask for."""

    name = "reading"

    def __init__(self, manager: ManagerConfig, source: Source) -> None:
        self.task_processor = manager.default_task_processor
        self.count = source.snapshot[COUNT]


class PickyComponent(Component):
    """Likes no colour."""

    name = "picky"

    class Config(ComponentConfig):
        colour: str
        size: int = 1

    def __init__(self, config: Config) -> None:
        raise OptionError({("colour",): f"not {config.colour}", (): "too big"})


class CountingComponent(Component):
    """Can do with a count that is not large."""

    name = "counting"

    def __init__(self, source: Source) -> None:
        if source.snapshot[COUNT] > 8:
            raise ConfigError(f"cannot count to {source.snapshot[COUNT]}")


class NeedyComponent(Component):
    name = "needy"

    def __init__(self, picky: PickyComponent) -> None:
        raise NotImplementedError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


HEAD = """\
components_manager:
    task_processors: {main-task-processor: {worker_threads: 1}}
    default_task_processor: main-task-processor
    components:
"""
"""Four lines, after which the sections of the components begin."""


def written(folder: Path, values: str | None = None, sections: str = "") -> Path:
    """Write a static config, and the file of fallback values if there are some."""
    if values is not None:
        (folder / "values.json").write_text(values)
        sections = f"        dynamic-config-fallbacks: {{fallback-path: values.json}}\n{sections}"
    path = folder / "static_config.yaml"
    path.write_text(HEAD + sections)
    return path


def read(
    path: Path, components: ComponentList = COMPONENTS, *, with_tls: bool = True
) -> ServiceConfig:
    return read_service_config(ConfigFiles(path), components, with_tls=with_tls)


def refusals(
    path: Path, components: ComponentList = COMPONENTS, *, with_tls: bool = True
) -> list[str]:
    """Return what is said of files that cannot be read."""
    with pytest.raises(ConfigFileError) as caught:
        read(path, components, with_tls=with_tls)
    return str(caught.value).splitlines()


def test_values_are_those_of_the_file_that_the_static_config_names(folder: Path) -> None:
    assert read(written(folder, '{"COUNT": 9}')).dynamic[COUNT] == 9


def test_values_are_the_defaults_where_the_static_config_names_no_file(folder: Path) -> None:
    (folder / "values.json").write_text('{"COUNT": 9}')

    assert read(written(folder)).dynamic[COUNT] == 7


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ('{\n"COUNT": "9"}', "2: COUNT: expected a whole number (got '9')"),
        ('{"CUONT": 9}', "1: CUONT: unknown variable; did you mean 'COUNT'?"),
        ("[]", "1: expected an object: variable names and their values"),
        (
            "{\n\n",
            "3: not valid JSON: Expecting property name enclosed in double quotes, or a comma"
            " is too many, or a comment",
        ),
        ('{"COUNT": 1,\n"COUNT": 1}', "2: COUNT: the same key is in line 1 already"),
        ('{"COUNT":\nNaN}', "1: COUNT: not valid JSON: NaN is no value"),
    ],
)
def test_bad_values_are_refused_and_their_file_is_shown_whole(
    folder: Path, values: str, problem: str
) -> None:
    assert refusals(written(folder, values))[0] == f"{folder / 'values.json'}:{problem}"


def test_missing_file_of_values_is_refused_at_the_option_and_shown_whole(folder: Path) -> None:
    path = written(folder, "{}")
    (folder / "values.json").unlink()

    assert refusals(path) == [
        f"{path}:5: components_manager.components.dynamic-config-fallbacks.fallback-path:"
        f" {folder / 'values.json'}: No such file or directory; relative to the current directory"
    ]


def test_bad_static_config_is_refused(folder: Path) -> None:
    path = written(folder, sections="        tracer: {}\n")

    assert refusals(path) == [
        f"{path}:5: components_manager.components.tracer: no listed component has this name"
    ]


def test_both_files_are_refused_together_the_static_config_first(folder: Path) -> None:
    path = written(folder, '{"COUNT": []}', "        tracer: {}\n        reader: {}\n")

    assert refusals(path) == [
        f"{path}:6: components_manager.components.tracer: no listed component has this name",
        f"{path}:7: components_manager.components.reader: no listed component has this name",
        f"{folder / 'values.json'}:1: COUNT: expected a whole number (got an empty list)",
    ]


def test_values_are_checked_where_the_manager_is_not_good(folder: Path) -> None:
    path = written(folder, '{"COUNT": []}')
    path.write_text(path.read_text().replace("worker_threads: 1", "worker_threads: 0"))

    assert [line.partition(": ")[2] for line in refusals(path)] == [
        "components_manager.task_processors.main-task-processor.worker_threads:"
        " expected at least 1 (got 0)",
        "COUNT: expected a whole number (got an empty list)",
    ]


NOT_THERE = "No such file or directory; relative to the current directory"

SERVER = """\
        server:
            listener:
                port: 0
                task_processor: main-task-processor
                tls:
                    cert: server.pem
                    private-key: server.key
"""


def test_certificates_are_read_where_that_is_asked_for(folder: Path) -> None:
    make_certificate(folder, "server")
    path = written(folder, sections=SERVER)
    components = COMPONENTS.append(ServerComponent)

    assert read(path, components, with_tls=False).tls is None
    tls = read(path, components).tls
    assert tls is not None
    assert tls.certificate == (folder / "server.pem").read_bytes()


def test_certificates_that_nobody_reads_need_not_be_there(folder: Path) -> None:
    path = written(folder, sections=SERVER)

    assert read(path, COMPONENTS.append(ServerComponent), with_tls=False).tls is None


def test_certificates_that_cannot_be_read_are_refused_at_their_options(folder: Path) -> None:
    path = written(folder, '{"COUNT": []}', SERVER)

    option = "components_manager.components.server.listener.tls"
    assert refusals(path, COMPONENTS.append(ServerComponent)) == [
        f"{path}:11: {option}.cert: {folder / 'server.pem'}: {NOT_THERE}",
        f"{path}:12: {option}.private-key: {folder / 'server.key'}: {NOT_THERE}",
        f"{folder / 'values.json'}:1: COUNT: expected a whole number (got an empty list)",
    ]


def test_files_are_read_though_other_options_of_their_sections_are_bad(folder: Path) -> None:
    path = written(folder, '{"COUNT": "9"}', SERVER.replace("port: 0", "port: x"))
    path.write_text(path.read_text().replace("values.json}", "values.json, weather: fine}"))

    at = "components_manager.components"
    assert refusals(path, COMPONENTS.append(ServerComponent)) == [
        f"{path}:5: {at}.dynamic-config-fallbacks.weather: unknown option",
        f"{path}:8: {at}.server.listener.port: expected a whole number (got 'x')",
        f"{path}:11: {at}.server.listener.tls.cert: {folder / 'server.pem'}: {NOT_THERE}",
        f"{path}:12: {at}.server.listener.tls.private-key: {folder / 'server.key'}: {NOT_THERE}",
        f"{folder / 'values.json'}:1: COUNT: expected a whole number (got '9')",
    ]


def test_certificates_without_anything_in_them_are_refused_at_their_options(folder: Path) -> None:
    path = written(folder, sections=SERVER)
    for file in ("server.pem", "server.key"):
        (folder / file).touch()

    option = "components_manager.components.server.listener.tls"
    assert refusals(path, COMPONENTS.append(ServerComponent)) == [
        f"{path}:10: {option}.cert: {folder / 'server.pem'}: there is no CERTIFICATE in it",
        f"{path}:11: {option}.private-key: {folder / 'server.key'}: there is no PRIVATE KEY in it",
    ]


def test_values_come_last_behind_what_components_refuse_and_other_files(folder: Path) -> None:
    sections = f"        picky: {{colour: red}}\n{SERVER}"
    path = written(folder, '{"COUNT": []}', sections)
    components = COMPONENTS.append(ServerComponent).append(PickyComponent)

    lines = [line.split(":")[:2] for line in refusals(path, components)]

    assert lines == [
        *([str(path), line] for line in ("6", "6", "12", "13")),
        [str(folder / "values.json"), "1"],
    ]


def test_section_without_anything_in_it_is_as_if_it_was_not_there(folder: Path) -> None:
    sections = SERVER.partition("                    cert")[0]
    components = COMPONENTS.append(ServerComponent)

    config = read(written(folder, sections=sections), components)

    server = config.static.components["server"]
    assert isinstance(server, ServerComponent.Config)
    assert server.listener.tls is None


def test_default_task_processor_that_nobody_knows_is_told_and_no_component_is_asked(
    folder: Path,
) -> None:
    class CountingWorkers(Component):
        name = "counting-workers"

        def __init__(self, manager: ManagerConfig) -> None:
            self.count = manager.worker_processes

    path = written(folder)
    text = path.read_text().replace(
        "{worker_threads: 1}", "$x, fs-task-processor: {worker_threads: 1}"
    )
    path.write_text(text)

    (problem,) = refusals(path, COMPONENTS.append(CountingWorkers))

    assert "task_processors.main-task-processor: there is no variable 'x'" in problem


def test_config_survives_pickling(folder: Path) -> None:
    config = read(written(folder, '{"COUNT": 9}'))

    copy = pickle.loads(pickle.dumps(config))

    assert copy.static == config.static
    assert copy.dynamic[COUNT] == 9


def test_warning_of_a_value_that_is_passed_over_has_its_place(folder: Path) -> None:
    sections = "        dynamic-config:\n            fs-cache-path: ''\n"
    sections += "            fs-cache-path#env: CACHE\n"
    path = written(folder, sections=sections)

    assert [str(warning) for warning in read(path).warnings] == [
        f"{path}:7: components_manager.components.dynamic-config.fs-cache-path#env:"
        " has no effect, since 'fs-cache-path' has a value of its own"
    ]


def test_warnings_of_components_have_the_places_of_their_options(folder: Path) -> None:
    class WarningComponent(Component):
        name = "picky"

        class Config(ComponentConfig):
            colour: str

        @override
        def warnings(self) -> Iterator[tuple[OptionPath, str]]:
            yield ("colour",), "rather loud"

    sections = "        picky:\n            colour: red\n            colour#env: COLOUR\n"
    path = written(folder, sections=sections)
    components = COMPONENTS.append(WarningComponent)
    config = read(path, components)

    option = "components_manager.components.picky.colour"
    assert [str(each) for each in warnings(config, build_components(components, config))] == [
        f"{path}:7: {option}#env: has no effect, since 'colour' has a value of its own",
        f"{path}:6: {option}: rather loud",
    ]


# Building


def test_components_get_the_manager_and_the_values(folder: Path) -> None:
    components = COMPONENTS.append(ReadingComponent)
    config = read(written(folder, '{"COUNT": 9}'), components)

    manager = build_components(components, config)

    reading = manager.find(ReadingComponent)
    assert reading.task_processor == "main-task-processor"
    assert reading.count == 9
    assert manager.find(DynamicConfigComponent).source.snapshot is config.dynamic


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("", 7),
        ("        dynamic-config: {defaults: {COUNT: 8}}\n", 8),
        ("        dynamic-config: {defaults: {}}\n", 7),
        ("        dynamic-config: {defaults-path: defaults.json}\n", 8),
    ],
)
def test_defaults_in_the_config_come_before_those_in_the_code(
    folder: Path, sections: str, expected: int
) -> None:
    (folder / "defaults.json").write_text('{"COUNT": 8}')

    assert read(written(folder, sections=sections)).dynamic[COUNT] == expected


@pytest.mark.parametrize("option", ["defaults: {COUNT: 8, FLAG: true}", "defaults-path: d.json"])
def test_fallback_values_come_before_defaults_in_the_config(folder: Path, option: str) -> None:
    flag = Variable("FLAG", bool, False, description="A flag.", reader="nobody")
    components = ComponentList(*(each.component for each in COMPONENTS), variables=[COUNT, flag])
    (folder / "d.json").write_text('{"COUNT": 8, "FLAG": true}')
    path = written(folder, '{"COUNT": 9}', f"        dynamic-config: {{{option}}}\n")

    values = read(path, components).dynamic

    assert (values[COUNT], values[flag]) == (9, True)


def test_bad_defaults_are_told_with_their_places_together_with_bad_fallback_values(
    folder: Path,
) -> None:
    sections = "        dynamic-config:\n            defaults:\n                COUNT: many\n"
    sections += "                CUONT: 1\n"
    path = written(folder, '{"COUNT": true}', sections)

    option = "components_manager.components.dynamic-config.defaults"
    assert refusals(path) == [
        f"{path}:8: {option}.COUNT: expected a whole number (got 'many')",
        f"{path}:9: {option}.CUONT: unknown variable; did you mean 'COUNT'?",
        f"{folder / 'values.json'}:1: COUNT: expected a whole number (got true)",
    ]


def test_file_of_defaults_that_is_not_there_is_told_at_its_option(folder: Path) -> None:
    path = written(folder, sections="        dynamic-config: {defaults-path: gone.json}\n")

    (refusal,) = refusals(path)

    assert refusal.startswith(f"{path}:5: components_manager.components.dynamic-config.defaults")
    assert f"{folder / 'gone.json'}: No such file or directory" in refusal


def test_defaults_and_a_file_of_them_are_one_too_many(folder: Path) -> None:
    (folder / "d.json").write_text("{}")
    options = "{defaults: {}, defaults-path: d.json}"
    path = written(folder, sections=f"        dynamic-config: {options}\n")

    (refusal,) = refusals(path)

    assert refusal.endswith("dynamic-config.defaults-path: either this or defaults, not both")


def test_components_that_can_never_fit_together_are_no_mistake_in_the_file(folder: Path) -> None:
    class NeedingAnother(Component):
        name = "needing-another"

        def __init__(self, other: ReadingComponent) -> None:
            raise NotImplementedError

    components = COMPONENTS.append(NeedingAnother)
    config = read(written(folder), components)

    with pytest.raises(ComponentGraphError, match="component 'needing-another': parameter 'other'"):
        build_components(components, config)


def test_section_that_is_missing_is_a_mistake_in_the_file(folder: Path) -> None:
    components = COMPONENTS.append(PickyComponent).append(NeedyComponent)
    path = written(folder)
    config = read(path, components)

    with pytest.raises(ConfigFileError) as caught:
        build_components(components, config)

    assert str(caught.value) == (
        f"{path}:4: components_manager.components: the section 'picky' is missing or has"
        " 'load-enabled: false': component 'needy' needs it"
    )


def test_what_components_refuse_has_the_places_of_their_options(folder: Path) -> None:
    components = COMPONENTS.append(PickyComponent).append(PickyComponent, "second")
    components = components.append(CountingComponent).append(NeedyComponent)
    sections = """\
        second: {colour: red}
        picky:
            size: 2
            colour: blue
"""
    path = written(folder, '{"COUNT": 9}', sections)
    config = read(path, components)

    with pytest.raises(ConfigFileError) as caught:
        build_components(components, config)

    at = "components_manager.components"
    assert str(caught.value).splitlines() == [
        f"{path}:4: {at}.counting: cannot count to 9",
        f"{path}:6: {at}.second.colour: not red",
        f"{path}:6: {at}.second: too big",
        f"{path}:7: {at}.picky: too big",
        f"{path}:9: {at}.picky.colour: not blue",
    ]


def test_what_components_refuse_is_told_with_what_is_wrong_elsewhere(folder: Path) -> None:
    components = COMPONENTS.append(PickyComponent).append(PickyComponent, "second")
    components = components.append(NeedyComponent)
    sections = """\
        picky: {colour: red, taste: sweet}
        second: {colour: blue}
"""
    path = written(folder, '{"COUNT": true}', sections)

    at = "components_manager.components"
    assert refusals(path, components) == [
        f"{path}:6: {at}.picky.taste: unknown option",
        f"{path}:7: {at}.second.colour: not blue",
        f"{path}:7: {at}.second: too big",
        f"{folder / 'values.json'}:1: COUNT: expected a whole number (got true)",
    ]


def test_section_that_is_missing_is_told_with_what_is_wrong_elsewhere(folder: Path) -> None:
    components = COMPONENTS.append(PickyComponent).append(NeedyComponent)
    path = written(folder, sections="        weather: {}\n")

    at = "components_manager.components"
    assert refusals(path, components) == [
        f"{path}:4: {at}: the section 'picky' is missing or has 'load-enabled: false':"
        " component 'needy' needs it",
        f"{path}:5: {at}.weather: no listed component has this name",
    ]


def test_nothing_is_said_of_a_fit_while_the_files_are_not_good(folder: Path) -> None:
    class NeedingAnother(Component):
        name = "needing-another"

        def __init__(self, other: ReadingComponent) -> None:
            raise NotImplementedError

    path = written(folder, sections="        weather: {}\n")

    assert len(refusals(path, COMPONENTS.append(NeedingAnother))) == 1


def test_bug_in_a_constructor_is_not_taken_for_a_mistake_in_the_file(folder: Path) -> None:
    class BuggyComponent(Component):
        name = "buggy"

        @override
        def __init__(self) -> None:
            raise KeyError("wheel")

    components = COMPONENTS.append(BuggyComponent)

    with pytest.raises(KeyError):
        build_components(components, read(written(folder), components))


def test_file_that_yaml_tools_write_is_read(folder: Path) -> None:
    document: dict[str, Any] = {
        "components_manager": {
            "task_processors": {"main-task-processor": {"worker_threads": 1}},
            "default_task_processor": "main-task-processor",
        }
    }
    path = folder / "static_config.yaml"
    path.write_text(yaml.safe_dump(document))

    assert read(path).static.path == str(path)
