"""`python -m app.scaffold` in a copy of this project: what it writes passes all that we check."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.service_process import PROJECT

NAMES = ("zebra-news-2", "aardvark")
"""Two that nobody is likely to have in this project already."""

PYTHON = Path(sys.executable)

TIMEOUT = 30.0

# These would lead the commands back into this project, or its test run.
FOREIGN = ("COV", "PYTEST", "PYTHONPATH", "STATIC_CONFIG")


def run(project: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a project, to the end."""
    return subprocess.run(
        command,
        cwd=project,
        env={name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def project_files() -> Sequence[Path]:
    """Return the files of this project that are, or are going to be, under version control."""
    if shutil.which("git") is None or not (PROJECT / ".git").exists():
        pytest.skip("which files belong to the project is not known: no git here")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    names = dict.fromkeys(listed.stdout.rstrip("\0").split("\0"))
    return [Path(name) for name in names if (PROJECT / name).is_file()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, with two handlers more."""
    copy = tmp_path_factory.mktemp("project")
    for path in project_files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / path, copy / path)
    for name in NAMES:
        scaffold = run(copy, PYTHON, "-m", "app.scaffold", name)
        assert scaffold.returncode == 0, scaffold.stdout
    return copy


def test_handlers_pass_their_tests(project: Path) -> None:
    tests = [f"tests/functional/test_{name.replace('-', '_')}.py" for name in NAMES]

    result = run(project, PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-q", *tests)

    assert result.returncode == 0, result.stdout
    assert "4 passed" in result.stdout


def test_handlers_are_in_the_config(project: Path) -> None:
    result = run(project, PYTHON, "-m", "app", "--check-config")

    assert result.returncode == 0, result.stdout
    for name in NAMES:
        assert f"    {name}: /{name} (WebSocket)\n" in result.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--no-cache", "--check"),
        ("lint-imports", "--no-cache"),
    ],
)
def test_handlers_are_in_good_style(project: Path, command: Sequence[str]) -> None:
    program = PYTHON.parent / command[0]
    if not program.exists():
        pytest.skip(f"{command[0]}, an extra of this project, is not installed")

    result = run(project, program, *command[1:])

    assert result.returncode == 0, result.stdout


def test_handler_of_the_same_name_is_refused(project: Path) -> None:
    result = run(project, PYTHON, "-m", "app.scaffold", NAMES[0])

    assert result.returncode == 1
    assert result.stdout == (
        f"app/{NAMES[0].replace('-', '_')} is already there; choose another name\n"
    )
