"""What is wrong with values of the dynamic config, all of it at once."""

from collections.abc import Sequence

from app.exceptions import ConfigError


class DynamicConfigError(ConfigError):
    """Values that cannot be used: where they came from, and each problem in them."""

    def __init__(self, origin: str, problems: Sequence[str]) -> None:
        super().__init__(origin, problems)
        self.origin = origin
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(f"{self.origin}: {problem}" for problem in self.problems)
