import asyncio
import logging
import threading
import time
from collections.abc import Callable

import pytest

from app.logs.line_queue import LineQueue, never_waiting
from app.logs.losses import Losses

TIMEOUT = 10.0
INFO, WARNING = logging.INFO, logging.WARNING


def make_queue(
    size: int = 100, *, blocks: bool = False, max_wait: float = TIMEOUT
) -> tuple[LineQueue, Losses]:
    losses = Losses()
    queue = LineQueue(size, urgent_level=WARNING, blocks=blocks, losses=losses, max_wait=max_wait)
    queue.serve()
    return queue, losses


def start(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def put_often(queue: LineQueue, times: int) -> None:
    for _ in range(times):
        queue.put(b"x\n", INFO)


def has_ended(thread: threading.Thread) -> bool:
    thread.join(TIMEOUT)
    return not thread.is_alive()


def rings(queue: LineQueue) -> bool:
    """Tell whether the bell of the queue has been rung since it was last asked."""
    return queue.bell.wait(0)


def test_lines_come_out_in_order() -> None:
    queue, _ = make_queue()
    for line in (b"1\n", b"2\n", b"3\n"):
        queue.put(line, INFO)

    assert queue.take(1000) == [b"1\n", b"2\n", b"3\n"]
    assert queue.take(1000) == []


def test_as_many_are_taken_as_reach_the_size() -> None:
    queue, _ = make_queue()
    for _ in range(5):
        queue.put(b"x" * 10, INFO)

    assert len(queue.take(1)) == 1
    assert len(queue.take(21)) == 3
    assert len(queue) == 1


def test_line_that_finds_the_queue_full_is_dropped_and_counted() -> None:
    queue, losses = make_queue(2)
    for line in (b"1\n", b"2\n", b"3\n", b"4\n"):
        queue.put(line, WARNING)

    assert queue.take(1000) == [b"1\n", b"2\n"]
    assert losses.total == 2


def test_urgent_line_rings() -> None:
    queue, _ = make_queue()
    queue.put(b"1\n", INFO)
    assert not rings(queue)

    queue.put(b"2\n", WARNING)
    assert rings(queue)


def test_queue_that_is_half_full_rings() -> None:
    queue, _ = make_queue(4)
    queue.put(b"1\n", INFO)
    assert not rings(queue)

    queue.put(b"2\n", INFO)
    assert rings(queue)


def test_first_line_wakes_who_waits_for_it() -> None:
    queue, _ = make_queue()
    waiting = start(lambda: queue.wait_for_first(TIMEOUT))

    queue.put(b"1\n", INFO)

    assert has_ended(waiting)


def test_who_waits_for_a_line_that_is_there_does_not_wait() -> None:
    queue, _ = make_queue()
    queue.put(b"1\n", INFO)

    assert has_ended(start(lambda: queue.wait_for_first(None)))


def test_urgent_line_is_not_overlooked_by_who_was_woken_by_another() -> None:
    queue, _ = make_queue()
    waiting = start(lambda: queue.wait_for_first(TIMEOUT))
    queue.put(b"1\n", INFO)
    queue.put(b"2\n", WARNING)
    assert has_ended(waiting)
    queue.bell.wait(0)

    assert has_ended(start(lambda: queue.wait_for_more(1000)))
    queue.take(1000)
    queue.wait_for_more(0)


def test_line_that_may_wait_waits_for_room() -> None:
    queue, losses = make_queue(1, blocks=True)
    queue.put(b"1\n", INFO)
    waiting = start(lambda: queue.put(b"2\n", INFO))

    lines: list[bytes] = []
    give_up = time.monotonic() + TIMEOUT
    while len(lines) < 2 and time.monotonic() < give_up:
        lines += queue.take(1000)

    assert lines == [b"1\n", b"2\n"]
    assert has_ended(waiting)
    assert losses.total == 0


def test_no_line_is_lost_and_the_size_is_kept_when_many_threads_wait() -> None:
    queue, losses = make_queue(2, blocks=True)
    threads = [start(lambda: put_often(queue, 500)) for _ in range(4)]

    taken, longest = 0, 0
    give_up = time.monotonic() + TIMEOUT
    while taken < 2000 and time.monotonic() < give_up:
        queue.wait_for_first(1)
        longest = max(longest, len(queue))
        taken += len(queue.take(1000))

    assert (taken, losses.total) == (2000, 0)
    assert all(has_ended(thread) for thread in threads)
    assert longest <= 2 + len(threads)


def test_event_loop_never_waits() -> None:
    queue, losses = make_queue(1, blocks=True)
    queue.put(b"1\n", INFO)

    async def log() -> None:
        queue.put(b"2\n", INFO)

    assert has_ended(start(lambda: asyncio.run(log())))
    assert losses.total == 1


def test_who_makes_room_never_waits_for_it() -> None:
    queue, losses = make_queue(1, blocks=True)
    queue.put(b"1\n", INFO)

    def log() -> None:
        with never_waiting(), never_waiting():
            queue.put(b"2\n", INFO)

    assert has_ended(start(log))
    assert losses.total == 1


def test_wait_is_bounded_and_costs_a_stalled_output_s_users_once() -> None:
    queue, losses = make_queue(1, blocks=True, max_wait=0.1)
    queue.put(b"1\n", INFO)

    assert has_ended(start(lambda: put_often(queue, 1000)))
    assert losses.total == 1000


def test_lines_wait_again_once_there_was_room() -> None:
    queue, losses = make_queue(1, blocks=True, max_wait=0.05)
    queue.put(b"1\n", INFO)
    queue.put(b"2\n", INFO)
    queue.take(1000)
    queue.put(b"3\n", INFO)

    before = time.monotonic()
    queue.put(b"4\n", INFO)

    assert time.monotonic() - before >= 0.05
    assert losses.total == 2


@pytest.mark.parametrize("closed_while_waiting", [True, False])
def test_nobody_waits_for_room_that_nobody_makes(closed_while_waiting: bool) -> None:
    queue, losses = make_queue(1, blocks=True, max_wait=1000)
    queue.put(b"1\n", INFO)
    if not closed_while_waiting:
        queue.close()

    waiting = start(lambda: queue.put(b"2\n", INFO))
    queue.close()

    assert has_ended(waiting)
    assert losses.total == 1


def test_line_waits_in_vain_for_a_queue_that_is_not_served_yet() -> None:
    losses = Losses()
    queue = LineQueue(1, urgent_level=WARNING, blocks=True, losses=losses)

    queue.put(b"1\n", INFO)

    assert has_ended(start(lambda: queue.put(b"2\n", INFO)))
    assert losses.total == 1
