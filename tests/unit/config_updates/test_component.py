import pytest

from app.config_updates.component import DynamicConfigComponent
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig
from app.task_processors.component import TaskProcessorsComponent

MANAGER = ManagerConfig.model_validate(
    {
        "task_processors": {
            "main-task-processor": {"worker_threads": 1},
            "fs-task-processor": {"worker_threads": 1},
        },
        "default_task_processor": "main-task-processor",
    }
)


def component(**options: object) -> DynamicConfigComponent:
    config = DynamicConfigComponent.Config.model_validate(options)
    return DynamicConfigComponent(
        config, Source((), Snapshot({})), TaskProcessorsComponent(MANAGER)
    )


def test_there_is_no_cache_without_a_path() -> None:
    assert component(**{"fs-cache-path": ""}).cache is None


def test_cache_needs_a_pool_of_threads() -> None:
    with pytest.raises(OptionError, match=r"^fs-task-processor: required with fs-cache-path"):
        component(**{"fs-cache-path": "cache.json"})


def test_pool_of_the_cache_must_be_there() -> None:
    with pytest.raises(OptionError, match=r"^fs-task-processor: task processor 'main-"):
        component(**{"fs-cache-path": "cache.json", "fs-task-processor": "main-task-processor"})


def test_cache_is_where_the_option_says(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cache").resolve() / "cache.json"

    cache = component(
        **{"fs-cache-path": str(path), "fs-task-processor": "fs-task-processor"}
    ).cache

    assert cache is not None
    assert cache.file.path == path


def test_updates_that_nobody_makes_are_probably_not_meant() -> None:
    options = {
        "updates-enabled": True,
        "fs-cache-path": "c",
        "fs-task-processor": "fs-task-processor",
    }

    assert [option for option, _ in component(**options).warnings()] == [
        ("updates-enabled",),
        ("fs-cache-path",),
    ]
