"""What is wrong with a config file, all of it at once."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from app.exceptions import ConfigError
from app.static_config.document import OptionPath, Problem, dotted


class ConfigFileError(ConfigError):
    """Config files that cannot be used: each problem in them, a line each, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        told = list(dict.fromkeys(problems))
        files = list(dict.fromkeys(problem.place.file for problem in told))
        told.sort(key=lambda each: (files.index(each.place.file), each.place.line or 0))
        super().__init__(tuple(told))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong."""
        problems: tuple[Problem, ...] = self.args[0]
        return problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class OptionError(ConfigError, ValueError):
    """Options that are well-formed by themselves, and all the same cannot be.

    Raised by a validator of a model, or by a component's constructor: by whoever does not know
    where the options stand in the file.

    Args:
        refusals: The text for each option, whose path is relative to the model or the component's
            section; () is all of it.
    """

    def __init__(self, refusals: Mapping[OptionPath, str]) -> None:
        super().__init__(dict(refusals))

    @property
    def refusals(self) -> Mapping[OptionPath, str]:
        """What is wrong with which option."""
        refusals: Mapping[OptionPath, str] = self.args[0]
        return refusals

    def __str__(self) -> str:
        return "; ".join(
            f"{dotted(path)}: {text}" if path else text for path, text in self.refusals.items()
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name that is nearest to `name`; empty if none is near."""
    if len(name) < _LONG_ENOUGH:
        return ""
    by_likeness = {_alike(each): each for each in known}
    near = difflib.get_close_matches(_alike(name), by_likeness, n=1, cutoff=_NEAR)
    return f"; did you mean {by_likeness[near[0]]!r}?" if near else ""


def _alike(name: str) -> str:
    """Return the name without what people mix up: case, and what stands between words."""
    return name.casefold().replace("_", "-")


_NEAR: Final = 0.6

_LONG_ENOUGH: Final = 3  # a shorter one is near to anything
