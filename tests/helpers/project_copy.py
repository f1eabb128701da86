"""A fresh copy of this project, as somebody has it who has cloned it and run `make test`."""

import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path

from tests.helpers.service_process import PROJECT

PROGRAMS = ("lint-imports", "mypy", "ruff", "uvicorn")
"""What commands in a copy may call by name."""

FOREIGN = ("ARGS", "CONFIG", "COV", "MAKE", "MFLAGS", "PORT", "PYTEST", "PYTHON", "STATIC_", "VENV")
"""How variables begin that would lead commands back into this project, or its test run."""


def make_project_copy(folder: Path) -> None:
    """Copy what is, or is going to be, under version control; with a virtual environment."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    _make_environment(folder, folder / ".venv")


def environment_of(folder: Path) -> Mapping[str, str]:
    """Return the variables for commands in a copy, with its virtual environment activated."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # npx asks nothing.
    return {**kept, "PATH": path, "NO_COLOR": "1", "npm_config_yes": "true"}


def _make_environment(folder: Path, environment: Path) -> None:
    """Make what `make` would, without the network: our packages, and the copy of the project.

    The path file names folders only: path files in these, such as the one of an editable project,
    have no effect.
    """
    venv.create(environment, symlinks=True)
    paths = sysconfig.get_paths("venv", {"base": str(environment), "platbase": str(environment)})
    packages = Path(paths["purelib"])
    (packages / "copy.pth").write_text(f"{folder}\n{sysconfig.get_path('purelib')}\n")
    (packages / "pip.py").write_text('"""All is installed already, whatever make asks for."""\n')
    (environment / ".python").touch()
    for name in PROGRAMS:
        _install(Path(sysconfig.get_path("scripts")) / name, environment / "bin")


def _install(program: Path, folder: Path) -> None:
    """Put a program of our environment into the folder of another one; nothing if we lack it."""
    if not program.exists():
        return
    first_line, _, rest = program.read_bytes().partition(b"\n")
    if first_line.startswith(b"#!"):
        script = folder / program.name
        script.write_bytes(b"#!%s\n%s" % (bytes(folder / "python"), rest))
        script.chmod(0o755)
    else:
        (folder / program.name).symlink_to(program)
