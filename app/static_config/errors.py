"""What is wrong with a config file, all of it at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from app.exceptions import ConfigError


class StaticConfigError(ConfigError):
    """A static config that cannot be used: the file, and each problem in it."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(f"{self.path}: {problem}" for problem in self.problems)


def describe(error: ValidationError, prefix: str = "") -> Iterator[str]:
    """Yield one line per problem that pydantic found: where, what is wrong, what was expected.

    `prefix` is the path of the validated section within its file.
    """
    for detail in error.errors(include_url=False):
        path = ".".join(filter(None, (prefix, *map(str, detail["loc"]))))
        text = _TEXTS.get(detail["type"]) or detail["msg"].removeprefix(_RAISED_BY_VALIDATOR)
        yield f"{path}: {text}{_got(detail['input'])}" if path else text


_TEXTS = {
    "extra_forbidden": "unknown option",
    "missing": "required, but not there",
}

# How pydantic begins the text of a ValueError that one of our validators has raised.
_RAISED_BY_VALIDATOR = "Value error, "


def _got(value: object) -> str:
    return f" (got {value!r})" if isinstance(value, bool | int | float | str | None) else ""
