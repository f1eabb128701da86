from pathlib import Path

import pytest

from benchmarks.processes import family, resident_bytes, socket_count


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A supervisor whose second thread has started two workers, of which one has a child."""
    children = {10: {10: "", 11: "20 30 "}, 20: {20: ""}, 30: {30: "31 "}, 31: {31: ""}}
    for pid, threads in children.items():
        for thread, started in threads.items():
            task = tmp_path / str(pid) / "task" / str(thread)
            task.mkdir(parents=True)
            (task / "children").write_text(started)
        status = f"Name:\tpython\nVmPeak:\t   9999 kB\nVmRSS:\t     {pid} kB\nThreads:\t1\n"
        (tmp_path / str(pid) / "status").write_text(status)
    return tmp_path


def test_a_family_is_a_process_and_all_that_its_threads_have_started(proc: Path) -> None:
    assert sorted(family(10, proc)) == [10, 20, 30, 31]
    assert family(20, proc) == [20]


def test_memory_is_what_is_resident_of_all_processes(proc: Path) -> None:
    assert resident_bytes([10, 20, 31], proc) == (10 + 20 + 31) * 1024


def test_a_process_that_has_just_ended_has_no_memory(proc: Path) -> None:
    (proc / "20" / "status").write_text("Name:\tpython\nState:\tZ (zombie)\n")

    assert resident_bytes([10, 20], proc) == 10 * 1024


def test_sockets_are_counted_among_all_open_files(proc: Path) -> None:
    files = proc / "20" / "fd"
    files.mkdir()
    for number, target in enumerate(("/dev/null", "socket:[5]", "pipe:[6]", "socket:[7]")):
        (files / str(number)).symlink_to(target)

    assert socket_count(20, proc) == 2
