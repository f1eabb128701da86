"""Kept copies of data: least recently used, periodically updated, dumped to disk."""
