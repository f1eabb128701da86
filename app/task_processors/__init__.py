"""Executors by name: event loops in worker processes, and pools of threads."""
