"""The `server` section."""

from pydantic import Field
from starlette.routing import Router

from app.components.component import Component, ComponentConfig
from app.exceptions import ConfigError
from app.server.contracts import Handler
from app.server.listener import ListenerConfig
from app.server.router import describe_path, make_router, paths
from app.static_config.manager import ManagerConfig


class ServerComponent(Component):
    """Knows the handlers and where the service listens."""

    name = "server"

    class Config(ComponentConfig):
        """Options of the `server` section."""

        listener: ListenerConfig = Field(description="Where the service accepts connections.")

    def __init__(self, config: Config, manager: ManagerConfig) -> None:
        self.listener = config.listener
        self.handlers: list[Handler] = []
        self._task_processor = config.listener.task_processor
        self._known_task_processors = manager.task_processors
        self._check_task_processor("server.listener", self._task_processor)
        if self._task_processor != manager.default_task_processor:
            raise ConfigError(
                f"server.listener.task_processor: the listener runs on the default task processor"
                f" {manager.default_task_processor!r}, whose worker_threads are the worker"
                f" processes (got {self._task_processor!r})"
            )

    def add_handler(self, handler: Handler) -> None:
        """Take `handler` among those that requests are routed to.

        Raises:
            ConfigError: its path is another handler's, or it names a task processor that it
                cannot run on.
        """
        self._check_place(handler)
        self._check_path(handler)
        self.handlers.append(handler)

    def router(self) -> Router:
        """Return a router to all handlers."""
        return make_router(self.handlers)

    def describe_handlers(self) -> list[tuple[str, str]]:
        """Return the name and the path of each handler, as a person would want to see them."""
        return [(each.handler_name, describe_path(each)) for each in self.handlers]

    def _check_place(self, handler: Handler) -> None:
        wanted = handler.options.task_processor
        if wanted is None:
            return
        self._check_task_processor(handler.handler_name, wanted)
        if wanted != self._task_processor:
            raise ConfigError(
                f"{handler.handler_name}.task_processor: a handler runs where its listener runs,"
                f" on {self._task_processor!r} (got {wanted!r})"
            )

    def _check_task_processor(self, place: str, name: str) -> None:
        if name not in self._known_task_processors:
            raise ConfigError(
                f"{place}.task_processor: there is no task processor {name!r};"
                f" there are: {', '.join(self._known_task_processors)}"
            )

    def _check_path(self, handler: Handler) -> None:
        taken = {path: other for other in self.handlers for path in paths(other)}
        for path in paths(handler):
            if path in taken:
                raise ConfigError(
                    f"{handler.handler_name}.path: {path!r} is already the path of"
                    f" {taken[path].handler_name!r}"
                )
