from pathlib import Path

import pytest

from conformance import container
from tests.unit.conformance.programs import write_program


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with programs on a machine, empty at first."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_where_there_is_no_engine_none_is_found() -> None:
    assert container.find_engine() is None


def test_client_without_its_daemon_is_passed_over(programs: Path) -> None:
    write_program(programs / "docker", "exit 1")
    write_program(programs / "podman", 'test "$1" = info')

    assert container.find_engine() == "podman"


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_the_suite_runs_in_the_mounted_folder_on_the_network_of_the_host(engine: str) -> None:
    command = container.wstest_command(engine, Path("/here/reports"))

    text = " ".join(command)
    assert text.startswith(f"{engine} run --rm --init --network host --workdir /reports")
    assert "--volume /here/reports:/reports:Z" in text
    assert command[-2:] == [container.IMAGE, "wstest"]
