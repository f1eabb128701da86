from collections.abc import Iterator

import pytest

from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import FALLBACK, Failure, Source, Status, Subscription
from app.dynamic_config.variable import Variable
from app.static_config.document import OptionPath
from app.static_config.errors import ConfigFileError, OptionError
from tests.helpers.documents import plain_document

COUNT = Variable("COUNT", int, 7, description="How many.", reader="a test")
NAMES = Variable("NAMES", list[str], [], description="Which.", reader="a test")


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> Source:
    return Source([COUNT, NAMES], Snapshot({"COUNT": 1}), clock)


def update(source: Source, revision: str = "", **values: object) -> list[str]:
    return source.update(plain_document("v.json", values), "v.json", revision)


class Told:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def __call__(self, snapshot: Snapshot) -> None:
        self.counts.append(snapshot[COUNT])


def test_snapshot_at_first_is_the_fallback() -> None:
    fallback = Snapshot({"COUNT": 1})

    assert Source([COUNT], fallback).snapshot is fallback


def test_update_makes_a_new_snapshot_and_leaves_the_one_that_was_taken(source: Source) -> None:
    taken = source.snapshot

    assert update(source, COUNT=2) == ["COUNT"]

    assert (taken[COUNT], source.snapshot[COUNT]) == (1, 2)


def test_variable_that_an_update_does_not_name_has_its_fallback_value_again(
    source: Source,
) -> None:
    update(source, COUNT=2, NAMES=["a"])

    assert update(source, NAMES=["a"]) == ["COUNT"]

    assert source.snapshot[COUNT] == 1


def test_update_without_another_value_changes_nothing(source: Source) -> None:
    update(source, COUNT=2)
    taken = source.snapshot

    assert update(source, COUNT=2) == []

    assert source.snapshot is taken


def test_one_bad_value_refuses_all_and_names_each_variable_path_and_value(source: Source) -> None:
    with pytest.raises(ConfigFileError) as caught:
        update(source, COUNT="many", NAMES=["a", 1], CUONT=3)

    assert str(caught.value).splitlines() == [
        "v.json: COUNT: expected a whole number (got 'many')",
        "v.json: NAMES.1: expected a text (got 1)",
        "v.json: CUONT: unknown variable; did you mean 'COUNT'?",
    ]
    assert source.snapshot[COUNT] == 1


def test_names_that_no_variable_has_are_passed_over_where_that_is_asked_for(
    source: Source,
) -> None:
    source.update(plain_document("service", {"OTHER": 1, "COUNT": 2}), "service", known_only=True)

    assert source.snapshot[COUNT] == 2


# Subscriptions


def test_subscriber_is_told_at_once(source: Source) -> None:
    told = Told()

    source.subscribe(told, COUNT)

    assert told.counts == [1]


def test_subscriber_is_told_when_a_variable_that_it_named_has_changed(source: Source) -> None:
    told = Told()
    source.subscribe(told, COUNT)

    update(source, COUNT=1, NAMES=["a"])
    assert told.counts == [1]

    update(source, COUNT=2, NAMES=["a"])
    assert told.counts == [1, 2]


def test_subscriber_is_not_told_of_an_update_that_was_refused(source: Source) -> None:
    told = Told()
    source.subscribe(told, COUNT)

    with pytest.raises(ConfigFileError):
        update(source, COUNT=2, NAMES=1)

    assert told.counts == [1]


def test_failing_subscriber_is_logged_and_stops_no_other(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(snapshot: Snapshot) -> None:
        if snapshot[COUNT] != 1:
            raise RuntimeError("broken")

    source.subscribe(fail, COUNT, NAMES)
    told = Told()
    source.subscribe(told, COUNT)

    update(source, COUNT=2)

    assert told.counts == [1, 2]
    (record,) = caplog.records
    assert record.getMessage() == "a subscriber of COUNT, NAMES failed"
    assert record.exc_info is not None
    assert source.status().error is None


def test_subscriber_that_failed_is_told_of_the_next_change(source: Source) -> None:
    counts: list[int] = []

    def fail_at_two(snapshot: Snapshot) -> None:
        if snapshot[COUNT] == 2:
            raise RuntimeError("broken")
        counts.append(snapshot[COUNT])

    source.subscribe(fail_at_two, COUNT)

    update(source, COUNT=2)
    update(source, COUNT=3)

    assert counts == [1, 3]


def test_listener_that_fails_at_its_subscription_is_no_subscriber(source: Source) -> None:
    calls: list[int] = []

    def fail(snapshot: Snapshot) -> None:
        calls.append(snapshot[COUNT])
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        source.subscribe(fail, COUNT)
    update(source, COUNT=2)

    assert calls == [1]


def test_cancelled_subscriber_is_told_nothing_more(source: Source) -> None:
    told = Told()
    subscription = source.subscribe(told, COUNT)

    subscription.cancel()
    subscription.cancel()
    update(source, COUNT=2)

    assert told.counts == [1]


def test_subscriber_may_cancel_another_that_was_to_be_told_next(source: Source) -> None:
    later: list[Subscription] = []

    def cancel_later(_: Snapshot) -> None:
        for each in later:
            each.cancel()

    source.subscribe(cancel_later, COUNT)
    told = Told()
    later.append(source.subscribe(told, COUNT))

    update(source, COUNT=2)

    assert told.counts == [1]


def test_subscriber_may_subscribe_another(source: Source) -> None:
    told = Told()

    def subscribe(snapshot: Snapshot) -> None:
        if snapshot[COUNT] == 2:
            source.subscribe(told, COUNT)

    source.subscribe(subscribe, COUNT)

    update(source, COUNT=2)
    update(source, COUNT=3)

    assert told.counts == [2, 3]


def test_update_in_a_subscriber_never_tells_others_of_older_values_last(source: Source) -> None:
    def update_again(snapshot: Snapshot) -> None:
        if snapshot[COUNT] == 2:
            update(source, COUNT=3)

    source.subscribe(update_again, COUNT)
    told = Told()
    source.subscribe(told, COUNT)

    update(source, COUNT=2)

    assert told.counts == [1, 3]


# Checks


def no_more_than_nine(snapshot: Snapshot) -> Iterator[tuple[OptionPath, str]]:
    if snapshot[COUNT] > 9:
        yield ("COUNT",), f"expected at most 9 (got {snapshot[COUNT]})"


def test_check_refuses_an_update(source: Source) -> None:
    source.add_check(no_more_than_nine)
    update(source, COUNT=9)

    with pytest.raises(ConfigFileError, match=r"^v\.json: COUNT: expected at most 9 \(got 10\)$"):
        update(source, COUNT=10)

    assert source.snapshot[COUNT] == 9


def test_check_that_refuses_the_present_values_is_an_error_of_who_adds_it(source: Source) -> None:
    update(source, COUNT=10)

    with pytest.raises(OptionError, match=r"^COUNT: expected at most 9 \(got 10\)$"):
        source.add_check(no_more_than_nine)


# Status


def test_status_at_first_is_that_of_the_fallback_values(source: Source) -> None:
    assert source.status() == Status("", FALLBACK, 100.0)


def test_status_tells_of_the_last_update(source: Source, clock: Clock) -> None:
    clock.now = 200.0
    update(source, "r2", COUNT=2)

    assert source.status() == Status("r2", "v.json", 200.0)


def test_status_tells_of_an_update_that_changed_no_value(source: Source, clock: Clock) -> None:
    clock.now = 200.0
    update(source, "r2", COUNT=1)

    assert source.status() == Status("r2", "v.json", 200.0)


def test_status_keeps_what_it_was_and_tells_the_error_until_an_update_is_good(
    source: Source, clock: Clock
) -> None:
    update(source, "r2", COUNT=2)
    clock.now = 200.0
    with pytest.raises(ConfigFileError):
        update(source, "r3", COUNT="x")

    error = Failure(200.0, "v.json: COUNT: expected a whole number (got 'x')")
    assert source.status() == Status("r2", "v.json", 100.0, error)

    clock.now = 300.0
    update(source, "r4", COUNT=4)
    assert source.status() == Status("r4", "v.json", 300.0)


def test_status_tells_of_values_that_could_not_be_had_until_they_are_confirmed(
    source: Source, clock: Clock
) -> None:
    update(source, "r2", COUNT=2)
    clock.now = 200.0
    source.fail("nobody answers")
    assert source.status().error == Failure(200.0, "nobody answers")

    source.confirm("r2")

    assert source.status() == Status("r2", "v.json", 100.0)


def test_clock_that_steps_back_changes_only_what_is_shown(source: Source, clock: Clock) -> None:
    told = Told()
    source.subscribe(told, COUNT)
    update(source, "r2", COUNT=2)
    clock.now = -5000.0
    update(source, "r3", COUNT=3)

    assert told.counts == [1, 2, 3]
    assert source.status() == Status("r3", "v.json", -5000.0)
