"""Why a handler could not be written. In any case nothing has been."""


class ScaffoldError(Exception):
    """Something keeps the handler from being written, said in one line with the way out."""


class UnexpectedFileError(ScaffoldError):
    """A file does not look as expected: what belongs into it has to be written by hand."""
