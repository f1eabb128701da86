"""The `server` section."""

from collections.abc import Iterator

from pydantic import Field
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.dynamic_config.source import Source
from app.host import backlog_limit
from app.server.contracts import Handler
from app.server.limited_names import LimitedNames
from app.server.listener import ListenerConfig
from app.server.request_log import RequestLog
from app.server.router import HandlerRouter, describe_path, path_shape, paths
from app.server.tls import is_readable_by_all
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig


class ServerComponent(Component):
    """Knows the handlers and where the service listens."""

    name = "server"

    class Config(ComponentConfig):
        """Options of the `server` section."""

        listener: ListenerConfig = Field(description="Where the service accepts connections.")

    def __init__(self, config: Config, manager: ManagerConfig, source: Source) -> None:
        self.listener = config.listener
        # For the handlers, whose constructors know of the server only.
        self.source = source
        self.handlers: list[Handler] = []
        self._limited_names = LimitedNames(source, self.handlers)
        self._task_processor = config.listener.task_processor
        if self._task_processor != manager.default_task_processor:
            text = (
                f"the listener runs on the default task processor"
                f" {manager.default_task_processor!r}, whose worker_threads are the worker"
                f" processes (got {self._task_processor!r})"
            )
            raise OptionError({("listener", "task_processor"): text})

    def add_handler(self, handler: Handler) -> None:
        """Take `handler` among those that requests are routed to.

        Raises:
            OptionError: its path is another handler's, or it names a task processor that it
                cannot run on.
        """
        refusals = {**self._wrong_task_processor(handler), **self._taken_path(handler)}
        if refusals:
            raise OptionError(refusals)
        self.handlers.append(handler)

    @override
    def warnings(self) -> Iterator[tuple[OptionPath, str]]:
        limit = backlog_limit()
        if limit is not None and self.listener.backlog > limit:
            yield ("listener", "backlog"), f"the kernel allows {limit} (net.core.somaxconn)"
        if self.listener.tls is not None and is_readable_by_all(self.listener.tls.private_key):
            option = ("listener", "tls", "private-key")
            yield option, "everybody on this machine may read the file: chmod 600"
        for text in self._limited_names.unknown_at_first():
            yield (), text

    @override
    async def start(self) -> None:
        self._limited_names.follow()

    def router(self) -> HandlerRouter:
        """Return a router to all handlers."""
        return HandlerRouter(self.handlers, RequestLog(self.source))

    def describe_handlers(self) -> list[tuple[str, str]]:
        """Return the name and the path of each handler, as a person would want to see them."""
        return [(each.handler_name, describe_path(each)) for each in self.handlers]

    def _wrong_task_processor(self, handler: Handler) -> dict[OptionPath, str]:
        wanted = handler.options.task_processor
        if wanted in (None, self._task_processor):
            return {}
        text = (
            f"a handler runs where its listener runs, on {self._task_processor!r} (got {wanted!r})"
        )
        return {("task_processor",): text}

    def _taken_path(self, handler: Handler) -> dict[OptionPath, str]:
        taken = {path_shape(path): other for other in self.handlers for path in paths(other)}
        for path in paths(handler):
            if other := taken.get(path_shape(path)):
                text = (
                    f"{path!r} is already the path of {other.handler_name!r}"
                    f" ({other.options.path!r})"
                )
                return {("path",): text}
        return {}
