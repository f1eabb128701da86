from typing import Any

import pytest
from pydantic import ValidationError

from app.static_config.manager import ManagerConfig

MINIMAL: dict[str, Any] = {
    "task_processors": {"main-task-processor": {"worker_threads": 1}},
    "default_task_processor": "main-task-processor",
}


def manager(**changes: object) -> ManagerConfig:
    return ManagerConfig.model_validate({**MINIMAL, **changes})


def with_processor(name: str, **options: object) -> dict[str, object]:
    return {"task_processors": {name: options}, "default_task_processor": name}


def test_pool_of_coroutines_has_defaults() -> None:
    pool = manager().coro_pool

    assert (pool.initial_size, pool.max_size) == (1000, 4000)


@pytest.mark.parametrize("size", ["initial_size", "max_size"])
@pytest.mark.parametrize("value", [0, -1, "500", 1.5, True, None])
def test_size_of_the_pool_of_coroutines_is_a_number_from_1(size: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"coro_pool.{size}"):
        manager(coro_pool={size: value})


@pytest.mark.parametrize("value", [0, -1, "4", 4.0, True, None])
def test_worker_threads_are_a_number_from_1(value: object) -> None:
    with pytest.raises(ValidationError, match="worker_threads"):
        manager(**with_processor("main-task-processor", worker_threads=value))


def test_worker_threads_are_required() -> None:
    with pytest.raises(ValidationError, match="worker_threads"):
        manager(**with_processor("main-task-processor", thread_name="main"))


def test_unknown_options_are_refused() -> None:
    options = {"worker_threads": 1, "worker-threads": 1}

    with pytest.raises(ValidationError, match="worker-threads"):
        manager(**with_processor("main-task-processor", **options))
    with pytest.raises(ValidationError, match="event_thread_pool"):
        manager(event_thread_pool={"threads": 2})


def test_there_is_at_least_one_task_processor() -> None:
    with pytest.raises(ValidationError, match="task_processors"):
        manager(task_processors={})


@pytest.mark.parametrize("missing", list(MINIMAL))
def test_task_processors_and_the_default_one_are_required(missing: str) -> None:
    document = {key: value for key, value in MINIMAL.items() if key != missing}

    with pytest.raises(ValidationError, match=missing):
        ManagerConfig.model_validate(document)


def test_default_task_processor_must_exist() -> None:
    with pytest.raises(
        ValidationError,
        match="there is no task processor 'other'; there are: main-task-processor",
    ):
        manager(default_task_processor="other")


def test_given_thread_name_is_taken() -> None:
    config = manager(**with_processor("anything", worker_threads=1, thread_name="crew"))

    assert config.thread_name("anything") == "crew"


@pytest.mark.parametrize(
    ("name", "thread_name"),
    [
        ("main-task-processor", "main-worker"),
        ("fs-task-processor", "fs-worker"),
        ("a-task-processor", "a-worker"),
        ("fiver-task-processor", "fiver-worker"),
    ],
)
def test_thread_name_is_made_of_a_short_name(name: str, thread_name: str) -> None:
    config = manager(**with_processor(name, worker_threads=1))

    assert config.thread_name(name) == thread_name


@pytest.mark.parametrize("name", ["sixchr-task-processor", "-task-processor", "main", "main-tp"])
def test_thread_name_is_required_where_none_can_be_made(name: str) -> None:
    with pytest.raises(ValidationError, match=f"task_processors.{name}: add a thread_name"):
        manager(**with_processor(name, worker_threads=1))


def test_empty_thread_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="thread_name"):
        manager(**with_processor("main-task-processor", worker_threads=1, thread_name=""))
