"""Builds, starts and stops the components of a service."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from app.components.component import Component, ComponentConfig
from app.components.component_list import ComponentList
from app.components.errors import ComponentGraphError, ComponentStartError, RefusedError
from app.components.graph import CONFIG, SECTION, Node, resolve
from app.exceptions import ConfigError
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError

C = TypeVar("C", bound=Component)

logger = logging.getLogger(__name__)

SLOW_AFTER: Final = 5.0
"""Seconds after which a component that is still starting or stopping is named in the log."""


class ComponentManager:
    """The components of a service, built in order of dependency.

    Building checks all that can be checked without starting anything.

    Args:
        components: The classes; those that the static config leaves out are not built.
        configs: Their options, by section.
        values: What else a constructor may ask for, found by its type.
        broken: Sections of components that are there, but cannot be built, and with them all that
            need them: nothing is said of these.

    Raises:
        RefusedError: components refuse their options; all that could be built were tried.
        ComponentGraphError, MissingSectionError: the components do not fit together.
    """

    def __init__(
        self,
        components: ComponentList,
        configs: Mapping[str, ComponentConfig],
        values: Sequence[object],
        broken: Collection[str] = (),
    ) -> None:
        self._built: dict[str, Component] = {}
        self._started: list[str] = []
        by_type: dict[type, object] = {type(value): value for value in values}
        there = {*configs, *broken}
        present = [entry for entry in components if entry.section in there]
        absent = [entry for entry in components if entry.section not in there]
        refusals: dict[str, OptionError] = {}
        for node in resolve(present, by_type, absent):
            section = node.entry.section
            if section in broken or not self._built.keys() >= set(node.components.values()):
                continue
            try:
                self._built[section] = self._build(node, configs[section], by_type)
            except OptionError as error:
                refusals[section] = error
            except ConfigError as error:
                refusals[section] = OptionError({(): str(error)})
        if refusals:
            raise RefusedError(refusals)

    @property
    def sections(self) -> list[str]:
        """The sections of the components, in the order in which they start."""
        return list(self._built)

    def find(self, component: type[C]) -> C:
        """Return the one component of this class.

        Raises:
            ComponentGraphError: there is none, or there are several.
        """
        found = [part for part in self._built.values() if isinstance(part, component)]
        if len(found) != 1:
            raise ComponentGraphError(
                f"expected one {component.__name__} among the components, found {len(found)}"
            )
        return found[0]

    def warnings(self) -> Iterator[tuple[str, OptionPath, str]]:
        """Yield what is allowed, and probably not meant: a section, an option in it, and a text."""
        for section, component in self._built.items():
            for option, text in component.warnings():
                yield section, option, text

    async def start(self, *, lifespan: bool = True) -> None:
        """Start the components one after the other; if one fails, stop those that have started.

        Args:
            lifespan: False where nobody will call `stop`: components that need it are left out.

        Raises:
            ComponentStartError: names the component, with its exception as the cause.
        """
        for section, component in self._built.items():
            if component.needs_lifespan and not lifespan:
                continue
            try:
                with _telling_when_slow(section, "starting"):
                    await component.start()
            except BaseException as error:
                await self.stop()
                if isinstance(error, Exception):
                    raise ComponentStartError(section, error) from error
                raise
            self._started.append(section)

    async def stop(self) -> None:
        """Stop what has started, the last first; one that fails is logged and stops no other."""
        while self._started:
            section = self._started.pop()
            try:
                with _telling_when_slow(section, "stopping"):
                    await self._built[section].stop()
            except Exception:
                logger.exception("component %r failed to stop", section)

    def _build(
        self, node: Node, config: ComponentConfig, values: Mapping[type, object]
    ) -> Component:
        factory = cast(Any, node.entry.component)
        arguments: dict[str, object] = {
            CONFIG: config,
            SECTION: node.entry.section,
            **{name: self._built[section] for name, section in node.components.items()},
            **{name: values[wanted] for name, wanted in node.values.items()},
        }
        taken = inspect.signature(factory).parameters
        try:
            return cast(
                Component,
                factory(**{name: value for name, value in arguments.items() if name in taken}),
            )
        except Exception as error:
            error.add_note(f"while component {node.entry.section!r} was being built")
            raise


@contextlib.contextmanager
def _telling_when_slow(section: str, doing: str) -> Iterator[None]:
    """Name the component in the log, again and again, while the block takes too long."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def tell_after(seconds: float) -> None:
        nonlocal timer
        timer = loop.call_later(SLOW_AFTER, tell, seconds)

    def tell(seconds: float) -> None:
        logger.warning("component %r is still %s after %.0f s", section, doing, seconds)
        tell_after(seconds + SLOW_AFTER)

    tell_after(SLOW_AFTER)
    try:
        yield
    finally:
        timer.cancel()
