import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.components.component import Component
from app.components.component_list import ComponentList
from app.config_updates.component import DynamicConfigComponent, DynamicConfigFallbacksComponent
from app.dynamic_config.errors import DynamicConfigError
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.variable import Variable
from app.exceptions import ConfigError
from app.service_config import ServiceConfig, build_components, read_service_config
from app.static_config.errors import StaticConfigError
from app.static_config.manager import ManagerConfig

COUNT = Variable("COUNT", int, 7)

COMPONENTS = ComponentList(
    DynamicConfigComponent, DynamicConfigFallbacksComponent, variables=[COUNT]
)


class ReadingComponent(Component):
    """Asks for all that a constructor may ask for."""

    name = "reading"

    def __init__(self, manager: ManagerConfig, snapshot: Snapshot) -> None:
        self.task_processor = manager.default_task_processor
        self.count = snapshot[COUNT]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, values: str | None = None, **sections: Any) -> Path:
    """Write a static config, and the file of fallback values if there are some."""
    manager: dict[str, Any] = {
        "task_processors": {"main-task-processor": {"worker_threads": 1}},
        "default_task_processor": "main-task-processor",
        "components": sections,
    }
    if values is not None:
        (folder / "values.json").write_text(values)
        manager["components"]["dynamic-config-fallbacks"] = {"fallback-path": "values.json"}
    path = folder / "static_config.yaml"
    path.write_text(yaml.safe_dump({"components_manager": manager}))
    return path


def read(folder: Path, values: str | None = None) -> ServiceConfig:
    return read_service_config(written(folder, values), COMPONENTS)


def test_values_are_those_of_the_file_that_the_static_config_names(folder: Path) -> None:
    assert read(folder, '{"COUNT": 9}').dynamic[COUNT] == 9


def test_values_are_the_defaults_where_the_static_config_names_no_file(folder: Path) -> None:
    (folder / "values.json").write_text('{"COUNT": 9}')

    assert read(folder).dynamic[COUNT] == 7


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ('{"COUNT": "9"}', "COUNT: Input should be a valid integer (got '9')"),
        ('{"CUONT": 9}', "CUONT: unknown variable"),
        ("[]", "expected an object: variable names and their values"),
    ],
)
def test_bad_values_are_refused_and_their_file_is_shown_whole(
    folder: Path, values: str, problem: str
) -> None:
    path = written(folder, values)

    with pytest.raises(DynamicConfigError) as caught:
        read_service_config(path, COMPONENTS)

    assert str(caught.value) == f"{folder / 'values.json'}: {problem}"


def test_missing_file_of_values_is_refused_and_shown_whole(folder: Path) -> None:
    path = written(folder, "{}")
    (folder / "values.json").unlink()

    with pytest.raises(DynamicConfigError) as caught:
        read_service_config(path, COMPONENTS)

    assert str(caught.value) == (
        f"{folder / 'values.json'}: No such file or directory;"
        " a fallback-path is relative to the current directory"
    )


def test_bad_static_config_is_refused(folder: Path) -> None:
    path = written(folder, tracer={})

    with pytest.raises(StaticConfigError, match="tracer: there is no component of this name"):
        read_service_config(path, COMPONENTS)


def test_config_survives_pickling(folder: Path) -> None:
    config = read(folder, '{"COUNT": 9}')

    copy = pickle.loads(pickle.dumps(config))

    assert copy.static == config.static
    assert copy.dynamic[COUNT] == 9


def test_components_get_the_manager_and_the_values(folder: Path) -> None:
    components = COMPONENTS.append(ReadingComponent)
    config = read_service_config(written(folder, '{"COUNT": 9}'), components)

    manager = build_components(components, config)

    reading = manager.find(ReadingComponent)
    assert reading.task_processor == "main-task-processor"
    assert reading.count == 9
    assert manager.find(DynamicConfigComponent).source.snapshot is config.dynamic


def test_components_that_do_not_fit_together_are_a_mistake_in_the_file(folder: Path) -> None:
    class NeedingAnother(Component):
        name = "needing-another"

        def __init__(self, other: ReadingComponent) -> None:
            pass

    components = COMPONENTS.append(NeedingAnother)
    path = written(folder)
    config = read_service_config(path, components)

    with pytest.raises(StaticConfigError) as caught:
        build_components(components, config)

    assert str(caught.value).startswith(f"{path}: component 'needing-another': parameter 'other'")


def test_component_that_refuses_its_options_is_a_mistake_in_the_file(folder: Path) -> None:
    class RefusingComponent(Component):
        name = "refusing"

        def __init__(self) -> None:
            raise ConfigError("refusing.colour: not red")

    components = COMPONENTS.append(RefusingComponent)
    path = written(folder)
    config = read_service_config(path, components)

    with pytest.raises(StaticConfigError) as caught:
        build_components(components, config)

    assert str(caught.value) == f"{path}: refusing.colour: not red"
