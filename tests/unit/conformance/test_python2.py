import sys
from pathlib import Path

import pytest

from conformance import python2
from conformance.errors import SuiteMissingError
from tests.unit.conformance.programs import write_program


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a Python 2.7: a folder with its `bin`, and its `pyenv`."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def write_python(path: Path) -> Path:
    """Write an interpreter that says where it is, as the probe asks."""
    return write_program(path, f"echo {path}")


def test_where_there_is_no_python2_none_is_found() -> None:
    assert python2.find_python2() is None


def test_python2_on_the_path_is_preferred(machine: Path) -> None:
    write_python(machine / "pyenv" / "versions" / "2.7.18" / "bin" / "python2.7")
    named = write_python(machine / "bin" / "python2.7")

    assert python2.find_python2() == named


def test_shim_of_pyenv_that_runs_nothing_is_passed_over(machine: Path) -> None:
    write_program(machine / "bin" / "python2.7", "exit 127")
    write_python(machine / "pyenv" / "versions" / "2.7.17" / "bin" / "python2.7")
    newest = write_python(machine / "pyenv" / "versions" / "2.7.18" / "bin" / "python2.7")

    assert python2.find_python2() == newest


def test_program_that_cannot_be_executed_is_passed_over(machine: Path) -> None:
    write_python(machine / "bin" / "python2.7").chmod(0o644)

    assert python2.find_python2() is None


def test_installed_suite_is_used_again_with_the_same_python(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def install(python: Path, environment: Path) -> None:
        made.append(python)
        write_program(environment / "python2" / "bin" / "wstest", "")

    monkeypatch.setattr(python2, "_install", install)
    one, other = Path("/one"), Path("/other")
    environment = machine / "environment"

    programs = [python2.install(python, environment) for python in (one, one, other)]

    assert made == [one, other]
    assert set(programs) == {environment / "python2" / "bin" / "wstest"}


def test_installation_that_fails_leaves_nothing_that_counts_as_installed(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = write_program(machine / "python3", "echo no such package; exit 1")
    monkeypatch.setattr(sys, "executable", str(failing))

    for _ in range(2):
        with pytest.raises(SuiteMissingError, match=r"could not be installed(?s:.*)no such"):
            python2.install(Path("/one"), machine / "environment")
