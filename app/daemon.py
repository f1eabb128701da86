"""The command line: `python -m app`."""

import argparse
import contextlib
import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from app.components.component_list import ComponentList
from app.components.manager import ComponentManager
from app.components.static_config import section_path
from app.config_updates.file_updater import DynamicConfigFileUpdaterComponent, problems_in_file
from app.exceptions import ServiceError
from app.host import raise_open_files
from app.logs.component import LoggingComponent, loggers_of
from app.logs.loggers import Loggers
from app.logs.reopening import reopen_on_signal
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG
from app.reference.dynamic_config import dynamic_config_defaults, dynamic_config_reference
from app.reference.schema import config_schema
from app.reference.static_config import static_config_reference
from app.server.component import ServerComponent
from app.server.listener import ListenerError, describe_sockets
from app.server.worker_sockets import WorkerSockets, worker_sockets
from app.server.workers import WorkerOptions, run_workers
from app.service import Service, log_config
from app.service_config import (
    ServiceConfig,
    build_components,
    placed,
    read_service_config,
    warnings,
)
from app.static_config.document import Problem, dotted
from app.static_config.errors import ConfigFileError, OptionError
from app.static_config.reading import DEFAULT_CONFIGS, ConfigFiles, find_static_config

logger = logging.getLogger(__name__)

EXIT_OK: Final = 0
EXIT_COULD_NOT_START: Final = 1


def run(
    components: ComponentList,
    arguments: Sequence[str],
    *,
    program: str = "python -m app",
    default_configs: Sequence[Path] = DEFAULT_CONFIGS,
) -> int:
    """Do what the command line says and return the exit code.

    0 after a signal to leave, 1 if the service (or one of its workers) could not start.

    Args:
        components: What the service is made of.
        arguments: The command line, without the program.
        program: What one calls to run it, for the help.
        default_configs: Where its static config is if nobody says so: the first that is there,
            else the last.
    """
    options = _parser(program, default_configs).parse_args(arguments)
    if options.print is not None:
        make, _ = _PRINTED[options.print]
        return _print(make(components))
    files = ConfigFiles(
        find_static_config(options.config, defaults=default_configs),
        options.config_vars,
        options.config_vars_override,
    )
    try:
        config = read_service_config(files, components, with_tls=True)
        manager = build_components(components, config)
        if options.check_config:
            return _print(_report(components, config, manager))
        return _serve(components, config, manager)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return EXIT_COULD_NOT_START


def _print(text: str) -> int:
    """Print the text whatever is in it, and return the exit code."""
    if sys.stdout is None:
        return EXIT_COULD_NOT_START
    try:
        # What stdout cannot encode is shown as an escape.
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError:
        # Nobody reads any more, or there is no room: nothing is to be said at the exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_COULD_NOT_START
    return EXIT_OK


def _parser(program: str, default_configs: Sequence[Path]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description="Run the service.")
    *if_there, last = map(str, default_configs)
    defaults = [*(f"{path} if it is there" for path in if_there), last]
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help=f"static config; by default $STATIC_CONFIG, else {', else '.join(defaults)}",
    )
    parser.add_argument(
        "--config_vars",
        "--config-vars",
        type=Path,
        metavar="FILE",
        help="YAML file of variables, instead of the one that the static config names",
    )
    parser.add_argument(
        "--config_vars_override",
        "--config-vars-override",
        type=Path,
        metavar="FILE",
        help="YAML file of variables that come before those of the same name elsewhere",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--check-config",
        action="store_true",
        help="check all config files, print what would run, and leave",
    )
    for name, (_, text) in _PRINTED.items():
        instead.add_argument(
            f"--print-{name}", action="store_const", dest="print", const=name, help=text
        )
    return parser


_PRINTED: Final[dict[str, tuple[Callable[[ComponentList], str], str]]] = {
    "config-schema": (
        config_schema,
        "print the JSON Schema of the static config, which editors use for completion",
    ),
    "dynamic-config-defaults": (
        dynamic_config_defaults,
        "print all variables of the dynamic config with their defaults, as JSON",
    ),
    "static-config-reference": (
        static_config_reference,
        "print what each option of the static config does, as Markdown",
    ),
    "dynamic-config-reference": (
        dynamic_config_reference,
        "print what each variable of the dynamic config does, as Markdown",
    ),
}
"""What is printed instead of running a service: by name, what makes it, and the help."""


def _serve(components: ComponentList, config: ServiceConfig, manager: ComponentManager) -> int:
    server = manager.find(ServerComponent)
    shared = config.static.manager
    options = WorkerOptions(
        make_app=functools.partial(_make_worker_app, components, config),
        count=shared.worker_processes,
        thread_name=shared.thread_name(shared.default_task_processor),
        backlog=server.listener.backlog,
        limits=server.listener.limits,
        trusted_proxies=server.listener.trusted_proxies,
        tls=config.tls,
        reopen_logs=_install_loggers(config).reopen,
    )
    with _listening(config, server) as sockets:
        log_config(config, manager)
        logger.info("listening on %s", describe_sockets(server.listener.scheme, sockets.of(0)))
        logger.info("workers: %d", options.count)
        logger.info("open files of a process: at most %d", raise_open_files())
        if run_workers(options, sockets):
            return EXIT_OK
    print("the service could not start, since a worker could not: see its log", file=sys.stderr)
    return EXIT_COULD_NOT_START


@contextlib.contextmanager
def _listening(config: ServiceConfig, server: ServerComponent) -> Iterator[WorkerSockets]:
    """Yield sockets that listen where the config says.

    Raises:
        ConfigFileError: that is not possible.
    """
    with contextlib.ExitStack() as stack:
        try:
            workers = config.static.manager.worker_processes
            sockets = stack.enter_context(worker_sockets(server.listener, workers))
        except ListenerError as error:
            path = (*section_path(server.name), "listener")
            problem = Problem(config.static.places.of(path), path, str(error))
            raise ConfigFileError([problem]) from None
        yield sockets


def _install_loggers(config: ServiceConfig) -> Loggers:
    """Let this process log as its workers will.

    Raises:
        ConfigFileError: a file cannot be written.
    """
    loggers = loggers_of(config.static.components.values())
    try:
        loggers.check()
    except OptionError as error:
        section = section_path(LoggingComponent.name)
        raise ConfigFileError(placed(error, section, config.static.places)) from None
    loggers.install(for_process=True)
    loggers.force_levels(config.dynamic[USERVER_LOG_DYNAMIC_DEBUG])
    return loggers


def _make_worker_app(components: ComponentList, config: ServiceConfig) -> Service:
    """Make the application in a worker process, whose first lines come before the lifespan."""
    loggers = loggers_of(config.static.components.values())
    loggers.install(for_process=True)
    reopen_on_signal(loggers)
    return Service(components, config)


def _problems_in_values(components: ComponentList, config: ServiceConfig) -> Iterator[str]:
    """Yield what is wrong with values that come from a file: by the start they may be others."""
    for options in config.static.components.values():
        if isinstance(options, DynamicConfigFileUpdaterComponent.Config):
            yield from problems_in_file(options.path, components.variables)


def _report(components: ComponentList, config: ServiceConfig, manager: ComponentManager) -> str:
    server = manager.find(ServerComponent)
    shared = config.static.manager
    without_effect = [dotted(option) for option in config.static.without_effect]
    without_effect += [each.name for each in components.variables if each.no_effect_yet]
    would_run = [
        f"listener: {server.listener.describe()}",
        f"workers: {shared.worker_processes} ({shared.default_task_processor})",
        f"components: {', '.join(manager.sections)}",
        *(f"{name}: {path}" for name, path in server.describe_handlers()),
    ]
    parts = {
        "would run": would_run,
        "warnings": [
            *(str(warning) for warning in warnings(config, manager)),
            *_problems_in_values(components, config),
        ],
        "no effect yet": without_effect,
    }
    lines = [f"{config.static.path}: good"]
    for title, entries in parts.items():
        if entries:
            lines += ["", f"{title}:", *(f"    {entry}" for entry in entries)]
    return "\n".join(lines)
