"""A file of dynamic config values that a service follows."""

import json
from pathlib import Path
from typing import Any

from tests.helpers.service_process import Section, ServiceProcess, components_of, wait_until

TIMEOUT = 10.0


class LimitsFile:
    """Has the limits of handlers; each change is waited for until all workers have it.

    Args:
        folder: Where the file is made.
        workers: How many processes follow it.
    """

    def __init__(self, folder: Path, workers: int = 1) -> None:
        self.path = folder / "values.json"
        self._workers = workers
        self._limits: dict[str, Section] = {}
        self.write({})

    def add_to(self, document: Section) -> Section:
        """Let a service with this static config follow the file."""
        components = components_of(document)
        components["dynamic-config"] = {"updates-enabled": True}
        components["dynamic-config-file-updater"] = {"path": str(self.path)}
        return document

    def write(self, limits: dict[str, Any]) -> None:
        """Put limits into the file."""
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps({"WEBSOCKET_LIMITS": limits}))
        draft.replace(self.path)

    def change(self, service: ServiceProcess, handler: str, **options: object) -> None:
        """Let these be all options of a handler, spelled with underscores, and wait for it."""
        line = f"\ttext=limits of {handler} changed\t"
        before = service.log().count(line)
        self._limits[handler] = {name.replace("_", "-"): value for name, value in options.items()}
        self.write(self._limits)
        wait_until(lambda: service.log().count(line) == before + self._workers, TIMEOUT)
