"""Services that log to a file, so that what they log costs nobody else's time."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.service_process import (
    Section,
    ServiceProcess,
    components_of,
    free_port,
    wait_until_answers,
    write_config,
)


@contextlib.contextmanager
def running_quietly(document: Section, module: str = "app") -> Iterator[ServiceProcess]:
    """Run `python -m <module>` with one worker and the log in a file, until the block is left.

    The document is changed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processors = document["components_manager"]["task_processors"]
        processors["main-task-processor"]["worker_threads"] = 1
        port = components_of(document)["server"]["listener"]["port"] = free_port()
        logger = components_of(document)["logging"]["loggers"]["default"]
        logger.update(level="info", file_path=str(folder / "log"))
        config = write_config(folder, document)
        with ServiceProcess([sys.executable, "-m", module, "-c", str(config)]) as service:
            service.port = port
            wait_until_answers(service)
            yield service
