"""The loggers of a config, put in the place of what writes the records of this process."""

import atexit
import contextlib
import logging
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.logs.config import DEFAULT_LOGGER, LoggerConfig
from app.logs.drain import Drain
from app.logs.formats import FormatName, line_format
from app.logs.handler import WriterHandler
from app.logs.levels import LEVELS, NONE
from app.logs.line_queue import LineQueue
from app.logs.losses import Losses
from app.logs.lowered_levels import LoweredLevels
from app.logs.place_levels import PlaceLevels
from app.logs.source_files import import_folders
from app.logs.targets import Target, make_target
from app.logs.variables import DynamicDebug
from app.logs.writer import LogWriter
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from app.task_processors.pool import ThreadPool

STOP_TIMEOUT: Final = 1.0
"""Seconds in which the lines that are left are written at the end, to all targets."""

_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
"""Loggers that Uvicorn's command line gives handlers of their own."""


class Loggers:
    """Lets the records of this process be written as the config says.

    `default` is the root logger, so that all libraries' records come along, Uvicorn's too, and
    Python's warnings. Any other name is the logger of that name, whose records then go nowhere
    else. Handlers that somebody has put on these loggers stay, and get records as well.

    Two in one process both write; the one that was installed last must be uninstalled first.

    Args:
        config: By name; without a `default`, there is one that writes to stderr from level info.
        service: The name of the service, for each line; "" if it has none.
    """

    def __init__(self, config: Mapping[str, LoggerConfig], service: str = "") -> None:
        self._config = {DEFAULT_LOGGER: _DEFAULT, **config}
        self._service = service
        self._outputs: dict[str, _Output] = {}
        self._before: list[_LoggerState] = []
        self._captures_warnings = False
        self._lowered = LoweredLevels()

    def check(self) -> None:
        """Open each target once, so that who starts the service is told what cannot be written.

        It makes files that are not there. What goes wrong later is no reason to end a service.

        Raises:
            OptionError: targets cannot be opened for writing.
        """
        refusals: dict[OptionPath, str] = {}
        for name, config in self._config.items():
            with contextlib.closing(make_target(config.file_path)) as target:
                try:
                    target.open()
                except OSError as error:
                    text = f"{config.file_path!r} cannot be opened for writing: {error.strerror}"
                    refusals[("loggers", name, "file_path")] = text
        if refusals:
            raise OptionError(refusals)

    def install(self, *, for_process: bool = False) -> None:
        """Begin to write. An output that does not work now is tried again and again.

        For any thread, with or without an event loop; lines that are left when the interpreter
        exits are written then.

        Args:
            for_process: True for whoever has made this process, and with it its log: a service that
                is started in it then installs none of its own.
        """
        self._before = [_LoggerState(logging.getLogger(name)) for name in _LIBRARIES]
        for state in self._before:
            state.take_over()
        for name, config in self._config.items():
            output = self._outputs[name] = _make_output(name, config, self._service)
            self._before.append(_LoggerState(output.logger))
            output.logger.setLevel(LEVELS[config.level])
            output.logger.propagate = False
            output.logger.addHandler(output.handler)
            output.writer.start()
        self._capture_warnings()
        atexit.register(self.stop)
        if for_process:
            _OF_PROCESS.append(self)

    @staticmethod
    def of_process() -> "Loggers | None":
        """Return those that were installed for this process as a whole; None if none were."""
        return _OF_PROCESS[-1] if _OF_PROCESS else None

    def uninstall(self, timeout: float = STOP_TIMEOUT) -> None:
        """Write what is left and put everything back as it was.

        Takes so many seconds at most, and so long only if an output is stalled: not for an event
        loop's thread.
        """
        if self in _OF_PROCESS:
            _OF_PROCESS.remove(self)
        self.force_levels(None)
        if self._captures_warnings:
            logging.captureWarnings(False)
            self._captures_warnings = False
        for output in self._outputs.values():
            output.logger.removeHandler(output.handler)
        for state in reversed(self._before):
            state.restore()
        self._before = []
        atexit.unregister(self.stop)
        self.stop(timeout)
        for output in self._outputs.values():
            output.writer.close()

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Write what is left; lines that come after this are written where they are logged.

        Takes so many seconds at most, and so long only if an output is stalled: not for an event
        loop's thread.
        """
        give_up = time.monotonic() + timeout
        for output in self._outputs.values():
            output.writer.stop(max(0.0, give_up - time.monotonic()))

    def use_pool(self, pool: ThreadPool | None) -> None:
        """Write on this pool from now on; None before it is stopped. For any thread."""
        for output in self._outputs.values():
            output.writer.use_pool(pool)

    def force_levels(self, config: DynamicDebug | None) -> None:
        """Log places in the code as `config` says, from now on; what was forced before is not.

        As long as a place is enabled below the level of a logger, that logger makes all records
        from there on: handlers that somebody else has put on it get them, and ours drop them.

        For one thread at a time, while any others log.
        """
        places = None if config is None else PlaceLevels(config, import_folders())
        if places:
            self._use_places(places)
            self._lowered.lower(places.lowest)
        else:
            self._lowered.lower(NONE)
            self._use_places(None)

    def reopen(self) -> None:
        """Go on, soon, with the files that have the names then; for signal handlers, too."""
        for output in self._outputs.values():
            output.writer.reopen()

    def lost(self) -> dict[str, int]:
        """Return how many lines each logger has lost since it was installed."""
        return {name: output.losses.total for name, output in self._outputs.items()}

    def _use_places(self, places: PlaceLevels | None) -> None:
        for output in self._outputs.values():
            output.handler.use_places(places, self._lowered.level_of)

    def _capture_warnings(self) -> None:
        # Somebody may capture them already, and will want to go on.
        before = warnings.showwarning
        logging.captureWarnings(True)
        self._captures_warnings = warnings.showwarning is not before


_OF_PROCESS: list[Loggers] = []
"""Those that whoever has made this process has installed for all that runs in it."""

_DEFAULT = LoggerConfig(file_path="@stderr")


@dataclass(frozen=True, slots=True)
class _Output:
    """What stands behind one logger."""

    logger: logging.Logger
    handler: WriterHandler
    writer: LogWriter
    losses: Losses


def _make_output(name: str, config: LoggerConfig, service: str) -> _Output:
    losses = Losses()
    target = make_target(config.file_path)
    format_record = line_format(config.format or _usual_format(target), service)
    queue = LineQueue(
        config.message_queue_size,
        urgent_level=LEVELS[config.flush_level],
        blocks=config.overflow_behavior == "block",
        losses=losses,
    )
    drain = Drain(queue, target, losses, lambda text: format_record(_report(text)))
    writer = LogWriter(f"log-{name}", queue, drain, losses)
    return _Output(
        logger=logging.getLogger(None if name == DEFAULT_LOGGER else name),
        handler=WriterHandler(LEVELS[config.level], format_record, writer, losses),
        writer=writer,
        losses=losses,
    )


def _usual_format(target: Target) -> FormatName:
    return "text" if target.is_terminal else "tskv"


def _report(text: str) -> logging.LogRecord:
    """Return the record of something that a writer has to say."""
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)


class _LoggerState:
    """How a logger was, so that it can be that again."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._level = logger.level
        self._propagate = logger.propagate
        self._removed: list[logging.Handler] = []

    def take_over(self) -> None:
        """Let records that have handlers of their own go to the root logger, and nowhere else."""
        # A logger with neither handlers nor a way to the root is one that somebody has silenced,
        # as `uvicorn --no-access-log` does.
        if self._logger.handlers:
            self._removed = self._logger.handlers[:]
            self._logger.handlers.clear()
            self._logger.propagate = True

    def restore(self) -> None:
        """Make the logger what it was; handlers that it has got since stay."""
        self._logger.setLevel(self._level)
        self._logger.propagate = self._propagate
        self._logger.handlers[:0] = self._removed
