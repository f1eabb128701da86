import os
import resource
from pathlib import Path

import pytest

from app.host import MAX_OPEN_FILES, backlog_limit, memory_limit, raise_open_files

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

CGROUP_2 = "sys/fs/cgroup/memory.max"
CGROUP_1 = "sys/fs/cgroup/memory/memory.limit_in_bytes"
SOMAXCONN = "proc/sys/net/core/somaxconn"


def written(root: Path, name: str, text: str) -> Path:
    """Write a file of the kernel under `root`, and return `root`."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return root


def test_memory_is_that_of_the_machine_without_a_container(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) == MACHINE


@pytest.mark.parametrize("name", [CGROUP_1, CGROUP_2])
def test_memory_is_that_of_the_container(tmp_path: Path, name: str) -> None:
    assert memory_limit(written(tmp_path, name, "1048576\n")) == 1048576


def test_memory_is_the_least_of_all_limits(tmp_path: Path) -> None:
    written(tmp_path, CGROUP_1, "4096\n")
    written(tmp_path, CGROUP_2, "8192\n")

    assert memory_limit(tmp_path) == 4096


@pytest.mark.parametrize("text", ["max\n", f"{2**63 - 4096}\n", ""])
def test_container_without_a_limit_has_the_memory_of_the_machine(tmp_path: Path, text: str) -> None:
    assert memory_limit(written(tmp_path, CGROUP_2, text)) == MACHINE


def test_memory_of_this_machine_is_known() -> None:
    assert 0 < memory_limit() <= MACHINE


def test_backlog_is_what_the_kernel_says(tmp_path: Path) -> None:
    assert backlog_limit(written(tmp_path, SOMAXCONN, "4096\n")) == 4096


@pytest.mark.parametrize("text", [None, "", "many\n"])
def test_backlog_is_unknown_where_the_kernel_does_not_say(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        written(tmp_path, SOMAXCONN, text)

    assert backlog_limit(tmp_path) is None


class Limits:
    """Those of a process, as `resource` has them."""

    def __init__(self, soft: int, hard: int) -> None:
        self.soft, self.hard = soft, hard

    def get(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.soft, self.hard

    def set(self, which: int, limits: tuple[int, int]) -> None:
        self.soft, self.hard = limits


@pytest.mark.parametrize(
    ("soft", "hard", "got"),
    [
        (1024, 20000, 20000),
        (1024, resource.RLIM_INFINITY, MAX_OPEN_FILES),
        (1024, 1 << 30, MAX_OPEN_FILES),
        (1 << 29, 1 << 30, 1 << 29),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    ],
)
def test_open_files_may_be_as_many_as_the_machine_allows(
    soft: int, hard: int, got: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    monkeypatch.setattr(resource, "setrlimit", limits.set)

    assert raise_open_files() == got
    assert (limits.soft, limits.hard) == (got, hard)


def test_open_files_stay_what_they_are_where_more_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = Limits(1024, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", limits.get)

    def refuse(*_: object) -> None:
        raise ValueError("not on this system")

    monkeypatch.setattr(resource, "setrlimit", refuse)

    assert raise_open_files() == 1024
