import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.components.component import Component, ComponentConfig
from app.components.component_list import ComponentEntry, ComponentList
from app.components.errors import ComponentGraphError, MissingSectionError
from app.components.graph import resolve
from app.exceptions import ConfigError

if TYPE_CHECKING:
    from app.logs.component import LoggingComponent


class Fuel(Component):
    name = "fuel"


class Engine(Component):
    name = "engine"

    def __init__(self, fuel: Fuel) -> None:
        pass


class Car(Component):
    name = "car"

    def __init__(self, engine: Engine, fuel: Fuel) -> None:
        pass


class Diesel(Fuel):
    name = "diesel"


class Map(Component):
    name = "map"


class Snapshot:
    """A value, not a component."""


def entries(*components: type[Component]) -> list[ComponentEntry]:
    return list(ComponentList(*components))


def order(*components: type[Component]) -> list[str]:
    return [node.entry.section for node in resolve(entries(*components), [])]


def refusal(*components: type[Component], values: tuple[type, ...] = ()) -> str:
    with pytest.raises(ComponentGraphError) as caught:
        resolve(entries(*components), values)
    return str(caught.value)


@pytest.mark.parametrize("listed", list(itertools.permutations([Fuel, Engine, Car])))
def test_component_comes_after_all_that_it_needs(listed: tuple[type[Component], ...]) -> None:
    assert order(*listed) == ["fuel", "engine", "car"]


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param((Map, Fuel), id="none needs another"),
        pytest.param((Fuel, Map), id="none needs another, the other way round"),
        pytest.param((Fuel, Engine, Map), id="one without needs comes last"),
        pytest.param((Fuel, Engine, Map, Car), id="one without needs comes in between"),
        pytest.param((Map, Fuel, Engine, Car), id="one without needs comes first"),
    ],
)
def test_order_of_the_list_is_kept_where_the_needs_allow_it(
    listed: tuple[type[Component], ...],
) -> None:
    assert order(*listed) == [component.name for component in listed]


def test_no_components_are_in_order() -> None:
    assert resolve([], []) == []


def test_needs_are_known_by_parameter() -> None:
    *_, car = resolve(entries(Fuel, Engine, Car), [])

    assert car.components == {"engine": "engine", "fuel": "fuel"}
    assert car.values == {}


def test_subclass_provides_what_its_base_is_asked_for() -> None:
    diesel, engine = resolve(entries(Engine, Diesel), [])

    assert diesel.entry.section == "diesel"
    assert engine.components == {"fuel": "diesel"}


def test_provider_goes_by_its_section() -> None:
    listed = ComponentList(Engine).append(Fuel, "reserve")

    _, engine = resolve(list(listed), [])

    assert engine.components == {"fuel": "reserve"}


def test_values_are_known_by_parameter() -> None:
    class Driver(Component):
        name = "driver"

        def __init__(self, snapshot: Snapshot, car_map: Map) -> None:
            pass

    *_, driver = resolve(entries(Driver, Map), [Snapshot])

    assert driver.values == {"snapshot": Snapshot}
    assert driver.components == {"car_map": "map"}


def test_config_and_section_are_no_needs() -> None:
    class Driver(Component):
        name = "driver"

        class Config(ComponentConfig):
            age: int = 18

        def __init__(self, config: Config, section: str) -> None:
            pass

    (driver,) = resolve(entries(Driver), [])

    assert driver.components == {}
    assert driver.values == {}


def test_config_may_be_annotated_with_a_string() -> None:
    class Driver(Component):
        name = "driver"

        class Config(ComponentConfig):
            age: int = 18

        def __init__(self, config: "Config", fuel: "Fuel") -> None:
            pass

    _, driver = resolve(entries(Fuel, Driver), [])

    assert driver.components == {"fuel": "fuel"}


def test_inherited_constructor_counts() -> None:
    class FastCar(Car):
        name = "fast-car"

    assert order(FastCar, Engine, Fuel) == ["fuel", "engine", "fast-car"]


class Hen(Component):
    name = "hen"

    def __init__(self, egg: "Egg") -> None:
        pass


class Egg(Component):
    name = "egg"

    def __init__(self, nest: "Nest") -> None:
        pass


class Nest(Component):
    name = "nest"

    def __init__(self, hen: Hen) -> None:
        pass


def test_circle_is_named_in_the_direction_of_the_needs() -> None:
    said = refusal(Fuel, Hen, Egg, Nest)

    prefix, circle = said.split(": ")
    sections = circle.split(" needs ")
    assert prefix == "components need each other in a circle"
    assert sections[0] == sections[-1]
    assert set(itertools.pairwise(sections)) == {
        ("'hen'", "'egg'"),
        ("'egg'", "'nest'"),
        ("'nest'", "'hen'"),
    }


class Snake(Component):
    name = "snake"

    def __init__(self, tail: "Snake") -> None:
        pass


def test_component_that_needs_itself_is_a_circle() -> None:
    assert refusal(Snake).endswith("circle: 'snake' needs 'snake'")


def test_missing_component_is_named_with_a_way_out() -> None:
    assert refusal(Engine) == (
        "component 'engine': parameter 'fuel' of Engine.__init__: there is no Fuel:"
        " append it to the component list"
    )


def test_component_that_only_lacks_its_section_is_named_with_the_section() -> None:
    absent = [ComponentEntry("tank", Diesel)]
    with pytest.raises(MissingSectionError) as caught:
        resolve([ComponentEntry("engine", Engine)], (), absent)

    assert (caught.value.section, caught.value.needed_by) == ("tank", "engine")


def test_more_than_one_provider_is_refused_and_all_are_named() -> None:
    class Petrol(Fuel):
        name = "petrol"

    assert refusal(Engine, Petrol, Diesel) == (
        "component 'engine': parameter 'fuel' of Engine.__init__: more than one component is a"
        " Fuel: petrol, diesel; ask for a class that only one is"
    )


@pytest.mark.parametrize("other", [ComponentEntry("second", Fuel), ComponentEntry("d", Diesel)])
def test_of_several_providers_the_one_under_its_own_name_is_meant(other: ComponentEntry) -> None:
    entries = [other, ComponentEntry("fuel", Fuel), ComponentEntry("engine", Engine)]
    engine = next(node for node in resolve(entries, ()) if node.entry.section == "engine")

    assert engine.components == {"fuel": "fuel"}


def test_parameter_with_a_default_keeps_it_where_nobody_provides() -> None:
    class Driver(Component):
        name = "driver"

        def __init__(
            self, fuel: Fuel | None = None, limit: int = 3, *rest: object, **more: object
        ) -> None:
            pass

    (alone,) = resolve([ComponentEntry("driver", Driver)], ())
    assert (alone.components, alone.values) == ({}, {})
    entries = [ComponentEntry("driver", Driver), ComponentEntry("fuel", Fuel)]
    assert resolve(entries, ())[1].components == {"fuel": "fuel"}


def test_parameter_without_annotation_keeps_its_default() -> None:
    class Driver(Component):
        name = "driver"

        def __init__(self, fuel=None) -> None:  # type: ignore[no-untyped-def]  # the subject
            pass

    entries = [ComponentEntry("driver", Driver), ComponentEntry("fuel", Fuel)]
    (driver,) = (node for node in resolve(entries, ()) if node.entry.section == "driver")

    assert (driver.components, driver.values) == ({}, {})


def test_parameter_without_annotation_is_named() -> None:
    class Driver(Component):
        name = "driver"

        def __init__(self, fuel) -> None:  # type: ignore[no-untyped-def]  # the subject
            pass

    said = refusal(Driver, Fuel)

    assert said.startswith("component 'driver': parameter 'fuel' of ")
    assert said.endswith("Driver.__init__ has no annotation")


@pytest.mark.parametrize("annotation", [int, str | None, list[Fuel], type[Fuel]])
def test_parameter_of_a_type_that_nobody_provides_is_refused(annotation: object) -> None:
    class Driver(Component):
        name = "driver"

        def __init__(self, wish: object) -> None:
            pass

    Driver.__init__.__annotations__["wish"] = annotation

    said = refusal(Driver, Fuel, values=(Snapshot, Path))

    assert said.startswith("component 'driver': parameter 'wish' of ")
    assert said.endswith("Driver.__init__ is neither a component nor one of: Path, Snapshot")


class Horn(Component):
    name = "horn"

    def __init__(self, logs: "LoggingComponent") -> None:
        pass


def test_annotation_that_is_there_for_the_type_checker_only_is_refused_with_a_way_out() -> None:
    assert refusal(Horn) == (
        "Horn.__init__: name 'LoggingComponent' is not defined;"
        " import what an annotation names at run time, not under TYPE_CHECKING"
    )


def test_refusal_is_a_mistake_in_the_config() -> None:
    with pytest.raises(ConfigError):
        resolve(entries(Engine), [])
