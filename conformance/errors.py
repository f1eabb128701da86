"""The errors of a conformance run. Their texts say what is wrong and the way out."""


class ConformanceError(Exception):
    """The suite could not be run, or not to its end."""


class UnknownCaseError(ConformanceError):
    """The command line names a case that the suite does not have."""


class SuiteMissingError(ConformanceError):
    """There is nothing here that the suite could run on, or it could not be installed."""


class SuiteFailedError(ConformanceError):
    """The suite was started, and did not come to its end by itself."""
