"""Which component needs which: known from the constructors' annotations, before any is built."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from app.components.component import Component
from app.components.component_list import ComponentEntry
from app.components.errors import ComponentGraphError, MissingSectionError


@dataclass(frozen=True, slots=True)
class Node:
    """A component and what it needs: by parameter, another section or the type of a value."""

    entry: ComponentEntry
    components: Mapping[str, str]
    values: Mapping[str, type]


CONFIG = "config"
SECTION = "section"


def resolve(
    entries: Sequence[ComponentEntry],
    values: Iterable[type],
    absent: Sequence[ComponentEntry] = (),
) -> list[Node]:
    """Return the components in an order in which each comes after all that it needs.

    Where the needs leave a choice, the order is that of `entries`.

    Args:
        entries: The components that are there.
        values: The types of the values, other than components, that a constructor may ask for.
        absent: The components that are not there, because the static config has no section for
            them: named in the error if one of them is needed.

    Raises:
        ComponentGraphError: a parameter without a usable type, a need that no component or more
            than one fulfils, or a circle.
        MissingSectionError: a need that one of the absent components would fulfil.
    """
    known_values = frozenset(values)
    nodes = {entry.section: _node(entry, entries, absent, known_values) for entry in entries}
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
    entry: ComponentEntry,
    entries: Sequence[ComponentEntry],
    absent: Sequence[ComponentEntry],
    known_values: frozenset[type],
) -> Node:
    components: dict[str, str] = {}
    values: dict[str, type] = {}
    for need in _needs(entry):
        if need.wanted in known_values:
            values[need.parameter] = need.wanted
        elif inspect.isclass(need.wanted) and issubclass(need.wanted, Component):
            provider = _provider(need, need.wanted, entries, absent)
            if provider is not None:
                components[need.parameter] = provider
        elif not need.has_default:
            raise ComponentGraphError(
                f"{need.place} is neither a component nor one of:"
                f" {', '.join(sorted(value.__name__ for value in known_values))}"
            )
    return Node(entry, components, values)


@dataclass(frozen=True, slots=True)
class _Need:
    """One parameter of a constructor: whose, where it stands, and what it wants."""

    section: str
    place: str
    parameter: str
    wanted: type
    has_default: bool


def _needs(entry: ComponentEntry) -> Iterator[_Need]:
    hints = _hints(entry)
    for name, parameter in inspect.signature(entry.component).parameters.items():
        if name in (CONFIG, SECTION) or parameter.kind in _VARIADIC:
            continue
        place = (
            f"component {entry.section!r}: parameter {name!r} of"
            f" {entry.component.__qualname__}.__init__"
        )
        has_default = parameter.default is not parameter.empty
        if name in hints:
            yield _Need(entry.section, place, name, _without_none(hints[name]), has_default)
        elif not has_default:
            raise ComponentGraphError(f"{place} has no annotation")


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _hints(entry: ComponentEntry) -> dict[str, type]:
    try:
        # `Config` is known inside the class only, where an annotation may be a string.
        return get_type_hints(entry.component.__init__, localns={"Config": entry.component.Config})
    except (NameError, SyntaxError) as error:
        raise ComponentGraphError(
            f"{entry.component.__qualname__}.__init__: {error}; import what an annotation names"
            " at run time, not under TYPE_CHECKING"
        ) from None


def _without_none(hint: type) -> type:
    """Return `X` for `X | None`."""
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if get_origin(hint) in (Union, UnionType) and len(kinds) == 1 else hint


def _provider(
    need: _Need,
    wanted: type[Component],
    entries: Sequence[ComponentEntry],
    absent: Sequence[ComponentEntry],
) -> str | None:
    """Return the section of the component that is meant; None if the need can do without."""
    providers = [entry for entry in entries if issubclass(entry.component, wanted)]
    if len(providers) > 1:
        # Of a class that is there more than once, the one under its own name is meant.
        own = [each for each in providers if each.component is wanted and each.has_own_name]
        providers = own or providers
    if len(providers) == 1:
        return providers[0].section
    if providers:
        raise ComponentGraphError(
            f"{need.place}: more than one component is a {wanted.__name__}:"
            f" {', '.join(each.section for each in providers)}; ask for a class that only one is"
        )
    if need.has_default:
        return None
    missing = [each.section for each in absent if issubclass(each.component, wanted)]
    if missing:
        raise MissingSectionError(missing[0], need.section)
    raise ComponentGraphError(
        f"{need.place}: there is no {wanted.__name__}: append it to the component list"
    )
