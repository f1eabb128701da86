"""What can go wrong with a benchmark."""


class BenchmarkError(Exception):
    """Something cannot be measured; the text says why, and what to do."""
