"""Which components and variables a service is made of."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.components.component import Component
from app.components.errors import ComponentGraphError
from app.dynamic_config.variable import Variable


@dataclass(frozen=True, slots=True)
class ComponentEntry:
    """A component class and the name of the section it runs under."""

    section: str
    component: type[Component]

    @property
    def has_own_name(self) -> bool:
        """True if the section is named as the class is by default."""
        return self.section == self.component.name


class ComponentList:
    """An immutable list of component classes, and of the variables of the dynamic config.

    Raises:
        ComponentGraphError: two components run under one section name, or a class lacks a name or
            a method that it must have.
    """

    def __init__(
        self, *components: type[Component], variables: Sequence[Variable[Any]] = ()
    ) -> None:
        self._entries: tuple[ComponentEntry, ...] = ()
        self.variables = tuple(variables)
        for component in components:
            self._add(component, None)

    def append(self, component: type[Component], section: str | None = None) -> Self:
        """Return a list with one component more.

        Args:
            component: The class; the same one may be there again under another section name.
            section: The name of its section in the static config; by default its `name`.
        """
        longer = type(self)(variables=self.variables)
        longer._entries = self._entries
        longer._add(component, section)
        return longer

    def __iter__(self) -> Iterator[ComponentEntry]:
        return iter(self._entries)

    def _add(self, component: type[Component], section: str | None) -> None:
        if inspect.isabstract(component) or not hasattr(component, "name"):
            abstract: frozenset[str] = getattr(component, "__abstractmethods__", frozenset())
            missing = ", ".join(sorted(abstract)) or "name"
            raise ComponentGraphError(f"{component.__qualname__} lacks: {missing}")
        section = section or component.name
        for entry in self._entries:
            if entry.section == section:
                raise ComponentGraphError(
                    f"{component.__name__} and {entry.component.__name__} both have the section"
                    f" name {section!r}: append one of them under another name"
                )
        self._entries += (ComponentEntry(section, component),)
