"""What a part of the service is."""

from typing import ClassVar

from app.static_config.model import ConfigModel


class ComponentConfig(ConfigModel):
    """The options of one component: the base of every component's `Config`."""


class Component:
    """A part of the service that has a name, options, and a life between start and stop.

    Derive from it, give it a `name` (the default name of its section in the static config), a
    `Config` model if it has options, and a constructor whose annotated parameters say what it
    needs:

    - `config`: its options, an instance of `Config`;
    - `section`, if it wants it: the name of the section it runs under;
    - any other: another component, or `ManagerConfig`, or `Snapshot`, by its type. One with a
      default (`rooms: Rooms | None = None`) keeps it where nothing of its type is there.

    A constructor checks and keeps; it must not start anything, and must do no I/O but read what
    came with the package: it also runs where a config is only checked. What it refuses with a
    `ConfigError` is refused before anything starts.
    """

    name: ClassVar[str]
    Config: ClassVar[type[ComponentConfig]] = ComponentConfig

    needs_lifespan: ClassVar[bool] = False
    """True if `start` begins what somebody has to end (threads, background tasks, signal or log
    handlers, listeners): such a component is not started where nobody runs the lifespan."""

    async def start(self) -> None:
        """Begin to work; all components that this one depends on have started.

        An exception keeps the service from starting; what has started is stopped.
        """

    async def stop(self) -> None:
        """End all that `start` began; called once, and only if `start` has returned.

        Two seconds are for all components of a worker process: one that has not left four seconds
        after the signal is killed.
        """
