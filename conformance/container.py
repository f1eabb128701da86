"""The suite as the container image that its authors publish."""

import os
import subprocess
from pathlib import Path
from typing import Final

IMAGE: Final = "docker.io/crossbario/autobahn-testsuite:25.10.1"

FOLDER: Final = "/reports"
"""Where the container sees the folder of the reports."""

# What makes the files that the container writes ours.
_AS_US: Final = {
    "docker": ("--user", f"{os.getuid()}:{os.getgid()}"),
    "podman": ("--userns", "keep-id"),
}


def find_engine() -> str | None:
    """Return the name of a container engine that works, if there is one.

    Its client alone is not enough: `docker` is often there without the daemon.
    """
    return next((engine for engine in _AS_US if _works(engine)), None)


def wstest_command(engine: str, folder: Path) -> list[str]:
    """Return the command that runs `wstest` in a container, arguments to be added.

    The network is the host's, where the service listens on 127.0.0.1. `:Z` labels the folder where
    there is SELinux. A SIGTERM to the engine's client ends the container, and it is removed.
    """
    options = ["--rm", "--init", "--network", "host", "--workdir", FOLDER]
    volume = ["--volume", f"{folder}:{FOLDER}:Z"]
    return [engine, "run", *options, *volume, *_AS_US[engine], IMAGE, "wstest"]


def _works(engine: str) -> bool:
    try:
        subprocess.run([engine, "info"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
