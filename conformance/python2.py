"""The suite installed for CPython 2.7, the only one that it runs on, in an environment of its own.

No Python 3 of today makes environments for 2.7 by itself: the last virtualenv that does is
installed first, together with what it needs.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from conformance.errors import SuiteMissingError

NAME: Final = "python2.7"

INSTALL_TIMEOUT: Final = 600.0
"""Seconds for one step of the installation."""

_HERE: Final = Path(__file__).parent
_VIRTUALENV: Final = _HERE / "requirements-virtualenv.txt"
_SUITE: Final = _HERE / "requirements.txt"

# A Python that was built without one of these is of no use.
_PROBE: Final = "import ssl, sys, zlib; print(sys.executable)"
_PIP: Final = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def find_python2() -> Path | None:
    """Return a Python 2.7: the one on PATH, or else one that pyenv keeps."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    kept = sorted(root.glob(f"versions/2.7*/bin/{NAME}"), reverse=True)
    return next(_working([NAME, *map(str, kept)]), None)


def install(python: Path, environment: Path) -> Path:
    """Return the program `wstest`, installed in an environment that is made if need be.

    Raises:
        SuiteMissingError: the installation failed; the text shows how.
    """
    wstest = environment / "python2" / "bin" / "wstest"
    mark = environment / "installed.txt"
    wanted = f"{python}\n{_VIRTUALENV.read_text()}{_SUITE.read_text()}"
    if not (mark.exists() and mark.read_text() == wanted and wstest.exists()):
        shutil.rmtree(environment, ignore_errors=True)
        _install(python, environment)
        mark.write_text(wanted)
    return wstest


def _working(candidates: Sequence[str]) -> Iterator[Path]:
    # pyenv's own `python2.7` on PATH may be there and run nothing.
    for candidate in candidates:
        try:
            done = subprocess.run(
                [candidate, "-c", _PROBE], capture_output=True, text=True, timeout=30, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        yield Path(done.stdout.strip())


def _install(python: Path, environment: Path) -> None:
    virtualenv, python2 = environment / "virtualenv", environment / "python2"
    data = environment / "virtualenv-data"
    _run([sys.executable, *_PIP, "--target", str(virtualenv), "--requirement", str(_VIRTUALENV)])
    make = [sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update"]
    _run(
        [*make, "--app-data", str(data), "--python", str(python), str(python2)],
        {"PYTHONPATH": str(virtualenv)},
    )
    pip = [str(python2 / "bin" / "python"), *_PIP, "--no-python-version-warning"]
    _run([*pip, "--no-deps", "--requirement", str(_SUITE)])


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SuiteMissingError(
            f"the suite could not be installed: not done after {INSTALL_TIMEOUT:.0f} s:"
            f" {' '.join(command)}"
        ) from None
    if done.returncode:
        raise SuiteMissingError(
            f"the suite could not be installed: {' '.join(command)}\n{done.stdout}"
        )
