"""What is set at this moment, on each level: all changes, one after the other. Pure."""

from array import array
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from app.config_service.changes import (
    Change,
    Level,
    Selection,
    Target,
    levels_of,
    revision_in,
    updated_at,
)


class State:
    """What a history has led to. Belongs to one thread."""

    def __init__(self) -> None:
        # The time of each change, by its revision: what `updated_at` is made from.
        self._times: Final = array("q", [0])
        # The last change of each variable on each level, be it a removal.
        self._last: Final[dict[Level, dict[str, Change]]] = {}
        self._set: Final[dict[Level, dict[str, Change]]] = {}
        self._last_revision: Final[dict[Level, int]] = {}
        self.latest: Change | None = None
        """The last change; None if there is none."""

    @property
    def revision(self) -> int:
        """The revision of the last change; 0 if there is none."""
        return len(self._times) - 1

    @property
    def updated_at(self) -> str:
        """A text that grows with each change."""
        return updated_at(self.revision, self._times[-1])

    def apply(self, changes: Iterable[Change]) -> None:
        """Go on to what these changes lead to; one that has been applied is passed over.

        Raises:
            ValueError: one between them and those before is missing.
        """
        for change in changes:
            if change.revision > self.revision:
                self._apply(change)

    def revision_of(self, updated_at_: str) -> int | None:
        """Return the revision after which `updated_at` was this; None if it never was."""
        revision = revision_in(updated_at_)
        if revision is None or revision > self.revision:
            return None
        is_ours = updated_at(revision, self._times[revision]) == updated_at_
        return revision if is_ours else None

    def last(self, target: Target) -> Change | None:
        """Return the last change of a variable on a level, be it a removal."""
        return self._last.get(target.level, {}).get(target.name)

    def value(self, target: Target) -> str | None:
        """Return what is set for a variable on a level, as JSON; None if nothing is."""
        change = self.last(target)
        return change.draft.value if change else None

    def present(self, selection: Selection) -> Iterator[Change]:
        """Yield the changes that have set what is set, of the targets of a selection."""
        for values in self._set.values():
            yield from (each for each in values.values() if selection.has(each.draft.target))

    def effective(self, service: str, stage: str) -> dict[str, Change]:
        """Return the changes that have set what who asks so gets, by the names of variables."""
        effective: dict[str, Change] = {}
        for level in levels_of(service, stage):
            effective |= self._set.get(level, {})
        return effective

    def touched(self, service: str, stage: str, after: int) -> set[str]:
        """Return the names of what may be another value for who asks so, since a revision."""
        return {
            name
            for level in levels_of(service, stage)
            if self._last_revision.get(level, 0) > after
            for name, change in self._last[level].items()
            if change.revision > after
        }

    def levels(self) -> Collection[Level]:
        """Return the levels on which anything was ever set."""
        return self._last.keys()

    def names_on(self, level: Level) -> Collection[str]:
        """Return the names of all that was ever set on a level."""
        return self._last.get(level, {}).keys()

    def names(self, service: str, stage: str) -> Collection[str]:
        """Return the names of all that was ever set for who asks so."""
        return self.touched(service, stage, 0)

    def _apply(self, change: Change) -> None:
        if change.revision != self.revision + 1:
            raise ValueError(f"revision {change.revision} follows {self.revision}")
        target, level = change.draft.target, change.draft.target.level
        self.latest = change
        self._times.append(change.at)
        self._last_revision[level] = change.revision
        self._last.setdefault(level, {})[target.name] = change
        values = self._set.setdefault(level, {})
        if change.draft.value is None:
            values.pop(target.name, None)
        else:
            values[target.name] = change
