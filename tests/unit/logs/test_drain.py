import errno
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.logs import drain as drain_module
from app.logs.drain import Drain
from app.logs.line_queue import LineQueue
from app.logs.losses import Losses
from tests.unit.logs.outputs import RecordingTarget

DISK_FULL = OSError(errno.ENOSPC, "No space left on device")


@dataclass
class Parts:
    """A drain and what it works with."""

    size: int = 100
    losses: Losses = field(default_factory=Losses)
    target: RecordingTarget = field(default_factory=RecordingTarget)

    def __post_init__(self) -> None:
        self.queue = LineQueue(
            self.size, urgent_level=logging.WARNING, blocks=False, losses=self.losses
        )
        self.drain = Drain(self.queue, self.target, self.losses, lambda text: f"{text}\n".encode())

    def put(self, *lines: str) -> None:
        for line in lines:
            self.queue.put(f"{line}\n".encode(), logging.INFO)

    @property
    def written(self) -> list[str]:
        return [line.decode().removesuffix("\n") for line in self.target.lines]


@pytest.fixture
def parts() -> Parts:
    return Parts()


def test_all_that_is_there_is_written(parts: Parts) -> None:
    parts.put("1", "2", "3")
    assert parts.drain.has_work

    assert parts.drain.run()

    assert parts.written == ["1", "2", "3"]
    assert not parts.drain.has_work


def test_nothing_is_written_if_there_is_nothing(parts: Parts) -> None:
    assert parts.drain.run()

    assert parts.target.threads == []


def test_lines_wait_while_the_output_is_stalled(parts: Parts) -> None:
    parts.target.stall()
    parts.put("1", "2")
    assert not parts.drain.run()
    parts.put("3")
    parts.target.recover()

    assert parts.drain.run()

    assert parts.written == ["1", "2", "3"]
    assert parts.losses.total == 0


def test_lines_are_lost_while_the_output_fails_and_it_is_told_of_afterwards(parts: Parts) -> None:
    parts.target.error = DISK_FULL
    parts.put("1", "2")
    assert parts.drain.run()
    parts.put("3")
    assert parts.drain.run()
    parts.target.recover()
    parts.put("4")

    assert parts.drain.run()

    assert parts.written == ["4", "log lines lost: 3 (3: recorder: No space left on device)"]
    assert parts.losses.total == 3
    assert not parts.drain.has_work


def test_losses_are_told_of_even_if_no_other_line_comes(parts: Parts) -> None:
    parts.target.error = DISK_FULL
    parts.put("1")
    parts.drain.run()
    assert not parts.drain.has_work
    parts.drain.run()
    parts.target.recover()

    parts.drain.run()

    assert parts.written == ["log lines lost: 1 (1: recorder: No space left on device)"]
    assert parts.losses.total == 1


def test_overflow_is_told_of_before_the_lines_that_come_later() -> None:
    parts = Parts(size=2)
    parts.target.stall()
    parts.put("1", "2", "3", "4", "5")
    parts.drain.run()
    parts.target.recover()

    parts.drain.run()
    parts.put("6")
    parts.drain.run()

    told = "log lines lost: 3 (3: the queue was full (message_queue_size))"
    assert sorted(parts.written) == sorted(["1", "2", told, "6"])
    assert parts.written.index(told) < parts.written.index("6")


def test_report_is_continued_after_a_stall(parts: Parts) -> None:
    parts.losses.add("bad luck", 2)
    parts.target.stall()
    assert not parts.drain.run()
    parts.losses.add("bad luck", 1)
    parts.target.recover()

    parts.drain.run()

    assert parts.written == [
        "log lines lost: 2 (2: bad luck)",
        "log lines lost: 1 (1: bad luck)",
    ]


def test_any_other_error_of_the_output_loses_lines_and_nothing_else(parts: Parts) -> None:
    parts.target.error = ZeroDivisionError("odd")
    parts.put("1")
    parts.drain.run()
    parts.target.recover()

    parts.drain.run()

    assert parts.written == ["log lines lost: 1 (1: recorder: ZeroDivisionError('odd'))"]


def test_lines_of_a_failing_output_are_not_kept(parts: Parts) -> None:
    parts.target.error = DISK_FULL
    for _ in range(500):
        parts.put("x")
        parts.drain.run()

    assert len(parts.queue) == 0
    assert parts.losses.total == 500


def test_one_run_is_no_longer_than_a_slice(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "SLICE", 0.0)
    monkeypatch.setattr(drain_module, "_BATCH_BYTES", 1)
    parts.put("1", "2", "3")

    for count in (1, 2, 3):
        assert parts.drain.run()
        assert len(parts.written) == count


def test_reopening_is_done_by_the_next_run(parts: Parts) -> None:
    parts.drain.reopen()
    assert parts.target.calls == []

    parts.drain.run()
    parts.drain.run()

    assert parts.target.calls == ["reopen"]


def test_line_that_was_put_after_the_reopening_goes_to_the_new_file(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[int] = []
    write = parts.target.write

    def write_and_log(lines: Sequence[bytes]) -> int:
        files.append(len(parts.target.calls))
        if len(files) == 1:
            parts.drain.reopen()
            parts.put("2")
        return write(lines)

    monkeypatch.setattr(parts.target, "write", write_and_log)
    parts.put("1")

    parts.drain.run()

    assert parts.written == ["1", "2"]
    assert files == [0, 1]


def test_reopening_that_fails_is_no_error(parts: Parts) -> None:
    parts.target.error = DISK_FULL
    parts.drain.reopen()

    assert parts.drain.run()


def test_finishing_writes_what_goes_and_loses_the_rest(parts: Parts) -> None:
    parts.put("1")
    parts.drain.finish()
    parts.target.stall()
    parts.put("2", "3")

    parts.drain.finish()

    assert parts.written == ["1"]
    assert parts.losses.total == 2
    assert parts.target.calls == ["abandon"]
    assert not parts.drain.has_work
    parts.target.recover()
    parts.put("4")
    parts.drain.finish()
    assert parts.written == [
        "1",
        "4",
        "log lines lost: 2 (2: the service ended before they were written)",
    ]


def test_finishing_leaves_lines_to_who_is_writing(parts: Parts) -> None:
    is_writing, may_go_on = threading.Event(), threading.Event()

    def report(_: str) -> bytes:
        is_writing.set()
        assert may_go_on.wait(10)
        return b"report\n"

    drain = Drain(parts.queue, parts.target, parts.losses, report)
    parts.losses.add("bad luck")
    writing = threading.Thread(target=drain.finish)
    writing.start()
    assert is_writing.wait(10)

    parts.put("1")
    drain.finish()
    drain.close()
    assert parts.target.calls == []
    may_go_on.set()
    writing.join(10)

    assert parts.written == ["report", "1"]


def test_closing_closes_the_target(parts: Parts) -> None:
    parts.drain.close()

    assert parts.target.calls == ["close"]
