"""The command line: `python -m app`."""

import argparse
import functools
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.components.component_list import ComponentList
from app.components.manager import ComponentManager
from app.exceptions import ServiceError
from app.logs.component import log_to_stderr
from app.server.component import ServerComponent
from app.server.listener import describe_sockets, listening_sockets
from app.server.tls import TlsMaterial, read_tls
from app.server.workers import WorkerOptions, run_workers
from app.service import Service
from app.service_config import ServiceConfig, build_components, read_service_config
from app.static_config.reading import find_static_config

logger = logging.getLogger(__name__)

EXIT_OK: Final = 0
EXIT_COULD_NOT_START: Final = 1


def run(components: ComponentList, arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit code.

    0 after a signal to leave, 1 if the service (or one of its workers) could not start.
    """
    options = _parser().parse_args(arguments)
    try:
        config = read_service_config(find_static_config(options.config), components)
        manager = build_components(components, config)
        tls = _read_tls(manager)
        if options.check_config:
            print(_report(components, config, manager))
            return EXIT_OK
        return _serve(components, config, manager, tls)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return EXIT_COULD_NOT_START


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="Run the service.")
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="static config; by default $STATIC_CONFIG, else config_dev.yaml if it is there,"
        " else config/static_config.yaml",
    )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="check all config files, print what would run, and leave",
    )
    return parser


def _read_tls(manager: ComponentManager) -> TlsMaterial | None:
    tls = manager.find(ServerComponent).listener.tls
    return None if tls is None else read_tls(tls)


def _serve(
    components: ComponentList,
    config: ServiceConfig,
    manager: ComponentManager,
    tls: TlsMaterial | None,
) -> int:
    server = manager.find(ServerComponent)
    shared = config.static.manager
    options = WorkerOptions(
        make_app=functools.partial(Service, components, config),
        count=shared.worker_processes,
        thread_name=shared.thread_name(shared.default_task_processor),
        backlog=server.listener.backlog,
        tls=tls,
    )
    log_to_stderr()
    with listening_sockets(server.listener) as sockets:
        logger.info("config: %s", config.static.path)
        logger.info("listening on %s", describe_sockets(server.listener.scheme, sockets))
        for name, path in server.describe_handlers():
            logger.info("%s: %s", name, path)
        logger.info("workers: %d", options.count)
        return EXIT_OK if run_workers(options, sockets) else EXIT_COULD_NOT_START


def _report(components: ComponentList, config: ServiceConfig, manager: ComponentManager) -> str:
    server = manager.find(ServerComponent)
    shared = config.static.manager
    without_effect = config.static.options_without_effect()
    without_effect += [each.name for each in components.variables if each.no_effect_yet]
    return "\n".join(
        [
            f"{config.static.path}: good",
            "",
            "would run:",
            f"    workers: {shared.worker_processes} ({shared.default_task_processor})",
            f"    components: {', '.join(manager.sections)}",
            *(f"    {name}: {path}" for name, path in server.describe_handlers()),
            "",
            "no effect yet:",
            *(f"    {name}" for name in without_effect),
        ]
    )
