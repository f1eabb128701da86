"""Which component needs which: known from the constructors' annotations, before any is built."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import get_type_hints

from app.components.component import Component
from app.components.component_list import ComponentEntry
from app.components.errors import ComponentGraphError


@dataclass(frozen=True, slots=True)
class Node:
    """A component and what it needs: by parameter, another section or the type of a value."""

    entry: ComponentEntry
    components: Mapping[str, str]
    values: Mapping[str, type]


CONFIG = "config"
SECTION = "section"


def resolve(entries: Sequence[ComponentEntry], values: Iterable[type]) -> list[Node]:
    """Return the components in an order in which each comes after all that it needs.

    Where the needs leave a choice, the order is that of `entries`.

    Args:
        entries: The components that are there.
        values: The types of the values, other than components, that a constructor may ask for.

    Raises:
        ComponentGraphError: a parameter without a usable type, a need that no component or more
            than one fulfils, or a circle.
    """
    known_values = frozenset(values)
    nodes = {entry.section: _node(entry, entries, known_values) for entry in entries}
    sorter = TopologicalSorter(
        {section: node.components.values() for section, node in nodes.items()}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " needs ".join(repr(section) for section in reversed(error.args[1]))
        raise ComponentGraphError(f"components need each other in a circle: {circle}") from None
    position = {entry.section: index for index, entry in enumerate(entries)}
    ordered: list[Node] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=position.__getitem__)
        section = ready.pop(0)
        ordered.append(nodes[section])
        sorter.done(section)
    return ordered


def _node(
    entry: ComponentEntry, entries: Sequence[ComponentEntry], known_values: frozenset[type]
) -> Node:
    components: dict[str, str] = {}
    values: dict[str, type] = {}
    for name, wanted in _parameters(entry).items():
        if wanted in known_values:
            values[name] = wanted
        elif inspect.isclass(wanted) and issubclass(wanted, Component):
            components[name] = _provider(entry, name, wanted, entries)
        else:
            raise ComponentGraphError(
                f"{_place(entry, name)} is neither a component nor one of:"
                f" {', '.join(sorted(value.__name__ for value in known_values))}"
            )
    return Node(entry, components, values)


def _parameters(entry: ComponentEntry) -> dict[str, type]:
    """Return the annotated types of the constructor's parameters, without the two that are ours."""
    names = inspect.signature(entry.component).parameters
    try:
        # `Config` is known inside the class only, where an annotation may be a string.
        hints = get_type_hints(entry.component.__init__, localns={"Config": entry.component.Config})
    except NameError as error:
        raise ComponentGraphError(
            f"{entry.component.__qualname__}.__init__: {error}; import what an annotation names"
            " at run time, not under TYPE_CHECKING"
        ) from None
    wanted: dict[str, type] = {}
    for name in names:
        if name in (CONFIG, SECTION):
            continue
        if name not in hints:
            raise ComponentGraphError(f"{_place(entry, name)} has no annotation")
        wanted[name] = hints[name]
    return wanted


def _provider(
    entry: ComponentEntry, name: str, wanted: type[Component], entries: Sequence[ComponentEntry]
) -> str:
    providers = [other.section for other in entries if issubclass(other.component, wanted)]
    if len(providers) == 1:
        return providers[0]
    if providers:
        raise ComponentGraphError(
            f"{_place(entry, name)}: more than one component is a {wanted.__name__}:"
            f" {', '.join(providers)}"
        )
    raise ComponentGraphError(
        f"{_place(entry, name)}: there is no {wanted.__name__}; append it to the component list"
        f" and add its section{_section_hint(wanted)} to the static config"
    )


def _section_hint(wanted: type[Component]) -> str:
    return f" {wanted.name!r}" if hasattr(wanted, "name") else ""


def _place(entry: ComponentEntry, parameter: str) -> str:
    return (
        f"component {entry.section!r}: parameter {parameter!r} of"
        f" {entry.component.__qualname__}.__init__"
    )
