import concurrent.futures.thread
import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from app.logs import drain as drain_module
from app.logs import writer as writer_module
from app.logs.drain import Drain
from app.logs.line_queue import LineQueue
from app.logs.losses import Losses
from app.logs.writer import LogWriter
from app.task_processors.pool import ThreadPool
from tests.unit.logs.outputs import TIMEOUT, RecordingTarget

INFO, WARNING = logging.INFO, logging.WARNING
NEVER = 1000.0


class Parts:
    """A writer and what it works with."""

    def __init__(
        self, size: int = 100, flush_interval: float = 0.0, *, blocks: bool = False
    ) -> None:
        self.target = RecordingTarget()
        self.losses = Losses()
        self.queue = LineQueue(
            size, urgent_level=WARNING, blocks=blocks, losses=self.losses, max_wait=NEVER
        )
        self.writer = LogWriter(
            "log-test",
            self.queue,
            Drain(self.queue, self.target, self.losses, lambda text: f"{text}\n".encode()),
            self.losses,
            flush_interval,
        )

    def put(self, *lines: bytes, level: int = INFO) -> None:
        for line in lines:
            self.writer.put(line, level)


MakeParts = Callable[..., Parts]


@pytest.fixture
def make_parts() -> Iterator[MakeParts]:
    """Makes writers that are stopped at the end."""
    made: list[Parts] = []

    def make(size: int = 100, flush_interval: float = 0.0, *, blocks: bool = False) -> Parts:
        made.append(Parts(size, flush_interval, blocks=blocks))
        return made[-1]

    yield make
    for parts in made:
        parts.target.recover()
        parts.writer.stop(TIMEOUT)


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    made = ThreadPool("fs-worker", 1)
    yield made
    made.stop()


def test_lines_are_written_in_order(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.writer.start()

    lines = [b"%d" % number for number in range(50)]
    parts.put(*lines)

    assert parts.target.has_lines(50)
    assert parts.target.lines == lines


def test_lines_wait_for_the_start(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.put(b"1", b"2")
    assert parts.target.threads == []

    parts.writer.start()

    assert parts.target.has_lines(2)


def test_urgent_line_is_written_at_once_with_those_before_it(make_parts: MakeParts) -> None:
    parts = make_parts(flush_interval=NEVER)
    parts.writer.start()
    parts.put(b"1")
    assert parts.target.threads == []

    parts.put(b"2", level=WARNING)

    assert parts.target.has_lines(2)
    assert len(parts.target.threads) == 1


def test_line_that_is_not_urgent_is_written_soon(make_parts: MakeParts) -> None:
    parts = make_parts(flush_interval=0.05)
    parts.writer.start()

    parts.put(b"1")

    assert parts.target.has_lines(1)


def test_half_full_queue_is_written_at_once(make_parts: MakeParts) -> None:
    parts = make_parts(4, flush_interval=NEVER)
    parts.writer.start()

    parts.put(b"1", b"2")

    assert parts.target.has_lines(2)


def test_without_a_pool_the_thread_of_the_writer_writes(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.writer.start()
    parts.put(b"1")

    assert parts.target.has_lines(1)
    assert set(parts.target.threads) == {"log-test"}


def test_pool_writes_from_when_it_is_given_until_it_is_taken(
    make_parts: MakeParts, pool: ThreadPool
) -> None:
    parts = make_parts()
    parts.writer.start()
    parts.writer.use_pool(pool)
    parts.put(b"1")
    assert parts.target.has_lines(1)
    parts.writer.use_pool(None)
    parts.put(b"2")
    assert parts.target.has_lines(2)

    assert parts.target.threads[0] == "fs-worker_0"
    assert parts.target.threads[-1] == "log-test"


def test_pool_that_was_stopped_is_done_without(make_parts: MakeParts, pool: ThreadPool) -> None:
    parts = make_parts()
    parts.writer.use_pool(pool)
    pool.stop()
    parts.writer.start()

    parts.put(b"1")

    assert parts.target.has_lines(1)


def test_pool_that_is_stopped_while_lines_wait_for_it_is_done_without(
    make_parts: MakeParts, pool: ThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "SLICE", NEVER)
    may_end = threading.Event()
    submitted = threading.Event()
    pool.submit(may_end.wait, TIMEOUT)
    submit = pool.submit

    def submit_and_tell(function: Callable[[], bool]) -> concurrent.futures.Future[bool]:
        job = submit(function)
        submitted.set()
        return job

    monkeypatch.setattr(pool, "submit", submit_and_tell)
    parts = make_parts()
    parts.writer.use_pool(pool)
    parts.writer.start()
    parts.put(b"1")
    assert submitted.wait(TIMEOUT)

    pool.stop()
    may_end.set()

    assert parts.target.has_lines(1)


def test_pool_without_a_free_thread_holds_up_no_lines(
    make_parts: MakeParts, pool: ThreadPool
) -> None:
    may_end = threading.Event()
    occupied = pool.submit(may_end.wait, TIMEOUT)
    parts = make_parts()
    parts.writer.use_pool(pool)
    parts.writer.start()

    parts.put(b"1")

    assert parts.target.has_lines(1)
    assert not occupied.done()
    may_end.set()


def test_pool_s_only_thread_may_wait_for_room(make_parts: MakeParts, pool: ThreadPool) -> None:
    """It is the one that would make the room."""
    parts = make_parts(2, blocks=True)
    parts.writer.use_pool(pool)
    parts.writer.start()

    job = pool.submit(parts.put, *[b"x"] * 6)
    job.result(TIMEOUT)

    assert parts.target.has_lines(6)
    assert parts.losses.total == 0


def test_stalled_output_leaves_the_pool_to_others(make_parts: MakeParts, pool: ThreadPool) -> None:
    parts = make_parts()
    parts.target.stall()
    parts.writer.use_pool(pool)
    parts.writer.start()
    parts.put(b"1")
    assert parts.target.was_tried(1)

    assert pool.submit(int, "7").result(TIMEOUT) == 7

    parts.target.recover()
    assert parts.target.has_lines(1)


def test_line_may_be_logged_where_nothing_can_be_handed_to_a_pool(
    make_parts: MakeParts, pool: ThreadPool
) -> None:
    """In a destructor, for instance, that is called while this very lock is held."""
    parts = make_parts()
    parts.writer.use_pool(pool)
    parts.writer.start()

    def log() -> None:
        with concurrent.futures.thread._global_shutdown_lock:
            parts.put(b"1", level=WARNING)

    logging_thread = threading.Thread(target=log, daemon=True)
    logging_thread.start()
    logging_thread.join(TIMEOUT)

    assert not logging_thread.is_alive()
    assert parts.target.has_lines(1)


def test_output_that_has_failed_is_tried_again_without_another_line(
    make_parts: MakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "RETRY_INTERVAL", 0.01)
    parts = make_parts()
    parts.target.error = OSError(errno.ENOSPC, "No space left on device")
    parts.writer.start()
    parts.put(b"1")
    assert parts.target.was_tried(3)

    parts.target.recover()

    assert parts.target.has_lines(1)
    assert parts.target.lines == [b"log lines lost: 1 (1: recorder: No space left on device)\n"]


def test_stop_writes_what_is_left(make_parts: MakeParts) -> None:
    parts = make_parts(flush_interval=NEVER)
    parts.writer.start()
    parts.put(b"1", b"2")

    parts.writer.stop(TIMEOUT)

    assert parts.target.lines == [b"1", b"2"]
    assert parts.losses.total == 0


def test_stop_without_a_start_writes_what_is_left(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.put(b"1")

    parts.writer.stop(TIMEOUT)
    parts.writer.stop(TIMEOUT)

    assert parts.target.lines == [b"1"]


def test_stop_gives_a_stalled_output_so_much_time_and_counts_the_rest(
    make_parts: MakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "SLICE", 0.01)
    parts = make_parts()
    parts.target.stall()
    parts.writer.start()
    parts.put(b"1", b"2")
    before = time.monotonic()

    parts.writer.stop(0.1)

    assert 0.1 <= time.monotonic() - before < TIMEOUT
    assert parts.losses.total == 2


def test_stop_waits_for_an_output_that_recovers(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.target.stall()
    parts.writer.start()
    parts.put(b"1")
    stopping = threading.Thread(target=parts.writer.stop, args=(TIMEOUT,))
    stopping.start()

    assert parts.target.was_tried(1)
    parts.target.recover()
    stopping.join(TIMEOUT)

    assert parts.target.lines == [b"1"]
    assert parts.losses.total == 0


def test_output_that_fails_does_not_hold_up_the_stop(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.target.error = OSError(errno.ENOSPC, "No space left on device")
    parts.writer.start()
    parts.put(b"1")
    before = time.monotonic()

    parts.writer.stop(NEVER)

    assert time.monotonic() - before < TIMEOUT
    assert parts.losses.total == 1


def test_thread_that_waits_for_room_is_let_go_by_the_stop(make_parts: MakeParts) -> None:
    parts = make_parts(1, blocks=True)
    parts.target.stall()
    parts.writer.start()
    waiting = threading.Thread(target=parts.put, args=[b"x"] * 5, daemon=True)
    waiting.start()
    assert parts.target.was_tried(1)

    parts.writer.stop(0.0)
    waiting.join(TIMEOUT)

    assert not waiting.is_alive()
    parts.writer.stop(0.0)
    assert parts.losses.total == 5


def test_late_line_is_written_by_who_logs_it(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.writer.start()
    parts.writer.stop(TIMEOUT)

    parts.put(b"late")

    assert parts.target.lines == [b"late"]
    assert parts.target.threads[-1] == threading.current_thread().name


def test_late_line_does_not_wait_for_a_stalled_output(make_parts: MakeParts) -> None:
    parts = make_parts()
    parts.writer.start()
    parts.writer.stop(TIMEOUT)
    parts.target.stall()

    parts.put(b"late")

    assert parts.losses.total == 1


def test_no_line_is_lost_while_others_log_and_it_stops(make_parts: MakeParts) -> None:
    parts = make_parts(100_000)
    parts.writer.start()
    threads = [threading.Thread(target=parts.put, args=[b"x"] * 5000) for _ in range(4)]
    for thread in threads:
        thread.start()

    parts.writer.stop(TIMEOUT)
    for thread in threads:
        thread.join(TIMEOUT)

    assert len(parts.target.lines) + parts.losses.total == 20_000
    assert parts.losses.total == 0


def test_reopening_is_done_without_a_line(
    make_parts: MakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = make_parts()
    reopened = threading.Event()
    monkeypatch.setattr(parts.target, "reopen", reopened.set)
    parts.writer.start()

    parts.writer.reopen()

    assert reopened.wait(TIMEOUT)


def test_long_work_is_cut_into_slices_of_the_pool_s_time(
    make_parts: MakeParts, pool: ThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "SLICE", 0.0)
    monkeypatch.setattr(drain_module, "_BATCH_BYTES", 1)
    parts = make_parts()
    parts.put(*[b"x"] * 10)
    parts.writer.use_pool(pool)
    parts.writer.start()

    assert parts.target.has_lines(10)
