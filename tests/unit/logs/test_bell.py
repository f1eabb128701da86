import threading

from app.logs.bell import Bell

TIMEOUT = 10.0


def test_ring_is_kept_for_who_waits_next() -> None:
    bell = Bell()
    bell.ring()

    assert bell.wait(TIMEOUT)


def test_rings_that_nobody_has_heard_are_one() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()

    assert bell.wait(0)
    assert not bell.wait(0)


def test_ring_wakes_who_waits() -> None:
    bell = Bell()
    heard: list[bool] = []
    waiting = threading.Thread(target=lambda: heard.append(bell.wait(None)), daemon=True)
    waiting.start()

    bell.ring()
    waiting.join(TIMEOUT)

    assert heard == [True]


def test_rings_of_many_threads_never_fail() -> None:
    bell = Bell()
    failures: list[BaseException] = []

    def ring() -> None:
        try:
            for _ in range(20_000):
                bell.ring()
                bell.wait(0)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)

    assert failures == []
