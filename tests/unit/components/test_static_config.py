from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from app.components.component import Component, ComponentConfig
from app.components.component_list import ComponentList
from app.components.static_config import CheckedConfig, check_static_config
from app.main import COMPONENTS
from app.static_config.document import OptionPath, dotted
from app.static_config.errors import ConfigFileError
from app.static_config.lookup import Surroundings
from app.static_config.model import ConfigModel, TaskProcessorName
from app.static_config.substitution import substitute
from app.static_config.yaml_document import parse_yaml
from tests.helpers.documents import plain_document

ORIGINAL = Path(__file__).parents[2] / "data/original/static_config.yaml"


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


class Tank(ConfigModel):
    litres: int = 1
    pump: dict[str, int] | None = None


class Tanker(Component):
    """Has sections of all kinds."""

    name = "fuel"

    class Config(ComponentConfig):
        main: Tank
        spare: Tank | None = None
        tanks: dict[str, Tank] = Field(default={})


CAR = ComponentList(Fuel, Engine, Radio)

MANAGER: dict[str, Any] = {
    "task_processors": {"main-task-processor": {"worker_threads": 2}},
    "default_task_processor": "main-task-processor",
}


def check_all(document: object, components: ComponentList = CAR) -> CheckedConfig:
    return check_static_config(plain_document("test", document), components)


def check(components: dict[str, Any]) -> CheckedConfig:
    """Check a document with these sections of components, which must be good."""
    checked = check_all({"components_manager": {**MANAGER, "components": components}})
    assert checked.problems == []
    assert checked.broken == frozenset()
    return checked


def with_components(components: object) -> object:
    return {"components_manager": {**MANAGER, "components": components}}


def texts(checked: CheckedConfig) -> list[str]:
    return [f"{dotted(problem.path)}: {problem.text}" for problem in checked.problems]


def problems(document: object) -> list[str]:
    return texts(check_all(document))


def problems_of(components: object) -> list[str]:
    return problems(with_components(components))


def test_options_of_each_section_are_those_of_its_component() -> None:
    config = check({"engine": {"cylinders": 8}, "fuel": {"max-litres": 60}})

    assert config.manager is not None
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
    config = check_all({"components_manager": MANAGER})

    assert config.problems == []
    assert set(config.components) == {"fuel", "radio"}


def test_components_are_in_the_order_of_the_list() -> None:
    config = check({"radio": None, "engine": {"cylinders": 1}, "fuel": None})

    assert list(config.components) == ["fuel", "engine", "radio"]


@pytest.mark.parametrize("options", [None, {}])
def test_section_without_options_has_the_defaults(options: object) -> None:
    assert check({"fuel": options}).components["fuel"] == Fuel.Config()


def test_section_without_options_misses_what_is_required() -> None:
    assert problems_of({"engine": None}) == [
        "components_manager.components.engine.cylinders: required, but not there"
    ]


NO_MAPPINGS = [
    (False, "false"),
    (True, "true"),
    (0, "0"),
    (1, "1"),
    ("", "''"),
    ("off", "'off'"),
    ([], "an empty list"),
    (["litres"], "a list"),
]


@pytest.mark.parametrize(("options", "shown"), NO_MAPPINGS)
def test_section_that_is_no_mapping_is_refused(options: object, shown: str) -> None:
    assert problems_of({"fuel": options}) == [
        f"components_manager.components.fuel: expected a mapping (got {shown})"
    ]


def test_section_without_a_component_is_refused() -> None:
    assert problems_of({"wings": {}}) == [
        "components_manager.components.wings: no listed component has this name"
    ]


def test_component_of_the_nearest_name_is_offered() -> None:
    assert problems_of({"fule": {}}) == [
        "components_manager.components.fule: no listed component has this name;"
        " did you mean 'fuel'?"
    ]


def test_component_under_another_section_has_the_options_of_that() -> None:
    components = ComponentList(Fuel).append(Fuel, "reserve")
    document = {
        "components_manager": {**MANAGER, "components": {"reserve": {"max-litres": 5}}},
    }

    config = check_all(document, components)

    assert config.problems == []
    assert config.components == {"fuel": Fuel.Config(), "reserve": Fuel.Config(litres=5)}


def test_option_goes_by_its_alias_only() -> None:
    assert problems_of({"fuel": {"litres": 60}}) == [
        "components_manager.components.fuel.litres: unknown option; did you mean 'max-litres'?"
    ]


def test_unknown_root_key_is_refused() -> None:
    assert problems({"components_manager": MANAGER, "userver": {}}) == ["userver: unknown option"]


def test_unknown_key_of_the_manager_is_refused() -> None:
    assert problems({"components_manager": {**MANAGER, "coro-pool": 1}}) == [
        "components_manager.coro-pool: unknown option; did you mean 'coro_pool'?"
    ]


@pytest.mark.parametrize(("value", "shown"), NO_MAPPINGS)
def test_manager_that_is_no_mapping_is_refused(value: object, shown: str) -> None:
    assert problems({"components_manager": value}) == [
        f"components_manager: expected a mapping (got {shown})"
    ]


@pytest.mark.parametrize("value", [None, {}])
def test_manager_without_options_misses_what_is_required(value: object) -> None:
    assert problems({"components_manager": value}) == [
        "components_manager.task_processors: required, but not there",
        "components_manager.default_task_processor: required, but not there",
    ]


@pytest.mark.parametrize(
    ("document", "found"),
    [({}, "nothing"), ({"components": {}, "x": 1}, "other keys only")],
)
def test_missing_manager_is_refused_with_what_stands_in_its_place(
    document: object, found: str
) -> None:
    checked = check_all(document)

    assert texts(checked)[-1] == (
        f": expected the key 'components_manager' at the top of the file, found {found}"
    )
    assert checked.manager is None
    assert checked.components == {}


@pytest.mark.parametrize(("value", "shown"), NO_MAPPINGS)
def test_components_that_are_no_mapping_are_refused(value: object, shown: str) -> None:
    assert problems_of(value) == [
        f"components_manager.components: expected a mapping (got {shown})"
    ]


def test_null_among_names_is_no_section_without_options() -> None:
    value = {"fuel": {"main": {}, "tanks": {"left": None}}}

    assert texts(check_all(with_components(value), ComponentList(Tanker))) == [
        "components_manager.components.fuel.tanks.left: expected a mapping (got nothing)"
    ]


def test_section_without_options_within_a_section_is_as_if_it_was_not_there() -> None:
    value = {"fuel": {"tanks": None, "spare": None, "main": {"pump": None}}}

    checked = check_all(with_components(value), ComponentList(Tanker))

    assert checked.problems == []
    assert checked.components["fuel"] == Tanker.Config(main=Tank())


def test_section_that_is_required_and_has_no_options_is_missing() -> None:
    checked = check_all(with_components({"fuel": {"main": None}}), ComponentList(Tanker))

    assert texts(checked) == ["components_manager.components.fuel.main: required, but not there"]


def check_yaml(text: str, components: ComponentList = CAR) -> list[str]:
    """Return what is wrong with a file for whose values there are no other sources."""
    surroundings = Surroundings(None, {}, lambda _: None)
    document = substitute(parse_yaml(text.encode(), "car.yaml"), surroundings).document
    return [str(problem) for problem in check_static_config(document, components).problems]


GOOD_MANAGER = """\
components_manager:
    task_processors: {main-task-processor: {worker_threads: 2}}
    default_task_processor: main-task-processor
"""

IN_TANKER = f"{GOOD_MANAGER}    components:\n        fuel:\n            main: {{}}\n"


@pytest.mark.parametrize("suffix", ["env", "file"])
@pytest.mark.parametrize(
    ("before", "option", "said"),
    [
        (GOOD_MANAGER, "userver", "4: userver: unknown option"),
        (
            GOOD_MANAGER,
            "components-manager",
            "4: components-manager: unknown option; did you mean 'components_manager'?",
        ),
        (
            GOOD_MANAGER,
            "    coro-pool",
            "4: components_manager.coro-pool: unknown option; did you mean 'coro_pool'?",
        ),
        (
            f"{GOOD_MANAGER}    coro_pool:\n",
            "        weight",
            "5: components_manager.coro_pool.weight: unknown option",
        ),
        (
            f"{GOOD_MANAGER}    components:\n        fuel: {{main: {{}}}}\n",
            "        fule",
            "6: components_manager.components.fule: no listed component has this name;"
            " did you mean 'fuel'?",
        ),
        (
            IN_TANKER,
            "            mian",
            "7: components_manager.components.fuel.mian: unknown option; did you mean 'main'?",
        ),
        (
            f"{IN_TANKER}            tanks:\n                left:\n",
            "                    lites",
            "9: components_manager.components.fuel.tanks.left.lites: unknown option;"
            " did you mean 'litres'?",
        ),
    ],
)
def test_unknown_option_is_refused_though_nothing_gives_it_a_value(
    before: str, option: str, said: str, suffix: str
) -> None:
    text = f"{before}{option}#{suffix}: NOT_SET\n"

    assert check_yaml(text, ComponentList(Tanker)) == [f"car.yaml:{said}"]


@pytest.mark.parametrize(
    ("before", "option"),
    [
        (GOOD_MANAGER, "    coro_pool"),
        (GOOD_MANAGER, "    components"),
        (f"{GOOD_MANAGER}    coro_pool:\n", "        max_size"),
        (f"{GOOD_MANAGER}    components:\n", "        radio"),
        (f"{GOOD_MANAGER}    components:\n        fuel:\n", "            max-litres"),
    ],
)
def test_option_that_nothing_gives_a_value_has_its_default(before: str, option: str) -> None:
    assert check_yaml(f"{before}{option}#env: NOT_SET\n") == []


def test_unknown_option_within_a_component_that_is_not_known_is_not_told() -> None:
    text = f"{GOOD_MANAGER}    components:\n        wings:\n            span#env: NOT_SET\n"

    assert check_yaml(text) == [
        "car.yaml:5: components_manager.components.wings: no listed component has this name"
    ]


@pytest.mark.parametrize(
    ("before", "option", "meant"),
    [
        ("", "components_manger", "components_manager"),
        (GOOD_MANAGER, "    coro-pool", "coro_pool"),
        (f"{GOOD_MANAGER}    components:\n", "        fule", "fuel"),
        (IN_TANKER, "            mian", "main"),
    ],
)
@pytest.mark.parametrize("value", ["$nope", "!t 1"])
def test_unknown_name_is_refused_though_its_value_is_undecided(
    before: str, option: str, meant: str, value: str
) -> None:
    told = check_yaml(f"{before}{option}: {value}\n", ComponentList(Tanker))

    assert any(
        f"{option.strip()}: " in line and f"did you mean {meant!r}?" in line for line in told
    )


def test_key_that_was_to_name_the_variables_is_refused_with_that() -> None:
    assert check_yaml(f"config_var: x\n{GOOD_MANAGER}") == [
        "car.yaml:1: config_var: unknown option; did you mean 'config_vars'?"
    ]


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

    assert problems(document) == [
        "components-manager: unknown option; did you mean 'components_manager'?",
        "components_manager.task_processors.main-task-processor.worker_threads:"
        " expected at least 1 (got 0)",
        "components_manager.default_task_processor: required, but not there",
        "components_manager.components.wings: no listed component has this name",
        "components_manager.components.fuel.max-litres: expected at least 1 (got 0)",
        "components_manager.components.fuel.colour: unknown option",
        "components_manager.components.engine.cylinders: expected a whole number (got '8')",
        "components_manager.components.engine.turbo: expected true or false (got 1)",
    ]


def test_what_is_good_is_there_beside_what_is_not() -> None:
    checked = check_all(
        {"components_manager": {**MANAGER, "components": {"fuel": {"max-litres": 0}, "engine": 7}}}
    )

    assert checked.manager is not None
    assert list(checked.components) == ["radio"]
    assert checked.broken == {"fuel", "engine"}


@pytest.mark.parametrize("option", ["turbo: $x", "tubro: $x", "turbo: !t 1"])
def test_component_with_an_option_that_nobody_knows_is_not_built_with_a_default(
    option: str,
) -> None:
    text = f"{GOOD_MANAGER}    components:\n        engine:\n            cylinders: 8\n"
    text += f"            {option}\n"
    surroundings = Surroundings(None, {}, lambda _: None)
    document = substitute(parse_yaml(text.encode(), "car.yaml"), surroundings).document

    checked = check_static_config(document, CAR)

    assert checked.broken == {"engine"}
    assert set(checked.components) == {"fuel", "radio"}


@pytest.mark.parametrize("section", ["fuel", "engine", "radio"])
def test_component_is_left_out_if_its_section_says_so(section: str) -> None:
    sections = {"engine": {"cylinders": 8}}
    sections.setdefault(section, {})["load-enabled"] = False

    assert set(check(sections).components) == {"fuel", "engine", "radio"} - {section}


def test_component_that_is_left_out_is_checked_all_the_same() -> None:
    checked = check_all(with_components({"fuel": {"load-enabled": False, "max-litres": 0}}))

    assert texts(checked) == [
        "components_manager.components.fuel.max-litres: expected at least 1 (got 0)"
    ]
    assert checked.broken == {"fuel"}


def test_components_are_checked_where_the_manager_is_not_good() -> None:
    checked = check_all({"components_manager": {"components": {"fuel": {"max-litres": 60}}}})

    assert checked.manager is None
    assert checked.components["fuel"] == Fuel.Config(litres=60)


def test_problem_has_the_place_of_its_option() -> None:
    text = b"""
components_manager:
    task_processors: {main-task-processor: {worker_threads: 2}}
    default_task_processor: main-task-processor
    components:
        fuel:
            colour: red
            max-litres: 0
        engine:
"""
    checked = check_static_config(parse_yaml(text, "car.yaml"), CAR)

    assert [str(problem) for problem in checked.problems] == [
        "car.yaml:8: components_manager.components.fuel.max-litres: expected at least 1 (got 0)",
        "car.yaml:7: components_manager.components.fuel.colour: unknown option",
        "car.yaml:9: components_manager.components.engine.cylinders: required, but not there",
    ]


@pytest.mark.parametrize(
    "undecided",
    [
        ("components_manager",),
        ("components_manager", "components"),
        ("components_manager", "components", "engine"),
        ("components_manager", "components", "engine", "cylinders"),
    ],
)
def test_nothing_is_said_of_what_nobody_knows(undecided: OptionPath) -> None:
    *outer, last = undecided
    document: dict[str, Any] = {"components_manager": {**MANAGER, "components": {"engine": {}}}}
    section: Any = document
    for key in outer:
        section = section[key]
    section.pop(last, None)

    checked = check_static_config(
        replace(plain_document("test", document), undecided=frozenset([undecided])), CAR
    )

    assert texts(checked) == []
    assert "engine" not in checked.components


class Bay(ConfigModel):
    where: TaskProcessorName


class Garage(Component):
    """Names task processors in every way in which an option may."""

    name = "garage"

    class Config(ComponentConfig):
        main: TaskProcessorName = "main-task-processor"
        other: TaskProcessorName | None = Field(default=None, alias="other-one")
        bays: dict[str, Bay] = Field(default={})


def test_task_processor_that_is_not_there_is_refused_wherever_it_is_named() -> None:
    components = ComponentList(Garage).append(Garage, "second").append(Garage, "third")
    checked = check_all(
        {
            "components_manager": {
                **MANAGER,
                "components": {
                    "garage": {"main": "mian-task-processor", "other-one": "disk"},
                    "second": {"bays": {"left": {"where": "disk"}}},
                    "third": {"other-one": "main-task-processor"},
                },
            }
        },
        components,
    )

    there_are = "there are: main-task-processor"
    assert texts(checked) == [
        "components_manager.components.garage.main: there is no task processor"
        f" 'mian-task-processor'; {there_are}; did you mean 'main-task-processor'?",
        "components_manager.components.garage.other-one: there is no task processor"
        f" 'disk'; {there_are}",
        "components_manager.components.second.bays.left.where: there is no task processor"
        f" 'disk'; {there_are}",
    ]
    assert checked.broken == {"garage", "second"}
    assert set(checked.components) == {"third"}


def test_task_processors_are_known_where_something_else_is_wrong_with_the_manager() -> None:
    document = {
        "components_manager": {
            "task_processors": {"main-task-processor": {"worker_threads": 0}},
            "default_task_processor": "main-task-processor",
            "components": {"garage": {"main": "disk"}},
        }
    }

    assert texts(check_all(document, ComponentList(Garage))) == [
        "components_manager.task_processors.main-task-processor.worker_threads:"
        " expected at least 1 (got 0)",
        "components_manager.components.garage.main: there is no task processor 'disk';"
        " there are: main-task-processor",
    ]


def missing_task_processors(processors: str) -> list[str]:
    """Return the options that are told to name a task processor that is not there."""
    text = f"""
components_manager:
    task_processors: {processors}
    default_task_processor: fs-task-processor
    components: {{garage: {{main: fs-task-processor, other-one: disk}}}}
"""
    told = check_yaml(text, ComponentList(Garage))
    return [line.split(": ")[1] for line in told if "there is no task processor" in line]


@pytest.mark.parametrize("undecided", ["$x", "!t {}"])
def test_task_processor_that_nobody_knows_is_not_said_to_be_missing(undecided: str) -> None:
    processors = f"{{main-task-processor: {{worker_threads: 1}}, fs-task-processor: {undecided}}}"

    assert missing_task_processors(processors) == ["components_manager.components.garage.other-one"]


@pytest.mark.parametrize("processors", ["$x", "!t {}", "", "{}", "7"])
def test_no_task_processor_is_said_to_be_missing_where_there_are_none(processors: str) -> None:
    assert missing_task_processors(processors) == []


def test_default_task_processor_that_is_not_there_is_refused_once() -> None:
    manager = {**MANAGER, "default_task_processor": "mian-task-processor"}

    checked = check_all({"components_manager": manager})

    assert checked.manager is None

    assert str(ConfigFileError(checked.problems)) == (
        "test: components_manager.default_task_processor: there is no task processor"
        " 'mian-task-processor'; there are: main-task-processor;"
        " did you mean 'main-task-processor'?"
    )


@pytest.mark.parametrize(
    ("section", "option"),
    [
        ("server", ("listener", "task_processor")),
        ("websocket-handler", ("task_processor",)),
        ("logging", ("fs-task-processor",)),
    ],
)
def test_each_option_of_the_kit_that_names_a_task_processor_is_checked(
    section: str, option: OptionPath
) -> None:
    document = parse_yaml(ORIGINAL.read_bytes(), "original.yaml")
    path = ("components_manager", "components", section, *option)
    holder: Any = document.value_at(path[:-1])
    holder[option[-1]] = "weather"

    checked = check_static_config(document, COMPONENTS)

    assert texts(checked) == [
        f"{dotted(path)}: there is no task processor 'weather';"
        " there are: main-task-processor, fs-task-processor"
    ]
    assert checked.broken == {section}


def test_document_that_was_checked_is_as_it_was() -> None:
    document = {"components_manager": {**MANAGER, "components": {"radio": None}}}

    check_all(document)

    assert document == {"components_manager": {**MANAGER, "components": {"radio": None}}}


def test_options_without_effect_are_those_that_the_original_sets() -> None:
    document = parse_yaml(ORIGINAL.read_bytes(), str(ORIGINAL))

    config = check_static_config(document, COMPONENTS)

    assert [dotted(path) for path in config.without_effect] == [
        "components_manager.coro_pool.initial_size",
        "components_manager.coro_pool.max_size",
    ]


def test_options_that_the_file_leaves_out_are_not_without_effect() -> None:
    assert check({"fuel": {"max-litres": 1}}).without_effect == ()
