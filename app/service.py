"""The Starlette application: starts the components, routes requests, stops the components."""

import asyncio
import gc
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

from starlette import applications
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.components.component_list import ComponentList
from app.components.errors import ComponentStartError
from app.components.manager import ComponentManager
from app.config_updates.component import DynamicConfigComponent
from app.exceptions import ServiceError
from app.host import raise_open_files
from app.logs.context import enter_request
from app.server.adoption import adopt
from app.server.component import ServerComponent
from app.server.router import HandlerRouter
from app.service_config import ServiceConfig, build_components, read_service_config, warnings
from app.static_config.reading import DEFAULT_CONFIGS, ConfigFiles, find_static_config
from app.websocket import messages

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service on one event loop."""

    components: ComponentManager
    router: HandlerRouter


class Service(Starlette):
    """The service as an ASGI application.

    Its lifespan reads and checks the config, puts both parts of it on `state.static_config` and
    `state.dynamic_config`, and starts the components. Where an ASGI server runs no lifespan, the
    first request on an event loop does so, in a reduced form: a component that somebody would have
    to stop is built, but not started.

    Args:
        components: What the service is made of.
        config: The config, where somebody has read it already and made the listener accordingly.
        default_configs: See `daemon.run`; of use where nobody has read it.
    """

    def __init__(
        self,
        components: ComponentList,
        config: ServiceConfig | None = None,
        *,
        default_configs: Sequence[Path] = DEFAULT_CONFIGS,
    ) -> None:
        super().__init__()
        self._components: Final = components
        self._config: Final = config
        self._default_configs: Final = default_configs
        self._running: Final[dict[asyncio.AbstractEventLoop, RunningService]] = {}
        self._starting: Final[dict[asyncio.AbstractEventLoop, asyncio.Task[RunningService]]] = {}
        # Routes that somebody adds to the application itself come first.
        self.router.default = self._route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            # A server may run one request in the context of the one before it.
            enter_request(scope.get("headers") or ())
            straight = self._straight(scope) if scope["type"] == "websocket" else None
            await (straight or super().__call__)(scope, receive, send)

    def _straight(self, scope: Scope) -> ASGIApp | None:
        """Return what serves a connection in the end, if nothing else has to do with it.

        None: it must go through all that Starlette has between us and the handlers, which costs
        more than the handshake. Handlers let no exceptions out that would be of interest there.
        """
        running = self._running.get(asyncio.get_running_loop())
        if running is None or not self._is_bare():
            return None
        scope["app"] = self
        return running.router.take_straight(scope)

    def _is_bare(self) -> bool:
        """Return whether nobody has added anything to the application, nor wrapped it."""
        # Libraries that trace requests put a function of their own in the place of Starlette's.
        wrapped = getattr(Starlette.__call__, "__globals__", None) is not vars(applications)
        if wrapped or self.exception_handlers or self.router.routes:
            return False
        outer = self.middleware_stack
        inner = outer.app if type(outer) is ServerErrorMiddleware else None
        return type(inner) is ExceptionMiddleware and inner.app is self.router

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            running = await self._start(lifespan=True)
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": _failure(error)})
            return
        try:
            adopt(receive, running.components.find(ServerComponent).listener.limits)
            if self._config is not None:
                _spare_collections()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        finally:
            self._running.pop(asyncio.get_running_loop(), None)
            await running.components.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        running = self._running.get(loop) or await self._start_reduced(loop)
        await running.router(scope, receive, send)

    async def _start_reduced(self, loop: asyncio.AbstractEventLoop) -> RunningService:
        """Start without a lifespan, once for all requests that are waiting for it."""
        starting = self._starting.get(loop)
        if starting is None:
            starting = self._starting[loop] = loop.create_task(self._start(lifespan=False))
            starting.add_done_callback(lambda _: self._starting.pop(loop))
        # Shielded: one of those that wait may be cancelled.
        return await asyncio.shield(starting)

    async def _start(self, *, lifespan: bool) -> RunningService:
        config = self._config or _read_config(self._components, self._default_configs)
        components = build_components(self._components, config)
        server = components.find(ServerComponent)
        dynamic = components.find(DynamicConfigComponent).source
        await components.start(lifespan=lifespan)
        self.state.static_config = config.static
        self.state.dynamic_config = dynamic
        if self._config is None:
            log_config(config, components)
            logger.info("open files of this process: at most %d", raise_open_files())
            logger.info(
                "worker_threads and server.listener, but for its limits, have no effect here: the"
                " ASGI server that runs this application decides where it listens, which proxies"
                " it trusts, and with how many processes"
            )
        for loop in [loop for loop in self._running if loop.is_closed()]:
            del self._running[loop]
        running = RunningService(components, server.router())
        self._running[asyncio.get_running_loop()] = running
        return running


def _read_config(components: ComponentList, default_configs: Sequence[Path]) -> ServiceConfig:
    # The listener is the ASGI server's, and so are its certificates.
    files = ConfigFiles(find_static_config(None, defaults=default_configs))
    return read_service_config(files, components, with_tls=False)


def log_config(config: ServiceConfig, components: ComponentManager) -> None:
    """Log which config is run, what in it is probably not meant, and which handlers there are."""
    logger.info("config: %s", config.static.path)
    if messages.__file__.endswith(tuple(EXTENSION_SUFFIXES)):
        logger.info("the path of a message is compiled")
    for warning in warnings(config, components):
        logger.warning("%s", warning)
    for name, path in components.find(ServerComponent).describe_handlers():
        logger.info("%s: %s", name, path)


def _spare_collections() -> None:
    """Let garbage collections pass over all that is there now; for a process that only serves.

    A full one takes 10 ms for the modules alone, in which nobody is answered. What has been thrown
    away by now is collected for the last time.
    """
    gc.collect()
    gc.freeze()


def _failure(error: Exception) -> str:
    """Return what to say of a start that failed; an error of ours is a text, others are logged."""
    cause = error.__cause__ if isinstance(error, ComponentStartError) else error
    if not isinstance(cause, ServiceError):
        logger.error("the service could not start", exc_info=cause)
    return str(error)
