import fcntl
import os
import pty
import select
import socket
import termios
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.line_stream import LineStream, own_descriptor

LINE = b"x" * 99 + b"\n"


class Pair(NamedTuple):
    """Both ends of a pipe, a socket or a terminal."""

    reading: int
    writing: int


def make_pipe() -> Pair:
    return Pair(*os.pipe())


def make_socket() -> Pair:
    reading, writing = socket.socketpair()
    return Pair(reading.detach(), writing.detach())


def make_terminal() -> Pair:
    pair = Pair(*pty.openpty())
    tty.setraw(pair.writing)
    return pair


@pytest.fixture(params=[make_pipe, make_socket, make_terminal])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    made: Pair = request.param()
    yield made
    for descriptor in made:
        os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[Pair]:
    made = make_pipe()
    yield made
    for descriptor in made:
        os.close(descriptor)


def write_until_stalled(stream: LineStream, line: bytes = LINE) -> int:
    """Return how many lines the output has taken."""
    count = 0
    while written := stream.write([line] * 100):
        count += written
        assert count < 1_000_000
    return count


def read_what_is_there(descriptor: int) -> bytes:
    data = b""
    while select.select([descriptor], [], [], 0)[0]:
        data += os.read(descriptor, 65536)
    return data


def test_output_that_nobody_reads_stalls_instead_of_blocking(pair: Pair) -> None:
    stream = LineStream(own_descriptor(pair.writing))

    assert write_until_stalled(stream) > 0
    stream.wait(0.01)
    stream.wait(0.01)
    stream.close()


def test_nothing_is_lost_and_nothing_twice_when_it_is_read_again(pair: Pair) -> None:
    stream = LineStream(own_descriptor(pair.writing))
    lines = [b"%d " % number + b"x" * (number * 37 % 9000) + b"\n" for number in range(200)]
    expected, got = b"".join(lines), b""

    while lines or len(got) < len(expected):
        del lines[: stream.write(lines)]
        got += os.read(pair.reading, 65536)

    assert got == expected
    stream.close()


def test_duplicate_that_shares_its_flags_does_not_block_either(pipe: Pair) -> None:
    """So it is where no descriptor can be opened anew: without /proc, or as another user."""
    stream = LineStream(os.dup(pipe.writing))

    assert write_until_stalled(stream) > 0
    stream.close()


def test_descriptor_that_others_share_stays_as_it_was(pair: Pair) -> None:
    flags = fcntl.fcntl(pair.writing, fcntl.F_GETFL)

    stream = LineStream(own_descriptor(pair.writing))
    write_until_stalled(stream)
    stream.close()

    assert fcntl.fcntl(pair.writing, fcntl.F_GETFL) == flags


def test_terminal_that_was_told_to_stop_stalls_and_goes_on() -> None:
    master, slave = make_terminal()
    stream = LineStream(own_descriptor(slave))
    termios.tcflow(slave, termios.TCOOFF)  # What Ctrl-S does.
    assert stream.write([LINE]) == 0

    termios.tcflow(slave, termios.TCOON)

    stream.wait(10)
    assert stream.write([LINE]) == 1
    assert read_what_is_there(master) == LINE
    stream.close()
    os.close(master)
    os.close(slave)


def test_output_that_refuses_what_it_said_it_would_take_is_not_tried_at_once(
    pipe: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    stream = LineStream(own_descriptor(pipe.writing))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        assert stream.write([LINE]) == 0
    monkeypatch.setattr("time.sleep", pauses.append)

    stream.wait(10)
    assert stream.write([LINE]) == 1
    stream.wait(10)

    assert pauses == [0.1]
    stream.close()


def refuse(descriptor: int, data: bytes) -> int:
    raise BlockingIOError


@pytest.mark.parametrize("blocking", [True, False])
def test_lines_of_several_writers_do_not_mingle_in_a_pipe(pipe: Pair, blocking: bool) -> None:
    """Each system call writes whole lines, at most what a pipe takes whole."""
    lines = [b"%03d " % number + b"x" * (number * 97 % 4000) + b"\n" for number in range(100)]
    stream = LineStream(os.dup(pipe.writing) if blocking else own_descriptor(pipe.writing))

    while written := stream.write(lines):
        assert sum(map(len, lines[:written])) <= select.PIPE_BUF
        assert read_what_is_there(pipe.reading) == b"".join(lines[:written])
        del lines[:written]

    assert lines == []
    stream.close()


def test_file_is_written_in_large_pieces(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as file:
        stream = LineStream(os.dup(file.fileno()))

    assert stream.write([LINE] * 500) == 500
    assert (tmp_path / "log").read_bytes() == LINE * 500
    stream.close()


def test_line_after_one_that_was_broken_off_begins_anew(pipe: Pair) -> None:
    stream = LineStream(own_descriptor(pipe.writing))
    long_line = b"y" * 200_000 + b"\n"
    assert stream.write([long_line]) == 0
    assert stream.is_broken

    stream.abandon()
    fragment = read_what_is_there(pipe.reading)
    assert stream.write([LINE]) == 1

    assert fragment == b"y" * len(fragment)
    assert read_what_is_there(pipe.reading) == b"\n" + LINE
    assert not stream.is_broken
    stream.close()


def test_line_that_was_not_begun_leaves_nothing_behind(pipe: Pair) -> None:
    stream = LineStream(own_descriptor(pipe.writing))
    write_until_stalled(stream)

    stream.abandon()

    assert not stream.is_broken
    stream.close()


def test_reader_that_has_gone_is_an_error() -> None:
    reading, writing = os.pipe()
    stream = LineStream(writing)
    os.close(reading)

    with pytest.raises(BrokenPipeError):
        stream.write([LINE])
    stream.close()
    stream.close()


def test_descriptor_that_is_closed_is_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)

    with pytest.raises(OSError, match="Bad file descriptor"):
        own_descriptor(writing)


def test_file_that_was_deleted_has_vanished(tmp_path: Path) -> None:
    path = tmp_path / "log"
    stream = LineStream(os.open(path, os.O_WRONLY | os.O_CREAT))
    assert not stream.has_vanished()

    path.unlink()

    assert stream.has_vanished()
    stream.close()


@given(lengths=st.lists(st.integers(0, 9000), max_size=30), room=st.lists(st.integers(1, 5000)))
def test_partial_writes_are_continued(lengths: list[int], room: list[int]) -> None:
    """Whatever part of a piece the output takes, for instance a terminal with little room."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stream = LineStream(writing)
    lines = [bytes([65 + i % 26]) * length + b"\n" for i, length in enumerate(lengths)]
    expected, got = b"".join(lines), b""
    with pytest.MonkeyPatch.context() as patch:
        write = os.write

        def write_a_part(descriptor: int, data: bytes) -> int:
            if not room:
                return write(descriptor, data)
            part = room.pop()
            if part % 7 == 0:
                raise BlockingIOError
            return write(descriptor, data[:part])

        patch.setattr(os, "write", write_a_part)
        while lines:
            del lines[: stream.write(lines)]
            got += read_what_is_there(reading)
    stream.close()
    os.close(reading)

    assert got == expected
