import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config_updates.errors import UpdateError
from app.config_updates.merging import Deduplication
from app.config_updates.protocol import ValuesAnswer, ValuesRequest
from app.config_updates.service_origin import Asking, ServiceOrigin
from app.config_updates.updates import Unchanged, Values
from tests.helpers.fake_config_service import ConfigStore

URL = "http://configs/configs/values"
REQUEST = ValuesRequest(ids=["A", "B", "C"], service="chat", stage_name="testing")


class Link:
    """Asks a store without a network, and may fail to."""

    def __init__(self, store: ConfigStore) -> None:
        self.store = store
        self.requests: list[ValuesRequest] = []
        self.is_cut = False
        self.was_brief = False
        # What is answered whatever the store has.
        self.answer: ValuesAnswer | None = None

    async def ask(self, request: ValuesRequest, /, *, briefly: bool = False) -> ValuesAnswer:
        self.requests.append(request)
        self.was_brief = briefly
        if self.is_cut:
            raise UpdateError("nobody answers")
        answer = self.store.answer(request.model_dump(exclude_none=True))
        return self.answer or ValuesAnswer.model_validate(answer)

    @property
    def since(self) -> list[str | None]:
        return [each.updated_since for each in self.requests]


class Service:
    """A service that takes what its origin has, unless it refuses it."""

    def __init__(
        self,
        store: ConfigStore,
        full_interval: float = 100.0,
        deduplication: Deduplication = "full-and-incremental",
    ) -> None:
        self.link = Link(store)
        self.now = 5000.0
        self.refuses: Callable[[dict[str, Any]], bool] = lambda _: False
        self.taken: list[dict[str, Any]] = []
        self.last: Values | None = None
        self.revision = ""
        asking = Asking(REQUEST, full_interval, deduplication)
        self.origin = ServiceOrigin(self.link.ask, URL, asking, lambda: self.now)

    async def update(self) -> str:
        """Return what became of it."""
        self.now += 1.0
        try:
            found = await self.origin.fetch()
        except UpdateError:
            return "failed"
        if found is None:
            return "older"
        if isinstance(found, Unchanged):
            self.revision = found.revision
            return "same"
        self.last, self.revision = found, found.revision
        values = dict(self.last.document.mapping())
        if self.refuses(values):
            return "refused"
        self.taken.append(values)
        self.origin.taken()
        return "taken"


@pytest.fixture
def store() -> ConfigStore:
    store = ConfigStore()
    store.set("A", 1)
    return store


@pytest.fixture
def service(store: ConfigStore) -> Service:
    return Service(store)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


async def test_first_update_asks_for_everything(store: ConfigStore, service: Service) -> None:
    assert await service.update() == "taken"

    assert service.link.requests == [REQUEST]
    assert service.last is not None
    assert service.last.origin == URL
    assert service.last.revision == store.now
    assert service.last.known_only
    assert str(service.last.document.places.of(("A", "x"))) == URL


async def test_later_updates_ask_for_what_has_changed(store: ConfigStore, service: Service) -> None:
    first = store.now
    await service.update()
    store.set("B", 2)

    assert await service.update() == "taken"

    assert service.link.requests[1] == REQUEST.model_copy(update={"updated_since": first})
    assert service.taken[-1] == {"A": 1, "B": 2}


async def test_what_was_removed_is_not_there(store: ConfigStore, service: Service) -> None:
    store.set("B", 2)
    await service.update()
    store.remove("A")

    assert await service.update() == "taken"
    assert service.taken[-1] == {"B": 2}


async def test_values_for_the_service_and_the_stage_come_first(
    store: ConfigStore, service: Service
) -> None:
    store.set("A", 2, service="chat")
    store.set("B", 3, stage="testing")
    store.set("C", 4, service="mail")

    await service.update()

    assert service.taken == [{"A": 2, "B": 3}]


async def test_nothing_new_is_nothing_and_moves_the_time(
    store: ConfigStore, service: Service
) -> None:
    await service.update()
    store.set("OTHER", 1)
    store.step_clock(100)

    assert await service.update() == "same"
    assert await service.update() == "same"

    assert service.link.since[-1] == store.now
    assert service.revision == store.now


async def test_first_values_may_be_asked_for_briefly(service: Service) -> None:
    await service.origin.fetch(briefly=True)
    assert service.link.was_brief

    await service.origin.fetch()
    assert not service.link.was_brief


async def test_now_and_then_everything_is_asked_for(store: ConfigStore) -> None:
    service = Service(store, full_interval=3.0)

    for _ in range(8):
        await service.update()

    assert [since is None for since in service.link.since] == [True, False, False] * 2 + [
        True,
        False,
    ]


async def test_never_again_is_everything_asked_for_where_that_is_wanted(
    store: ConfigStore,
) -> None:
    service = Service(store, full_interval=0.0)

    await service.update()
    service.now += 1e9
    await service.update()

    assert [since is None for since in service.link.since] == [True, False]


async def test_full_update_that_failed_is_made_up_for(store: ConfigStore) -> None:
    service = Service(store, full_interval=3.0)
    await service.update()
    service.now += 10.0

    service.link.is_cut = True
    assert await service.update() == "failed"
    assert await service.update() == "failed"
    service.link.is_cut = False
    assert await service.update() == "same"
    assert await service.update() == "same"

    assert [since is None for since in service.link.since] == [True, True, True, True, False]


async def test_full_answer_finds_what_incremental_ones_have_missed(
    store: ConfigStore, service: Service
) -> None:
    """As with config services that never tell of what was removed."""
    store.set("B", 2)
    await service.update()
    store.forget("B")

    assert await service.update() == "same"
    service.now += 100.0
    assert await service.update() == "taken"
    assert service.taken[-1] == {"A": 1}


# What is refused


@pytest.mark.parametrize("full", [True, False])
async def test_refused_answer_is_asked_for_again_until_it_is_good(
    store: ConfigStore, service: Service, full: bool
) -> None:
    service.refuses = lambda values: values.get("B") == "bad"
    await service.update()
    store.set("B", "bad")
    service.now += 100.0 if full else 0.0

    assert [await service.update() for _ in range(3)] == ["refused"] * 3
    store.set("C", 3)
    assert await service.update() == "refused"
    store.set("B", "good")
    assert await service.update() == "taken"

    assert service.taken[-1] == {"A": 1, "B": "good", "C": 3}
    assert len(set(service.link.since[1:])) == 1


async def test_refused_first_answer_is_asked_for_again_as_a_whole(
    store: ConfigStore, service: Service
) -> None:
    store.set("B", "bad")
    service.refuses = lambda values: values.get("B") == "bad"

    assert await service.update() == "refused"
    store.remove("B")
    assert await service.update() == "taken"

    assert service.link.since == [None, None]


async def test_refused_value_that_is_put_back_is_nothing_new(
    store: ConfigStore, service: Service
) -> None:
    service.refuses = lambda values: values["A"] == "bad"
    await service.update()

    store.set("A", "bad")
    assert await service.update() == "refused"
    store.set("A", 1)
    assert await service.update() == "same"


# Times that go back


async def test_answer_of_an_earlier_time_is_passed_over_until_everything_is_asked_for(
    store: ConfigStore, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    await service.update()
    store.step_clock(-500)
    store.set("A", 2)

    assert [await service.update() for _ in range(5)] == ["older"] * 5
    assert len(told(caplog)) == 1
    assert "passed over, until the next full update" in told(caplog)[0]

    service.now += 100.0
    assert await service.update() == "taken"
    assert service.taken[-1] == {"A": 2}
    store.set("A", 3)
    assert await service.update() == "taken"
    assert service.taken[-1] == {"A": 3}


async def test_answer_of_the_same_time_counts(store: ConfigStore, service: Service) -> None:
    await service.update()
    service.link.answer = ValuesAnswer(configs={"A": 2}, updated_at=store.now)

    assert await service.update() == "taken"
    assert service.taken[-1] == {"A": 2}


async def test_time_that_goes_back_again_is_told_again(
    store: ConfigStore, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    await service.update()
    for _ in range(2):
        store.step_clock(-500)
        await service.update()
        store.step_clock(+500)
        await service.update()

    assert len(told(caplog)) == 2


# Deduplication


@pytest.mark.parametrize(
    ("deduplication", "full", "incremental"),
    [
        ("none", "taken", "taken"),
        ("only-full", "same", "taken"),
        ("only-incremental", "taken", "same"),
        ("full-and-incremental", "same", "same"),
    ],
)
async def test_update_that_brings_what_is_there_is_passed_over_where_that_is_wanted(
    store: ConfigStore, deduplication: Deduplication, full: str, incremental: str
) -> None:
    service = Service(store, deduplication=deduplication)
    await service.update()

    store.set("A", 1)
    assert await service.update() == incremental
    service.now += 100.0
    assert await service.update() == full

    assert service.revision == store.now

    # Both go on from the last answer.
    await service.update()
    assert [since is None for since in service.link.since] == [True, False, True, False]
    assert service.link.since[-1] == store.now


@pytest.mark.parametrize("value", [True, 1.0])
async def test_value_of_another_type_is_something_new(
    store: ConfigStore, service: Service, value: object
) -> None:
    await service.update()
    store.set("A", value)

    assert await service.update() == "taken"


# Whatever happens

Step = tuple[Any, ...]

NAMES = st.sampled_from("ABC")
LEVELS = st.sampled_from([{}, {"service": "chat"}, {"stage": "testing"}, {"service": "mail"}])
STEPS = st.one_of(
    st.tuples(st.just("set"), NAMES, st.sampled_from([0, 1, True, "bad", {"x": 1}]), LEVELS),
    st.tuples(st.just("remove"), NAMES, LEVELS),
    st.tuples(st.just("update")),
    st.tuples(st.just("cut"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 50.0, 100.0])),
)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


async def follow(steps: list[Step], store: ConfigStore, service: Service) -> None:
    for kind, *arguments in steps:
        match kind:
            case "set":
                name, value, level = arguments
                store.set(name, value, **level)
            case "remove":
                store.remove(arguments[0], **arguments[1])
            case "cut":
                service.link.is_cut = arguments[0]
            case "wait":
                service.now += arguments[0]
            case "update":
                await service.update()


@given(
    st.lists(STEPS, max_size=40),
    st.sampled_from([0.0, 3.0, 100.0]),
    st.sampled_from(["none", "only-full", "only-incremental", "full-and-incremental"]),
)
def test_any_sequence_of_answers_leaves_the_values_that_the_config_service_has(
    steps: list[Step], full_interval: float, deduplication: Deduplication
) -> None:
    store = ConfigStore()
    service = Service(store, full_interval, deduplication)
    service.refuses = lambda values: "bad" in values.values()

    async def check() -> None:
        await follow(steps, store, service)
        service.link.is_cut = False
        outcome = await service.update()
        expected = store.values_for("chat", "testing")
        if "bad" in expected.values():
            assert outcome == "refused"
        else:
            assert outcome in ("taken", "same")
            assert repr(sorted(service.taken[-1].items())) == repr(sorted(expected.items()))

    run(check())


CLOCK_STEPS = st.tuples(st.just("clock"), st.integers(-100, 100))


@given(st.lists(st.one_of(STEPS, CLOCK_STEPS), max_size=40))
def test_full_update_recovers_from_any_step_of_the_config_service_s_clock(
    steps: list[Step],
) -> None:
    store = ConfigStore()
    service = Service(store)

    async def check() -> None:
        for step in steps:
            if step[0] == "clock":
                store.step_clock(step[1])
            else:
                await follow([step], store, service)
        service.link.is_cut = False
        service.now += 100.0
        assert await service.update() in ("taken", "same")
        expected = store.values_for("chat", "testing")
        assert repr(sorted(service.taken[-1].items())) == repr(sorted(expected.items()))

    run(check())
