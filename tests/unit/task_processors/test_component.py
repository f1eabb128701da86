import threading

import pytest

from app.exceptions import ConfigError
from app.static_config.manager import ManagerConfig
from app.task_processors.component import TaskProcessorsComponent


def task_processors(**thread_names: str) -> TaskProcessorsComponent:
    """Return the component for a default task processor and others with these thread names."""
    processors = {
        "main-task-processor": {"worker_threads": 1},
        **{
            name: {"worker_threads": 1, "thread_name": thread_name}
            for name, thread_name in thread_names.items()
        },
    }
    document = {
        "task_processors": processors,
        "default_task_processor": "main-task-processor",
    }
    return TaskProcessorsComponent(ManagerConfig.model_validate(document))


def thread_name() -> str:
    return threading.current_thread().name


async def test_pool_runs_functions_in_threads_of_the_given_name() -> None:
    component = task_processors(files="fs-worker", mail="postman")

    names = [await component.pool(name).run(thread_name) for name in ("files", "mail")]
    await component.stop()

    assert names == ["fs-worker_0", "postman_0"]


def test_pool_of_a_name_is_always_the_same() -> None:
    component = task_processors(files="fs-worker")

    assert component.pool("files") is component.pool("files")


@pytest.mark.parametrize("name", ["main-task-processor", "elsewhere"])
def test_event_loop_and_unknown_name_are_no_pools(name: str) -> None:
    component = task_processors(files="fs-worker", mail="postman")

    with pytest.raises(ConfigError) as caught:
        component.pool(name)

    assert str(caught.value) == (
        f"task processor {name!r}: no pool of threads has this name; there are: files, mail"
    )


def test_that_there_are_no_pools_is_said() -> None:
    with pytest.raises(ConfigError, match="there are: none"):
        task_processors().pool("files")


async def test_stopped_component_takes_no_more_work() -> None:
    component = task_processors(files="fs-worker", mail="postman")

    await component.stop()

    for name in ("files", "mail"):
        with pytest.raises(RuntimeError):
            await component.pool(name).run(thread_name)
