"""A server component as a config would make it: what handlers are given."""

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.server.component import ServerComponent
from app.static_config.manager import ManagerConfig


def server_component(source: Source | None = None) -> ServerComponent:
    """Return one whose handlers read their variables from `source`; without one, the defaults."""
    manager = ManagerConfig.model_validate(
        {
            "task_processors": {"main-task-processor": {"worker_threads": 1}},
            "default_task_processor": "main-task-processor",
        }
    )
    config = ServerComponent.Config.model_validate(
        {"listener": {"port": 0, "task_processor": "main-task-processor"}}
    )
    return ServerComponent(config, manager, source or Source((), Snapshot({})))
