"""What the history is made of: changes of what is set on levels."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """For whom a value is set. An empty text means everybody in that respect."""

    service: str = ""
    stage: str = ""

    @property
    def kind(self) -> str:
        """What such a level is called, where a person reads it."""
        kinds = [kind for kind in ("service", "stage") if getattr(self, kind)]
        return "-".join(kinds) or COMMON

    def __str__(self) -> str:
        service = f"service {self.service!r}" if self.service else "all services"
        return f"{service}, stage {self.stage!r}" if self.stage else service


COMMON: Final = "common"

ALL: Final = Level()


def levels_of(service: str, stage: str) -> list[Level]:
    """Return the levels that reach who asks so; the later come before the earlier."""
    levels = (ALL, Level("", stage), Level(service, ""), Level(service, stage))
    return list(dict.fromkeys(levels))


@dataclass(frozen=True, slots=True)
class Target:
    """A variable on a level: what a change is about."""

    name: str
    level: Level


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that is not made yet.

    Args:
        target: What it is about.
        value: What is to be set there, as JSON; None: nothing any more.
        previous: What is set there before it, as JSON; None: nothing.
        who: The name of whoever makes it.
        why: What that one says about it.
    """

    target: Target
    value: str | None
    previous: str | None
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was made.

    Args:
        revision: Its number; the first one is 1, and none is left out.
        at: When, in microseconds since the epoch; never before the change before it.
        draft: All else.
    """

    revision: int
    at: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Selection:
    """Which changes are wanted. The defaults: all of them, the first one first.

    Args:
        after: Only those with a greater revision.
        before: Only those with a lower one.
        name: Only those of this variable.
        service: Only those of levels with this service; "" is a service like any other.
        stage: Likewise.
        limit: How many, at most.
        latest_first: Whether the last one is the first.
        first_of_each: Whether only the first one of each target is wanted.
    """

    after: int = 0
    before: int | None = None
    name: str | None = None
    service: str | None = None
    stage: str | None = None
    limit: int | None = None
    latest_first: bool = False
    first_of_each: bool = False

    def has(self, target: Target) -> bool:
        """Return whether changes of `target` are among what is wanted."""
        level = target.level
        return (
            self.name in (None, target.name)
            and self.service in (None, level.service)
            and self.stage in (None, level.stage)
        )


def written_time(at: int) -> str:
    """Return microseconds since the epoch as ISO 8601 has it, all of one length."""
    moment = datetime.fromtimestamp(at // _SECOND, UTC).replace(microsecond=at % _SECOND)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def updated_at(revision: int, at: int) -> str:
    """Return the `updated_at` of the protocol for what is there after a change.

    It grows with each change, as text: time never goes back in a history, and where it stands still
    the revision decides.
    """
    return f"{written_time(at)}{_SEPARATOR}{revision:0{_DIGITS}}"


def revision_in(updated_at: str) -> int | None:
    """Return the revision that an `updated_at` of ours would have; None if it cannot be one."""
    digits = updated_at[-_DIGITS:]
    return int(digits) if digits.isascii() and digits.isdecimal() else None


_SECOND: Final = 1_000_000
_SEPARATOR: Final = "-"
_DIGITS: Final = 12
