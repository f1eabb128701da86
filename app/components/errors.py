"""What keeps a set of components from being a service."""

from collections.abc import Mapping

from app.exceptions import ConfigError, ServiceError
from app.static_config.errors import OptionError


class ComponentGraphError(ConfigError):
    """The components do not fit together: one is missing, or they need each other in a circle."""


class MissingSectionError(ConfigError):
    """A component is needed, and not there: the static config has no section for it."""

    def __init__(self, section: str, needed_by: str) -> None:
        super().__init__(section, needed_by)
        self.section = section
        self.needed_by = needed_by

    def __str__(self) -> str:
        return (
            f"the section {self.section!r} is missing or has 'load-enabled: false': component"
            f" {self.needed_by!r} needs it"
        )


class RefusedError(ConfigError):
    """Components have refused their options: what each one says, by its section."""

    def __init__(self, refusals: Mapping[str, OptionError]) -> None:
        super().__init__(dict(refusals))

    @property
    def refusals(self) -> Mapping[str, OptionError]:
        """What each component has refused, by its section."""
        refusals: Mapping[str, OptionError] = self.args[0]
        return refusals

    def __str__(self) -> str:
        return "\n".join(f"{section}: {error}" for section, error in self.refusals.items())


class ComponentStartError(ServiceError):
    """A component could not start; the cause is chained."""

    def __init__(self, section: str, cause: Exception) -> None:
        super().__init__(section, cause)
        self.section = section

    def __str__(self) -> str:
        return f"component {self.section!r} could not start: {self.args[1]}"
