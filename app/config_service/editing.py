"""What may be changed, and what that makes of it: changes to be made, or an error. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from app.config_service.changes import Change, Draft, Target
from app.config_service.known_variables import KnownVariables, Problem
from app.config_service.state import State
from app.exceptions import ServiceError
from app.static_config.document import dotted

NEVER_SET: Final = 0
"""The revision that stands for what has never been set."""

_NAMED: Final = 5
"""How many services are named at most."""


class EditError(ServiceError):
    """A change is not made."""


class ChangedMeanwhileError(EditError):
    """What is there is not what the author has seen.

    Args:
        target: What has been changed; None: something.
    """

    def __init__(self, target: Target | None) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        what = f"{self.target.name}, {self.target.level}" if self.target else "the config"
        return f"{what}: changed meanwhile; look at what is there now, and decide anew"


class NotThereError(EditError):
    """There is nothing to be changed."""


class ValuesRefusedError(EditError):
    """Values that services would refuse.

    Args:
        problems: What is wrong, of each target with something wrong.
    """

    def __init__(self, problems: Mapping[Target, Collection[Problem]]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        texts = (
            f"{dotted(each.path)}: {each.text}" if each.path else each.text
            for theirs in self.problems.values()
            for each in theirs
        )
        return "; ".join(texts) + self._way_out

    @property
    def _way_out(self) -> str:
        services = {
            who for theirs in self.problems.values() for each in theirs for who in each.services
        }
        if not services:
            return ""
        named = ", ".join(sorted(services)[:_NAMED]) + ", ..." * (len(services) > _NAMED)
        return (
            f" (as handed in by {named}; a service that is gone is forgotten by"
            " DELETE /admin/api/services/NAME)"
        )


@dataclass(frozen=True, slots=True)
class Author:
    """Who wants a change.

    Args:
        who: The name of whoever it is.
        why: What that one says about it.
        seen: The revisions that the author has seen, one of which must be the present one.
        allow_unknown: Whether variables may be set that no service knows.
    """

    who: str
    why: str
    seen: Collection[int]
    allow_unknown: bool = False


def set_value(
    state: State, known: KnownVariables, target: Target, value: object, author: Author
) -> list[Draft]:
    """Return the changes that set a value, as it stands in JSON; none if it is there already.

    Raises:
        EditError: that must not be.
    """
    _raise_if_changed(state, target, author)
    previous, new = state.value(target), _written(value)
    if previous is not None and same(previous, new):
        return []
    draft = Draft(target, new, previous, author.who, author.why)
    _raise_if_refused(known, [draft], author)
    return [draft]


def remove_value(state: State, target: Target, author: Author) -> list[Draft]:
    """Return the changes that remove what is set.

    Raises:
        EditError: that must not be.
    """
    _raise_if_changed(state, target, author)
    previous = state.value(target)
    if previous is None:
        raise NotThereError(f"{target.name}, {target.level}: nothing is set")
    return [Draft(target, None, previous, author.who, author.why)]


def roll_back(
    state: State, known: KnownVariables, undone: Iterable[Change], author: Author
) -> list[Draft]:
    """Return the changes after which all is as before others, which are the last of their targets.

    Args:
        state: What is set.
        known: What services know.
        undone: The changes to undo, the first one first; those behind the first one of a target
            may be left out.
        author: Who wants it.

    Raises:
        EditError: that must not be.
    """
    if state.revision not in author.seen:
        raise ChangedMeanwhileError(None)
    before: dict[Target, str | None] = {}
    for change in undone:
        before.setdefault(change.draft.target, change.draft.previous)
    drafts = [
        Draft(target, value, state.value(target), author.who, author.why)
        for target, value in before.items()
        if not same(value, state.value(target))
    ]
    _raise_if_refused(known, drafts, author)
    return drafts


def revision_of(change: Change | None) -> int:
    """Return the revision that a target is at, by its last change."""
    return change.revision if change else NEVER_SET


def same(one: str | None, other: str | None) -> bool:
    """Return whether two texts are the same value in JSON; `1`, `1.0` and `true` are three."""
    if one is None or other is None or one == other:
        return one == other
    texts = (json.dumps(json.loads(each), sort_keys=True) for each in (one, other))
    return next(texts) == next(texts)


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _raise_if_changed(state: State, target: Target, author: Author) -> None:
    if revision_of(state.last(target)) not in author.seen:
        raise ChangedMeanwhileError(target)


def _raise_if_refused(known: KnownVariables, drafts: Iterable[Draft], author: Author) -> None:
    refused: dict[Target, list[Problem]] = {}
    for draft in drafts:
        if draft.value is None:
            continue
        name, level = draft.target.name, draft.target.level
        unknown = None if author.allow_unknown else known.unknown(name, level)
        problems = [unknown] if unknown else known.problems(name, level, json.loads(draft.value))
        if problems:
            refused[draft.target] = problems
    if refused:
        raise ValuesRefusedError(refused)
