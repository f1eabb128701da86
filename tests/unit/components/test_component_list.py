import pickle

import pytest

from app.components.component import Component
from app.components.component_list import ComponentEntry, ComponentList
from app.components.errors import ComponentGraphError
from app.dynamic_config.variable import Variable
from app.handlers.websocket import WebSocketHandlerBase


class Engine(Component):
    name = "engine"


class Wheel(Component):
    name = "wheel"


class OtherWheel(Component):
    name = "wheel"


SPEED = Variable("SPEED", int, 0, description="How fast.", reader="the engine")


def sections(components: ComponentList) -> list[str]:
    return [entry.section for entry in components]


def test_component_runs_under_its_name() -> None:
    components = ComponentList(Engine, Wheel)

    assert list(components) == [ComponentEntry("engine", Engine), ComponentEntry("wheel", Wheel)]


def test_appended_component_comes_last() -> None:
    assert sections(ComponentList(Wheel).append(Engine)) == ["wheel", "engine"]


def test_one_class_may_run_under_two_names() -> None:
    components = ComponentList(Wheel).append(Wheel, "spare-wheel")

    assert list(components) == [
        ComponentEntry("wheel", Wheel),
        ComponentEntry("spare-wheel", Wheel),
    ]


def test_appending_leaves_the_list_as_it_was() -> None:
    components = ComponentList(Engine)

    components.append(Wheel)

    assert sections(components) == ["engine"]


def test_appending_keeps_the_variables() -> None:
    components = ComponentList(Engine, variables=[SPEED]).append(Wheel)

    assert components.variables == (SPEED,)


def test_there_are_no_variables_unless_given() -> None:
    assert ComponentList(Engine).variables == ()


def test_one_section_for_two_components_is_refused() -> None:
    with pytest.raises(ComponentGraphError) as caught:
        ComponentList(Wheel, Engine, OtherWheel)

    assert str(caught.value) == (
        "OtherWheel and Wheel both have the section name 'wheel':"
        " append one of them under another name"
    )


def test_appending_under_a_taken_name_is_refused() -> None:
    components = ComponentList(Engine, Wheel)

    with pytest.raises(ComponentGraphError, match="'engine'"):
        components.append(OtherWheel, "engine")


def test_list_survives_pickling() -> None:
    components = ComponentList(Engine, variables=[SPEED]).append(Wheel, "spare-wheel")

    copy = pickle.loads(pickle.dumps(components))

    assert list(copy) == list(components)
    assert [variable.name for variable in copy.variables] == ["SPEED"]


def test_class_without_a_name_is_refused() -> None:
    class Nameless(Component):
        """Its author forgot something."""

    with pytest.raises(ComponentGraphError, match=r"Nameless lacks: name"):
        ComponentList(Nameless)


def test_abstract_class_is_refused_with_what_it_lacks() -> None:
    class Mute(WebSocketHandlerBase):
        name = "mute"

    with pytest.raises(ComponentGraphError, match=r"Mute lacks: handle"):
        ComponentList().append(Mute)
