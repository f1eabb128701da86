from typing import Any

import pytest
from pydantic import ValidationError

from app.static_config.errors import OptionError
from app.static_config.manager import ManagerConfig, no_task_processor
from app.static_config.model import Mark, has_mark

THREAD_NAME = (
    "add a thread_name; one is made up only for names such as 'fs-task-processor' (at most five"
    " characters before the dash)"
)

MINIMAL: dict[str, Any] = {
    "task_processors": {"main-task-processor": {"worker_threads": 1}},
    "default_task_processor": "main-task-processor",
}


def manager(**changes: object) -> ManagerConfig:
    return ManagerConfig.model_validate({**MINIMAL, **changes})


def refusal(**changes: object) -> OptionError:
    """Return what a validator says of the options."""
    with pytest.raises(ValidationError) as caught:
        manager(**changes)
    (detail,) = caught.value.errors()
    error = detail["ctx"]["error"]
    assert isinstance(error, OptionError)
    return error


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


@pytest.mark.parametrize("value", [0, -1, 4097, "4", 4.0, True, None])
def test_worker_threads_are_a_number_from_1_to_4096(value: object) -> None:
    with pytest.raises(ValidationError, match="worker_threads"):
        manager(**with_processor("main-task-processor", worker_threads=value))


@pytest.mark.parametrize("value", [1, 4096])
def test_bounds_of_worker_threads_are_good(value: int) -> None:
    config = manager(**with_processor("main-task-processor", worker_threads=value))

    assert config.worker_processes == value


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


def test_default_task_processor_is_looked_for_by_the_check_of_the_document_only() -> None:
    field = ManagerConfig.model_fields["default_task_processor"]

    assert has_mark(field, Mark.TASK_PROCESSOR)
    assert manager(default_task_processor="other").default_task_processor == "other"


BOTH = ["main-task-processor", "fs-task-processor"]
ARE = "there are: main-task-processor, fs-task-processor"


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("fss", ["main", "fs2"], "'fss'; there are: main, fs2; did you mean 'fs2'?"),
        ("fs", ["main"], "'fs'; there are: main"),
        ("", ["main"], "''; there are: main"),
        ("mian-task-processor", BOTH, f"'mian-task-processor'; {ARE}; did you mean '{BOTH[0]}'?"),
        ("fs-task-procesor", BOTH, f"'fs-task-procesor'; {ARE}; did you mean '{BOTH[1]}'?"),
        ("fs-processor", BOTH, f"'fs-processor'; {ARE}; did you mean '{BOTH[1]}'?"),
        ("disk-task-processor", BOTH, f"'disk-task-processor'; {ARE}"),
    ],
)
def test_unknown_task_processor_is_told_with_those_that_are_known_and_begin_alike(
    name: str, known: list[str], text: str
) -> None:
    assert no_task_processor(name, known) == f"there is no task processor {text}"


def test_worker_processes_are_the_threads_of_the_default_task_processor() -> None:
    config = manager(
        task_processors={
            "fs-task-processor": {"worker_threads": 2},
            "main-task-processor": {"worker_threads": 3},
        }
    )

    assert config.worker_processes == 3


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
    error = refusal(**with_processor(name, worker_threads=1))

    assert error.refusals == {(name,): THREAD_NAME}


def test_all_task_processors_without_a_thread_name_are_refused_together() -> None:
    processors = {name: {"worker_threads": 1} for name in ("one", "fs-task-processor", "two")}

    error = refusal(task_processors=processors, default_task_processor="one")

    assert list(error.refusals) == [("one",), ("two",)]


def test_empty_thread_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="thread_name"):
        manager(**with_processor("main-task-processor", worker_threads=1, thread_name=""))
