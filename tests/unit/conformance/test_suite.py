import json
import os
import re
import select
from pathlib import Path

import pytest

from conformance import container, python2
from conformance.errors import SuiteFailedError, SuiteMissingError
from conformance.suite import STOP_TIMEOUT, find_wstest, run_suite
from tests.unit.conformance.programs import write_program

URL = "ws://127.0.0.1:4711/chat"
ENDLESS = "echo Running test case 9.1.6; sleep 1000"


def run(program: Path, timeout: float = 30.0) -> None:
    run_suite([str(program)], program.parent, URL, ["1.1.1", "9.1.6"], timeout)


def test_the_suite_is_told_the_server_and_the_cases(tmp_path: Path) -> None:
    program = write_program(tmp_path / "wstest", 'echo "$@" > arguments; cp "$4" told')

    run(program)

    assert (tmp_path / "arguments").read_text().split()[:3] == ["--mode", "fuzzingclient", "--spec"]
    told = json.loads((tmp_path / "told").read_bytes())
    assert told["servers"] == [{"agent": "service", "url": URL}]
    assert told["cases"] == ["1.1.1", "9.1.6"]
    assert told["outdir"] == "."


def test_suite_that_fails_itself_is_an_error_with_its_output(tmp_path: Path) -> None:
    program = write_program(tmp_path / "wstest", "echo no such file >&2; exit 3")

    with pytest.raises(SuiteFailedError, match=r"exit code 3(?s:.*)no such file"):
        run(program)


def test_suite_that_hangs_is_ended_and_its_output_shows_where(tmp_path: Path) -> None:
    program = write_program(tmp_path / "wstest", ENDLESS)

    with pytest.raises(SuiteFailedError, match=r"after 2 s(?s:.*)test case 9\.1\.6"):
        run(program, timeout=2)


def test_what_the_suite_has_started_ends_with_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    reading = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    program = write_program(tmp_path / "wstest", "exec 9> alive; sleep 1000 &")

    run(program)

    ends = select.poll()
    ends.register(reading, select.POLLHUP)
    assert ends.poll(STOP_TIMEOUT * 1000), "a process still has the other end open"
    os.close(reading)


def test_python2_comes_before_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python2, "find_python2", lambda: Path("/python2.7"))
    monkeypatch.setattr(python2, "install", lambda python, folder: folder / "wstest")
    monkeypatch.setattr(container, "find_engine", lambda: "docker")

    assert find_wstest(tmp_path, Path("/reports")) == [str(tmp_path / "wstest")]


def test_without_python2_the_suite_runs_in_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python2, "find_python2", lambda: None)
    monkeypatch.setattr(container, "find_engine", lambda: "podman")

    command = find_wstest(tmp_path, Path("/reports"))

    assert command == container.wstest_command("podman", Path("/reports"))


def test_with_neither_the_error_tells_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python2, "find_python2", lambda: None)
    monkeypatch.setattr(container, "find_engine", lambda: None)

    with pytest.raises(SuiteMissingError) as raised:
        find_wstest(tmp_path, Path("/reports"))

    text = str(raised.value)
    assert re.search(r"python2\.7 is on PATH(?s:.*)pyenv install 2\.7\.18", text)
    assert f"start docker or podman, which will fetch the image {container.IMAGE}" in text
