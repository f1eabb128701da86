import errno
import os
import pty
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.logs import targets
from app.logs.targets import FileTarget, NullTarget, StreamTarget, Target, make_target

LINE = b"hello\n"

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let outputs that have failed be tried again at once."""
    monkeypatch.setattr(targets, "RETRY_INTERVAL", 0.0)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[FileTarget]:
    made = FileTarget(tmp_path / "deep" / "folder" / "service.log")
    yield made
    made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "folder" / "service.log"


@pytest.mark.parametrize(
    ("file_path", "kind"),
    [
        ("@null", NullTarget),
        ("@stderr", StreamTarget),
        ("@stdout", StreamTarget),
        ("service.log", FileTarget),
    ],
)
def test_path_names_a_target(file_path: str, kind: type[Target]) -> None:
    made = make_target(file_path)

    assert type(made) is kind
    assert str(made) == file_path
    made.close()


def test_null_takes_everything() -> None:
    target = NullTarget()

    assert target.write([LINE, LINE]) == 2
    target.wait(0)
    target.abandon()
    target.reopen()
    target.close()


def test_file_and_its_folders_are_made(target: FileTarget, path: Path) -> None:
    target.write([LINE])

    assert path.read_bytes() == LINE


def test_no_file_is_made_before_the_first_line(target: FileTarget, path: Path) -> None:
    target.wait(0)
    assert not path.exists()


def test_file_is_appended_to(target: FileTarget, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"before\n")

    target.write([LINE])

    assert path.read_bytes() == b"before\n" + LINE


def test_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = FileTarget(Path("service.log"))
    monkeypatch.chdir("/")

    target.write([LINE])

    assert (tmp_path / "service.log").read_bytes() == LINE
    target.close()


def test_reopening_goes_on_with_a_file_of_the_same_name(target: FileTarget, path: Path) -> None:
    target.write([b"old\n"])
    path.rename(path.with_suffix(".1"))
    target.write([b"still old\n"])

    target.reopen()

    assert path.read_bytes() == b""
    target.write([b"new\n"])
    assert path.read_bytes() == b"new\n"
    assert path.with_suffix(".1").read_bytes() == b"old\nstill old\n"


def test_file_that_was_deleted_is_made_anew(target: FileTarget, path: Path) -> None:
    target.write([b"old\n"])
    path.unlink()

    target.write([b"new\n"])

    assert path.read_bytes() == b"new\n"


def test_folder_that_has_vanished_is_made_anew(
    target: FileTarget, path: Path, tmp_path: Path
) -> None:
    target.write([b"old\n"])
    shutil.rmtree(tmp_path / "deep")

    target.write([b"new\n"])

    assert path.read_bytes() == b"new\n"


@needs_dev_full
@pytest.mark.usefixtures("at_once")
def test_full_disk_is_an_error_until_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    target = FileTarget(path)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left on device"):
            target.write([LINE])
    path.unlink()

    assert target.write([LINE]) == 1

    assert path.read_bytes() == LINE
    target.close()


@pytest.mark.usefixtures("at_once")
def test_line_that_a_full_disk_has_broken_off_is_ended(
    target: FileTarget, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    room = [len(LINE) + 2, 0]

    def write_until_full(descriptor: int, data: bytes) -> int:
        if not room:
            return write(descriptor, data)
        part = room.pop(0)
        if part == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:part])

    monkeypatch.setattr(os, "write", write_until_full)
    assert target.write([LINE, LINE]) == 1
    with pytest.raises(OSError, match="No space"):
        target.write([LINE])
    target.abandon()
    target.write([LINE])

    assert path.read_bytes() == LINE + b"he\n" + LINE


def test_output_that_has_failed_is_not_tried_at_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "log"
    path.parent.write_text("no folder")
    target = FileTarget(path)
    with pytest.raises(OSError, match="Not a directory"):
        target.write([LINE])
    path.parent.unlink()

    with pytest.raises(OSError, match="Not a directory"):
        target.write([LINE])
    assert not path.parent.exists()


@pytest.mark.usefixtures("at_once")
def test_reopening_what_cannot_be_opened_is_tried_again(
    target: FileTarget, path: Path, tmp_path: Path
) -> None:
    target.write([b"old\n"])
    shutil.rmtree(tmp_path / "deep")
    (tmp_path / "deep").write_text("no folder")
    with pytest.raises(OSError, match="Not a directory"):
        target.reopen()
    (tmp_path / "deep").unlink()

    target.write([b"new\n"])

    assert path.read_bytes() == b"new\n"


def test_named_pipe_that_nobody_reads_fails_instead_of_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    target = FileTarget(tmp_path / "pipe")

    with pytest.raises(OSError, match="No such device or address"):
        target.write([LINE])


@pytest.mark.parametrize(("name", "number"), [("@stdout", 1), ("@stderr", 2)])
def test_streams_are_those_of_the_process(
    name: str, number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    target = StreamTarget(name)

    assert target.write([LINE]) == 1

    assert capfd.readouterr()[number - 1] == "hello\n"
    assert not target.is_terminal
    target.close()


def test_stream_may_be_a_terminal() -> None:
    master, slave = pty.openpty()
    before = os.dup(2)
    os.dup2(slave, 2)
    try:
        target = StreamTarget("@stderr")
    finally:
        os.dup2(before, 2)

    assert target.is_terminal
    target.write([LINE])
    assert os.read(master, 100) == b"hello\r\n"
    target.close()
    for descriptor in (master, slave, before):
        os.close(descriptor)


def test_stream_that_was_closed_at_start_is_never_mistaken_for_what_has_its_number(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "__stderr__", None)
    target = StreamTarget("@stderr")

    with pytest.raises(OSError, match="@stderr is closed"):
        target.write([LINE])

    assert capfd.readouterr() == ("", "")
    target.wait(0)
    target.abandon()


def test_stream_goes_on_where_it_was_when_its_number_is_another_file(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    before = os.dup(2)
    os.dup2(writing, 2)
    target = StreamTarget("@stderr")
    os.dup2(before, 2)

    target.write([LINE])

    assert os.read(reading, 100) == LINE
    target.close()
    for descriptor in (reading, writing, before):
        os.close(descriptor)
