"""The `task_processors` of the `components_manager` section."""

from typing_extensions import override

from app.components.component import Component
from app.exceptions import ConfigError
from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig
from app.task_processors.pool import ThreadPool


class TaskProcessorsComponent(Component):
    """The pools of threads, by the names that the static config gives them.

    The default task processor has no threads here: it is the event loops that listeners run on.
    """

    name = "task-processors"

    def __init__(self, manager: ManagerConfig) -> None:
        self._pools = {
            name: ThreadPool(manager.thread_name(name), processor.worker_threads)
            for name, processor in manager.task_processors.items()
            if name != manager.default_task_processor
        }

    def pool(self, name: str) -> ThreadPool:
        """Return the pool of threads called `name`.

        Raises:
            ConfigError: there is no such task processor, or it is an event loop.
        """
        try:
            return self._pools[name]
        except KeyError:
            raise ConfigError(
                f"task processor {name!r}: no pool of threads has this name;"
                f" there are: {', '.join(self._pools) or 'none'}"
            ) from None

    def pool_of_option(self, option: str, name: str) -> ThreadPool:
        """Return the pool of threads that an option of a component names.

        Raises:
            OptionError: as `pool`.
        """
        try:
            return self.pool(name)
        except ConfigError as error:
            raise OptionError({(option,): str(error)}) from None

    @override
    async def stop(self) -> None:
        for pool in self._pools.values():
            pool.stop()
