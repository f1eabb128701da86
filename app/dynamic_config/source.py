"""Where the code of the service gets its snapshots from, and is told of new ones."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from app.dynamic_config.snapshot import Snapshot, parse_values
from app.dynamic_config.variable import Variable
from app.static_config.document import Document, OptionPath, Problem, dotted
from app.static_config.errors import ConfigFileError, OptionError

logger = logging.getLogger(__name__)

Subscriber = Callable[[Snapshot], None]
"""Is told of new values."""

Check = Callable[[Snapshot], Iterable[tuple[OptionPath, str]]]
"""Yields what must not be in a snapshot: a path that begins with a variable's name, and a text."""

FALLBACK: Final = "fallback values"
"""The origin of the values that a service has before it was given any."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An update that came to nothing: when (seconds since the epoch), and why."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Status:
    """Which values are the present ones.

    Args:
        revision: What their origin calls this version of them; "" if it has no name.
        origin: Where they are from: a file, a URL.
        since: When they came, in seconds since the epoch.
        error: The last update, if it came to nothing; these values have stayed then.
    """

    revision: str
    origin: str
    since: float
    error: Failure | None = None


class Source:
    """The present values of a service's variables. Hold the source; take a snapshot to read.

    `snapshot` is an attribute that is never assigned by others: what it holds is immutable, and may
    be taken and read in any thread. All else belongs to one event loop's thread.

    Args:
        variables: Those that there are.
        fallback: Their values at first, and of each variable that an update says nothing of.
        clock: Seconds since the epoch; only shown, in `status`.
    """

    __slots__ = (
        "_checks",
        "_clock",
        "_fallback",
        "_status",
        "_subscriptions",
        "_variables",
        "snapshot",
    )

    def __init__(
        self,
        variables: Iterable[Variable[Any]],
        fallback: Snapshot,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.snapshot = fallback
        self._variables = tuple(variables)
        self._fallback = fallback
        self._clock = clock
        self._status = Status("", FALLBACK, clock())
        self._subscriptions: list[Subscription] = []
        self._checks: list[Check] = []

    @property
    def variables(self) -> tuple[Variable[Any], ...]:
        """The variables that there are."""
        return self._variables

    # For those who read variables.

    def subscribe(self, subscriber: Subscriber, *variables: Variable[Any]) -> "Subscription":
        """Call `subscriber` now, and whenever one of `variables` has got another value.

        Later calls come one after the other, in the order of the subscriptions. What the subscriber
        raises then is logged, and keeps nobody else from being told; what it raises now is the
        caller's.
        """
        subscription = Subscription(subscriber, variables, self.snapshot, self._subscriptions)
        subscriber(self.snapshot)
        self._subscriptions.append(subscription)
        return subscription

    def add_check(self, check: Check) -> None:
        """Let `check` refuse updates, for what the type of a variable cannot know.

        Raises:
            OptionError: it refuses the present values.
        """
        refused = [f"{dotted(path)}: {text}" for path, text in check(self.snapshot)]
        if refused:
            raise OptionError({(): "; ".join(refused)})
        self._checks.append(check)

    # For who brings values.

    def update(
        self, document: Document, origin: str, revision: str = "", *, known_only: bool = False
    ) -> list[str]:
        """Make these the present values, all or none; return the names of those that are others.

        A variable that the document does not name has its fallback value.

        Args:
            document: An object with the names of variables and their values.
            origin: Where it is from.
            revision: What its origin calls this version.
            known_only: Pass over names that no variable has, instead of refusing them.

        Raises:
            ConfigFileError: each variable, path and value that is not good. The old values stay.
        """
        try:
            parsed = parse_values(document, self._variables, known_only=known_only)
            new = self._fallback | parsed
            self._raise_if_refused(new, document)
        except ConfigFileError as error:
            self.fail(str(error))
            raise
        changed = new.changed(self.snapshot, self._variables)
        self._status = Status(revision, origin, self._clock())
        if changed:
            self.snapshot = new
            self._tell()
        return changed

    def confirm(self, revision: str) -> None:
        """Note that the last update went well, and brought nothing but this name of the values."""
        self._status = replace(self._status, revision=revision, error=None)

    def fail(self, text: str) -> None:
        """Note that an update came to nothing; the values stay."""
        self._status = replace(self._status, error=Failure(self._clock(), text))

    def status(self) -> Status:
        """Return which values are the present ones, and what became of the last update."""
        return self._status

    # Private.

    def _raise_if_refused(self, snapshot: Snapshot, document: Document) -> None:
        problems = [
            Problem(document.places.of(path), path, text)
            for check in self._checks
            for path, text in check(snapshot)
        ]
        if problems:
            raise ConfigFileError(problems)

    def _tell(self) -> None:
        # One that is told may subscribe, cancel, or even update: each is compared with what it was
        # told last, and told what is true now.
        for subscription in tuple(self._subscriptions):
            if subscription.is_behind(self.snapshot):
                subscription.tell(self.snapshot)


class Subscription:
    """What `Source.subscribe` returns: lasts until it is cancelled."""

    __slots__ = ("_among", "_is_cancelled", "_subscriber", "_told", "_variables")

    def __init__(
        self,
        subscriber: Subscriber,
        variables: tuple[Variable[Any], ...],
        told: Snapshot,
        among: "list[Subscription]",
    ) -> None:
        self._subscriber = subscriber
        self._variables = variables
        # The snapshot that the subscriber knows.
        self._told = told
        self._among = among
        self._is_cancelled = False

    def cancel(self) -> None:
        """Call the subscriber no more; harmless a second time."""
        self._is_cancelled = True
        if self in self._among:
            self._among.remove(self)

    def is_behind(self, snapshot: Snapshot) -> bool:
        """Return whether the subscriber is to be told of `snapshot`."""
        return not self._is_cancelled and bool(snapshot.changed(self._told, self._variables))

    def tell(self, snapshot: Snapshot) -> None:
        """Call the subscriber, and log what it raises."""
        self._told = snapshot
        try:
            self._subscriber(snapshot)
        except Exception:
            names = ", ".join(each.name for each in self._variables)
            logger.exception("a subscriber of %s failed", names)
