"""Why the dynamic config could not be updated."""

from app.exceptions import ServiceError


class UpdateError(ServiceError):
    """New values could not be had: from where, and why."""


class NoValuesError(ServiceError):
    """The service has no values to start with, and says what to do."""
