"""What keeps a set of components from being a service."""

from app.exceptions import ConfigError, ServiceError


class ComponentGraphError(ConfigError):
    """The components do not fit together: one is missing, or they need each other in a circle."""


class ComponentStartError(ServiceError):
    """A component could not start; the cause is chained."""

    def __init__(self, section: str, cause: Exception) -> None:
        super().__init__(section, cause)
        self.section = section

    def __str__(self) -> str:
        return f"component {self.section!r} could not start: {self.args[1]}"
