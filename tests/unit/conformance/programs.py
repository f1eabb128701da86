"""Programs that stand in for those that a machine may have."""

from pathlib import Path


def write_program(path: Path, body: str) -> Path:
    """Write a shell script, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
