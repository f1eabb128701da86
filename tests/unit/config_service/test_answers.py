import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config_service.answers import Answers, answer
from app.config_service.changes import Draft, Level, Target
from app.config_service.editing import Author, EditError, remove_value, roll_back, set_value
from app.config_service.known_variables import KnownVariables
from app.config_service.state import State
from app.config_updates.protocol import ValuesAnswer, ValuesRequest
from tests.unit.config_service.histories import MemoryStore, draft, removal, state_of


def ask(state: State, **asked: Any) -> ValuesAnswer:
    body = answer(state, ValuesRequest(**asked))
    assert json.loads(body)  # strict JSON
    return ValuesAnswer.model_validate_json(body)


def test_who_asks_for_all_is_answered_with_all_there_is() -> None:
    state = state_of(draft("A", {"b": [1, None, "ü"]}), draft("B", 2), removal("B"))

    assert ask(state) == ValuesAnswer(
        configs={"A": {"b": [1, None, "ü"]}}, updated_at=state.updated_at
    )


def test_only_what_was_asked_for_is_answered_and_an_unknown_name_is_no_error() -> None:
    state = state_of(draft("A", 1), draft("B", 2))

    assert ask(state, ids=["B", "NO_SUCH", "B"]).configs == {"B": 2}
    assert ask(state, ids=[]).configs == {}


def test_unknown_service_gets_what_is_for_all() -> None:
    state = state_of(draft("A", 1), draft("A", 2, "chat"))

    assert ask(state, service="no-such", stage_name="nowhere").configs == {"A": 1}
    assert ask(state, service="chat").configs == {"A": 2}


def test_nothing_new_is_an_answer_with_nothing_but_the_time() -> None:
    state = state_of(draft("A", 1))

    assert ask(state, updated_since=state.updated_at) == ValuesAnswer(
        configs={}, updated_at=state.updated_at
    )


def test_only_what_has_changed_since_is_answered() -> None:
    state = state_of(draft("A", 1), draft("B", 1), draft("C", 1))
    since = state_of(draft("A", 1)).updated_at

    answered = ask(state, updated_since=since)

    assert (answered.configs, answered.removed) == ({"B": 1, "C": 1}, [])
    assert ask(state, updated_since=since, ids=["C"]).configs == {"C": 1}


def test_removed_value_is_told_unless_another_one_shows_in_its_place() -> None:
    before = [draft("A", 1), draft("A", 2, "chat"), draft("B", 3, "chat")]
    state = state_of(*before, removal("A", "chat"), removal("B", "chat"))

    answered = ask(state, service="chat", updated_since=state_of(*before).updated_at)

    assert (answered.configs, answered.removed) == ({"A": 1}, ["B"])


def test_change_for_others_is_no_change() -> None:
    before = draft("A", 1)
    state = state_of(before, draft("A", 2, "mail"), draft("A", 3, "", "testing"))

    answered = ask(state, service="chat", updated_since=state_of(before).updated_at)

    assert (answered.configs, answered.removed) == ({}, [])
    assert answered.updated_at == state.updated_at


@pytest.mark.parametrize("since", ["9999-12-31T00:00:00.000000Z-000000000009", "zzz", ""])
def test_who_knows_a_time_that_was_never_ours_gets_all_and_takes_it(since: str) -> None:
    """The file is a backup, or another config service was asked before."""
    state = state_of(draft("A", 1), draft("B", 2), removal("B"))

    answered = ask(state, updated_since=since, ids=["A", "LOST"])

    assert (answered.configs, answered.removed) == ({"A": 1}, ["LOST"])
    assert answered.updated_at > since  # else it would be passed over
    assert ask(state, updated_since=since).removed == ["B"]


def test_who_was_told_of_a_wrong_file_is_told_all_again_when_the_right_one_is_back() -> None:
    first, second = draft("A", 1), draft("A", 2)
    right, backup = state_of(first, second), state_of(first)

    of_backup = ask(backup, updated_since=right.updated_at, ids=["A"])
    again = ask(right, updated_since=of_backup.updated_at, ids=["A"])

    assert of_backup.configs == {"A": 1}
    assert again.configs == {"A": 2}
    assert again.updated_at >= of_backup.updated_at


def test_answer_is_kept_until_something_changes() -> None:
    state = state_of(draft("A", 1))
    answers = Answers(state)

    made = answers.make(b"{}", ValuesRequest())

    assert answers.find(b"{}") is made
    assert answers.find(b'{"ids": []}') is None
    state.apply([*MemoryStore().append([draft("B", 1)], 0)])  # known already
    assert answers.find(b"{}") is made
    state.apply(MemoryStoreAt(1).append([draft("B", 1)], 1))
    assert answers.find(b"{}") is None
    assert json.loads(answers.make(b"{}", ValuesRequest()))["configs"] == {"A": 1, "B": 1}
    assert answers.find(b"{}") is not None


class MemoryStoreAt(MemoryStore):
    """A store that has some changes already."""

    def __init__(self, revision: int) -> None:
        super().__init__()
        self.append([draft("X", 0)] * revision, 0)


def test_answers_take_no_more_room_than_they_have() -> None:
    state = state_of(draft("A", "x" * 100))
    answers = Answers(state, room=400)

    for number in range(10):
        answers.make(b"%d" % number, ValuesRequest())

    kept = [number for number in range(10) if answers.find(b"%d" % number)]
    assert 9 in kept
    assert len(kept) < 4
    assert answers.make(b"x" * 500, ValuesRequest())
    assert answers.find(b"x" * 500) is None


# Any history: who asks again and again has what who asks for all has.

NAMES = ["A", "B", "C"]
SERVICES = ["", "chat", "mail"]
STAGES = ["", "testing"]


class Follower:
    """A service that merges what it is told."""

    def __init__(self, service: str, stage: str, ids: list[str] | None) -> None:
        self.asked = {"service": service or None, "stage_name": stage or None, "ids": ids}
        self.values: dict[str, Any] = {}
        self.since: str | None = None

    def poll(self, state: State) -> None:
        answered = ask(state, **self.asked, updated_since=self.since)
        assert self.since is None or answered.updated_at >= self.since
        for name in answered.removed:
            self.values.pop(name, None)
        self.values |= answered.configs
        self.since = answered.updated_at

    def has_all(self, state: State) -> bool:
        return self.values == ask(state, **self.asked).configs


def edit(state: State, store: MemoryStore, step: tuple[Any, ...], time: int) -> None:
    """Make a change, if it is one that can be made."""
    author = Author("alice", "a reason", range(10_000), allow_unknown=True)
    known = KnownVariables()
    kind, name, service, stage, number = step
    target = Target(name, Level(service, stage))
    try:
        drafts: list[Draft]
        if kind == "set":
            drafts = set_value(state, known, target, number, author)
        elif kind == "remove":
            drafts = remove_value(state, target, author)
        else:
            undone = store.changes[number % (state.revision + 1) :]
            drafts = roll_back(state, known, undone, author)
    except EditError:
        return
    last = store.changes[-1].at if store.changes else 0
    made = store.append(drafts, state.revision)
    # The clock steps; time in a history does not go back.
    store.changes[len(store.changes) - len(made) :] = made = [
        type(each)(each.revision, max(last, time), each.draft) for each in made
    ]
    state.apply(made)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "remove", "roll back"]),
        st.sampled_from(NAMES),
        st.sampled_from(SERVICES),
        st.sampled_from(STAGES),
        st.integers(0, 20),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(STEPS, st.lists(st.integers(0, 1000), min_size=25, max_size=25), st.data())
def test_who_asks_for_news_has_what_who_asks_for_all_has(
    steps: list[tuple[Any, ...]], times: list[int], data: st.DataObject
) -> None:
    state, store = State(), MemoryStore()
    followers = [
        Follower(service, stage, ids)
        for service in SERVICES
        for stage in STAGES
        for ids in (None, ["A", "C", "D"])
    ]
    for step, time in zip(steps, times, strict=False):
        before = (state.revision, state.updated_at)
        edit(state, store, step, time)
        assert (state.revision, state.updated_at) >= before
        assert (state.revision == before[0]) == (state.updated_at == before[1])
        for follower in data.draw(st.lists(st.sampled_from(followers), max_size=4)):
            follower.poll(state)
            assert follower.has_all(state)

    for follower in followers:
        follower.poll(state)
        assert follower.has_all(state)


@settings(deadline=None)
@given(STEPS, st.data())
def test_who_asks_for_news_has_it_all_whatever_files_are_put_back(
    steps: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    """One process reads on at once, another one lags behind; backups are put back, and taken away.

    Who lags answers nobody who knows of what it does not (`ConfigValuesHandler`: 503).
    """
    history, lagging = MemoryStore(), State()
    files = [history]
    followers = [Follower(service, "testing", [*NAMES, "D"]) for service in SERVICES]
    for time, step in enumerate(steps):
        history = data.draw(st.sampled_from(files)) if data.draw(st.booleans()) else history
        state = replayed(history)
        if data.draw(st.booleans()):
            edit(state, history, step, time)
        if data.draw(st.booleans()):
            files.append(copied(history))
        for follower in data.draw(st.lists(st.sampled_from(followers), max_size=4)):
            answers = state if data.draw(st.booleans()) else lagging
            if answers is state or may_answer(lagging, follower):
                follower.poll(answers)
                assert follower.has_all(answers)
        lagging = data.draw(st.sampled_from([lagging, state]))

    for last in map(replayed, files):
        for follower in followers:
            follower.poll(last)
            assert follower.has_all(last)


def may_answer(lagging: State, follower: Follower) -> bool:
    return follower.since is None or lagging.revision_of(follower.since) is not None


def replayed(store: MemoryStore) -> State:
    state = State()
    state.apply(store.changes)
    return state


def copied(store: MemoryStore) -> MemoryStore:
    copy = MemoryStore()
    copy.changes = list(store.changes)
    return copy
