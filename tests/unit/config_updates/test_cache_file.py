import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.config_updates.cache_file import CacheFile
from app.static_config.errors import ConfigFileError
from tests.helpers.clients import TIMEOUT
from tests.helpers.killed_writers import number_in
from tests.helpers.service_process import PROJECT, wait_until

KILLS = 200


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.json"


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_values_that_were_written_are_read(path: Path) -> None:
    cache = CacheFile(path)
    cache.write({"B": {"é": [1, None]}, "A": True})

    assert cache.read().mapping() == {"A": True, "B": {"é": [1, None]}}
    assert path.read_bytes().endswith(b"}\n")
    assert list(json.loads(path.read_text())) == ["A", "B"]


def test_last_values_are_in_the_place_of_those_before(path: Path) -> None:
    cache = CacheFile(path)
    cache.write({"A": 1, "B": 1})
    cache.write({"A": 2})

    assert cache.read().mapping() == {"A": 2}
    assert names_in(path.parent) == ["cache.json"]


def test_who_has_opened_the_file_reads_to_the_end_what_was_in_it(path: Path) -> None:
    cache = CacheFile(path)
    cache.write({"A": 1})
    with path.open() as opened:
        cache.write({"A": 2})

        assert json.load(opened) == {"A": 1}


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_nobody_else_may_read_it_whatever_the_mask_of_the_process(path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        CacheFile(path).write({})
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o600])
def test_who_may_read_it_may_do_so_when_it_has_been_written_again(path: Path, mode: int) -> None:
    CacheFile(path).write({})
    path.chmod(mode)
    CacheFile(path).write({"A": 1})

    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_folders_are_made(tmp_path: Path) -> None:
    cache = CacheFile(tmp_path / "a" / "b" / "cache.json")
    cache.write({"A": 1})

    assert cache.read().mapping() == {"A": 1}


def test_path_is_relative_to_the_current_directory_of_when_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache = CacheFile(Path("cache.json"))
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    cache.write({"A": 1})

    assert names_in(tmp_path) == ["cache.json", "else"]


def test_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "target.json"
    path.symlink_to(target)
    CacheFile(path).write({"A": 1})

    assert path.is_symlink()
    assert json.loads(target.read_text()) == {"A": 1}
    assert names_in(tmp_path) == ["cache.json", "data"]
    assert names_in(target.parent) == ["target.json"]


def test_link_is_followed_to_where_it_leads_at_the_moment(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "one.json")
    cache = CacheFile(path)
    cache.write({"A": 1})
    path.unlink()
    path.symlink_to(tmp_path / "two.json")
    cache.write({"A": 2})

    assert cache.read().mapping() == {"A": 2}
    assert json.loads((tmp_path / "one.json").read_text()) == {"A": 1}
    assert json.loads((tmp_path / "two.json").read_text()) == {"A": 2}


def test_what_is_no_object_is_not_read(path: Path) -> None:
    for content in ("", "[]", '{"A"'):
        path.write_text(content)
        with pytest.raises(ConfigFileError):
            CacheFile(path).read()


def test_missing_file_is_not_read(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        CacheFile(path).read()


# What goes wrong


def test_folder_that_is_none_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")

    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        CacheFile(tmp_path / "file" / "cache.json").write({})

    assert names_in(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "content"


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nobody may write, but root."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_in_which_nobody_may_write_is_an_error(sealed: Path) -> None:
    with pytest.raises(PermissionError):
        CacheFile(sealed / "cache.json").write({})

    assert names_in(sealed) == []


def test_file_system_without_files_of_ours_is_an_error() -> None:
    """Nobody, not even root, makes files there."""
    with pytest.raises(OSError, match=r"No such file|Permission|not permitted|Read-only"):
        CacheFile(Path("/proc/self/fd/cache.json")).write({})


def test_folder_in_the_place_of_the_file_is_an_error_and_leaves_nothing(path: Path) -> None:
    (path / "inner").mkdir(parents=True)

    with pytest.raises(OSError, match=r"directory"):
        CacheFile(path).write({"A": 1})

    assert names_in(path.parent) == ["cache.json"]


@pytest.mark.parametrize("step", ["fsync", "fchmod", "replace"])
def test_error_on_the_way_leaves_the_old_values_and_nothing_else(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = CacheFile(path)
    cache.write({"A": 1})

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        cache.write({"A": 2})

    assert json.loads(path.read_text()) == {"A": 1}
    assert names_in(path.parent) == ["cache.json"]


def test_full_disk_is_an_error_and_leaves_the_old_values(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = CacheFile(path)
    cache.write({"A": 1})
    really_made = tempfile.mkstemp

    def full(*arguments: Any) -> tuple[int, str]:
        descriptor, name = really_made(*arguments)
        os.close(descriptor)
        return os.open("/dev/full", os.O_WRONLY), name

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(OSError, match="No space left"):
        cache.write({"A": 2})

    assert json.loads(path.read_text()) == {"A": 1}
    assert names_in(path.parent) == ["cache.json"]


def test_value_that_json_has_not_leaves_the_old_ones(path: Path) -> None:
    cache = CacheFile(path)
    cache.write({"A": 1})

    with pytest.raises(TypeError):
        cache.write({"A": 2, "B": object()})

    assert json.loads(path.read_text()) == {"A": 1}
    assert names_in(path.parent) == ["cache.json"]


def test_folder_that_cannot_be_synchronised_is_no_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on file systems that have no such thing."""
    synchronised = []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synchronised.append(is_folder)
        if is_folder:
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    CacheFile(path).write({"A": 1})

    assert json.loads(path.read_text()) == {"A": 1}
    assert synchronised == [False, True]


# Others that write


@pytest.mark.parametrize("name", ["cache.json", "cache[1]*?.json"])
def test_what_a_killed_process_has_left_is_removed_when_it_is_old(
    tmp_path: Path, name: str
) -> None:
    old, new, other = f".{name}.a.new", f".{name}.b.new", ".other.json.a.new"
    for each in (old, new, other):
        (tmp_path / each).write_text("{")
    for each in (old, other):
        os.utime(tmp_path / each, (0, 0))

    CacheFile(tmp_path / name).write({})

    assert names_in(tmp_path) == sorted([new, other, name])


@pytest.mark.timeout(180)
def test_file_is_whole_whenever_a_process_that_writes_it_is_killed(path: Path) -> None:
    """And some of them do die in the middle."""
    command = [sys.executable, "-m", "tests.helpers.killed_writers", str(path), str(KILLS)]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=150)
    assert result.stdout.startswith(f"{KILLS} killed"), result.stderr

    left = [each for each in path.parent.iterdir() if each != path]
    assert 0 < len(left) <= KILLS
    assert any(each.stat().st_size == 0 or b"}" not in each.read_bytes() for each in left)
    for each in left:
        os.utime(each, (0, 0))
    CacheFile(path).write({})
    assert names_in(path.parent) == [path.name]


def test_file_is_whole_while_two_processes_write_it(path: Path) -> None:
    even, odd = (writer(path, number) for number in (0, 1))
    with even, odd:
        try:
            for each in (even, odd):
                assert each.stdout is not None
                assert each.stdout.read(1) == b"."
            seen = {number_in(path) % 2 for _ in range(300)}
            wait_until(lambda: seen | {number_in(path) % 2} == {0, 1}, TIMEOUT)
        finally:
            even.kill()
            odd.kill()

    number_in(path)


def writer(path: Path, number: int) -> "subprocess.Popen[bytes]":
    """Start a process that writes every second number, and a byte for each."""
    program = (
        "import sys; from pathlib import Path; from tests.helpers.killed_writers import *;"
        "write_for_ever(Path(sys.argv[1]), int(sys.argv[2]), 1, step=2)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path), str(number)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
    )
