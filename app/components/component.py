"""What a part of the service is."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from app.static_config.document import OptionPath
from app.static_config.model import ConfigModel


class ComponentConfig(ConfigModel):
    """The options of one component: the base of every component's `Config`."""

    load_enabled: bool = Field(
        default=True,
        alias="load-enabled",
        description="Whether the component is there; false leaves it out.",
    )


class Component:
    """A part of the service that has a name, options, and a life between start and stop.

    Derive from it, give it a `name` (the default name of its section in the static config), a
    `Config` model if it has options, and a constructor whose annotated parameters say what it
    needs:

    - `config`: its options, an instance of `Config`;
    - `section`, if it wants it: the name of the section it runs under;
    - any other: another component, or `ManagerConfig`, or `Source` (the dynamic config), by its
      type. One with a default (`rooms: Rooms | None = None`) keeps it where nothing of its type is
      there.

    A constructor checks and keeps; it must not start anything, and must do no I/O but read what
    came with the package: it also runs where a config is only checked. What it refuses with an
    `OptionError` is refused before anything starts, with the place of the option in its file.
    """

    name: ClassVar[str]
    Config: ClassVar[type[ComponentConfig]] = ComponentConfig

    needs_lifespan: ClassVar[bool] = False
    """True if `start` begins what somebody has to end (threads, background tasks, signal or log
    handlers, listeners): such a component is not started where nobody runs the lifespan."""

    def warnings(self) -> Iterator[tuple[OptionPath, str]]:
        """Yield what is allowed, and probably not meant: an option within the section, and a text.

        Asked for where the service is started or its config is checked; may read files.
        """
        yield from ()

    async def start(self) -> None:
        """Begin to work; all components that this one depends on have started.

        An exception keeps the service from starting; what has started is stopped.
        """

    async def stop(self) -> None:
        """End all that `start` began; called once, and only if `start` has returned.

        Two seconds are for all components of a worker process: one that has not left four seconds
        after the signal is killed.
        """
