import threading
from collections import Counter

from app.logs.losses import Losses, describe


def test_losses_are_told_once_and_counted_for_ever() -> None:
    losses = Losses()
    losses.add("disk full", 3)
    losses.add("queue full")

    assert losses.take_untold() == {"disk full": 3, "queue full": 1}
    assert losses.take_untold() == {}
    assert losses.total == 4


def test_what_could_not_be_told_is_untold_again() -> None:
    losses = Losses()
    losses.add("disk full", 3)
    untold = losses.take_untold()
    losses.add("disk full", 2)

    losses.put_back(untold)

    assert losses.take_untold() == {"disk full": 5}
    assert losses.total == 5


def test_no_lines_are_no_loss() -> None:
    losses = Losses()
    losses.add("disk full", 0)

    assert not losses.untold


def test_losses_of_all_threads_are_counted() -> None:
    losses = Losses()

    def lose() -> None:
        for _ in range(10_000):
            losses.add("queue full")

    threads = [threading.Thread(target=lose) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert losses.total == 40_000


def test_description_says_how_many_and_why() -> None:
    assert describe(Counter({"disk full": 3, "queue full": 1})) == (
        "log lines lost: 4 (3: disk full; 1: queue full)"
    )
