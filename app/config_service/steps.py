"""How much one check may do: bounded, whatever the schema and the value are."""

from typing import Final

MAX_STEPS: Final = 100_000
"""Steps of the check of one value: below a tenth of a second, on an event loop."""

MANY_STEPS: Final = 10 * MAX_STEPS
"""Steps of all checks of what a service hands in, or of a list of values: below a second."""


class TooManyStepsError(Exception):
    """A check would take too long."""


class Steps:
    """The steps that are left, for one check or for several.

    Args:
        left: How many.
        of: Those that these are a part of.
    """

    def __init__(self, left: int = MAX_STEPS, *, of: "Steps | None" = None) -> None:
        self._left = left
        self._of: Final = of

    def take(self, steps: int = 1) -> None:
        """Take steps before they are done; about a microsecond each.

        Raises:
            TooManyStepsError: so many are not left.
        """
        self._left -= steps
        if self._left < 0:
            raise TooManyStepsError
        if self._of is not None:
            self._of.take(steps)
