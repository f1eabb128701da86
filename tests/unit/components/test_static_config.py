from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from app.components.component import Component, ComponentConfig
from app.components.component_list import ComponentList
from app.components.static_config import StaticConfig, check_static_config
from app.main import COMPONENTS
from app.static_config.errors import StaticConfigError

ORIGINAL = Path(__file__).parents[2] / "data/original/static_config.yaml"
PATH = Path("/etc/service/static_config.yaml")


class Fuel(Component):
    name = "fuel"

    class Config(ComponentConfig):
        litres: int = Field(default=40, ge=1, alias="max-litres")


class Engine(Component):
    name = "engine"

    class Config(ComponentConfig):
        cylinders: int = Field(ge=1)
        turbo: bool = False


class Radio(Component):
    name = "radio"


CAR = ComponentList(Fuel, Engine, Radio)

MANAGER: dict[str, Any] = {
    "task_processors": {"main-task-processor": {"worker_threads": 2}},
    "default_task_processor": "main-task-processor",
}


def check(components: dict[str, Any]) -> StaticConfig:
    """Check a document with these sections of components."""
    document = {"components_manager": {**MANAGER, "components": components}}
    return check_static_config(PATH, document, CAR)


def problems(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(StaticConfigError) as caught:
        check_static_config(PATH, document, CAR)
    assert caught.value.path == PATH
    return caught.value.problems


def problems_of(components: object) -> tuple[str, ...]:
    return problems({"components_manager": {**MANAGER, "components": components}})


def test_options_of_each_section_are_those_of_its_component() -> None:
    config = check({"engine": {"cylinders": 8}, "fuel": {"max-litres": 60}})

    assert config.path == PATH
    assert config.manager.default_task_processor == "main-task-processor"
    assert config.components["engine"] == Engine.Config(cylinders=8)
    assert config.components["fuel"] == Fuel.Config(litres=60)


def test_component_without_a_section_has_its_defaults_if_it_has_all() -> None:
    config = check({"engine": {"cylinders": 8}})

    assert config.components["fuel"] == Fuel.Config(litres=40)
    assert config.components["radio"] == ComponentConfig()


def test_component_without_a_section_is_not_there_if_it_needs_one() -> None:
    assert set(check({}).components) == {"fuel", "radio"}


def test_service_may_have_no_section_of_components() -> None:
    config = check_static_config(PATH, {"components_manager": MANAGER}, CAR)

    assert set(config.components) == {"fuel", "radio"}


def test_components_are_in_the_order_of_the_list() -> None:
    config = check({"radio": None, "engine": {"cylinders": 1}, "fuel": None})

    assert list(config.components) == ["fuel", "engine", "radio"]


@pytest.mark.parametrize("options", [None, {}])
def test_section_without_options_has_the_defaults(options: object) -> None:
    assert check({"fuel": options}).components["fuel"] == Fuel.Config()


def test_section_without_options_misses_what_is_required() -> None:
    assert problems_of({"engine": None}) == (
        "components_manager.components.engine.cylinders: required, but not there",
    )


@pytest.mark.parametrize("options", [False, True, 0, 1, "", "off", [], ["litres"]])
def test_section_that_is_no_mapping_is_refused(options: object) -> None:
    (found,) = problems_of({"fuel": options})

    assert found.startswith("components_manager.components.fuel: ")


def test_section_without_a_component_is_refused() -> None:
    assert problems_of({"fule": {}}) == (
        "components_manager.components.fule: there is no component of this name",
    )


def test_component_under_another_section_has_the_options_of_that() -> None:
    components = ComponentList(Fuel).append(Fuel, "reserve")
    document = {
        "components_manager": {**MANAGER, "components": {"reserve": {"max-litres": 5}}},
    }

    config = check_static_config(PATH, document, components)

    assert config.components == {"fuel": Fuel.Config(), "reserve": Fuel.Config(litres=5)}


def test_option_goes_by_its_alias_only() -> None:
    assert problems_of({"fuel": {"litres": 60}}) == (
        "components_manager.components.fuel.litres: unknown option (got 60)",
    )


def test_unknown_root_key_is_refused() -> None:
    assert problems({"components_manager": MANAGER, "userver": {}}) == ("userver: unknown option",)


def test_unknown_key_of_the_manager_is_refused() -> None:
    assert problems({"components_manager": {**MANAGER, "coro-pool": 1}}) == (
        "components_manager.coro-pool: unknown option (got 1)",
    )


@pytest.mark.parametrize("value", [None, [], "text", 7, False])
def test_manager_that_is_no_mapping_is_refused(value: object) -> None:
    found = problems({"components_manager": value})

    assert found[0] == f"components_manager: expected a mapping (got {value!r})"


def test_missing_manager_is_refused() -> None:
    assert problems({})[0].startswith("components_manager: ")


@pytest.mark.parametrize("value", [[], "text", 7, False])
def test_components_that_are_no_mapping_are_refused(value: object) -> None:
    assert problems_of(value) == (
        f"components_manager.components: expected a mapping (got {value!r})",
    )


def test_all_problems_are_told_at_once() -> None:
    document = {
        "components-manager": {},
        "components_manager": {
            "task_processors": {"main-task-processor": {"worker_threads": 0}},
            "components": {
                "engine": {"cylinders": "8", "turbo": 1},
                "fuel": {"max-litres": 0, "colour": "red"},
                "wings": {},
            },
        },
    }

    assert problems(document) == (
        "components-manager: unknown option",
        "components_manager.task_processors.main-task-processor.worker_threads:"
        " Input should be greater than or equal to 1 (got 0)",
        "components_manager.default_task_processor: required, but not there",
        "components_manager.components.wings: there is no component of this name",
        "components_manager.components.fuel.max-litres:"
        " Input should be greater than or equal to 1 (got 0)",
        "components_manager.components.fuel.colour: unknown option (got 'red')",
        "components_manager.components.engine.cylinders: Input should be a valid integer (got '8')",
        "components_manager.components.engine.turbo: Input should be a valid boolean (got 1)",
    )


def test_document_that_was_checked_is_as_it_was() -> None:
    document = {"components_manager": {**MANAGER, "components": {"radio": None}}}

    check_static_config(PATH, document, CAR)

    assert document == {"components_manager": {**MANAGER, "components": {"radio": None}}}


def test_options_without_effect_are_those_that_the_original_sets() -> None:
    document = yaml.safe_load(ORIGINAL.read_bytes())

    config = check_static_config(ORIGINAL, document, COMPONENTS)

    assert config.options_without_effect() == [
        "components_manager.coro_pool.initial_size",
        "components_manager.coro_pool.max_size",
        "components_manager.components.logging.fs-task-processor",
        "components_manager.components.logging.loggers.default.file_path",
        "components_manager.components.logging.loggers.default.level",
        "components_manager.components.logging.loggers.default.overflow_behavior",
        "components_manager.components.tracer.service-name",
        "components_manager.components.dynamic-config.fs-cache-path",
    ]


def test_options_that_the_file_leaves_out_are_not_without_effect() -> None:
    assert check({"fuel": {"max-litres": 1}}).options_without_effect() == []
