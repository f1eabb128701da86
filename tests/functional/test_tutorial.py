"""docs/tutorial.md does what it says: all its blocks, in order, in a fresh copy of this project.

The words behind the fence of a block say what is done with it. GitHub shows only the first one, and
takes that for the language.

- `python title=PATH`, any language: the file is written; it must not be there.
- `yaml append=PATH`, any language: what is written at the end of the file.
- `diff title=PATH`: changes, with `@@` between them; the lines without `+` must be in the file, at
  one place.
- `console`: commands, each behind `$ `, and what is seen of each. They run in one shell; one that
  fails must be followed by `echo $?`.
- `console service`: one command, whose output begins so. It runs until the next one, or the next
  section; then it gets Ctrl-C and must leave with exit code 0 (make: by the signal).
- `console log`: lines that the service has written since, or does so soon.
- `console conversation`: a WebSocket client: what is typed, behind `> `, and what is answered,
  behind `< `. It is held twice: by a client of ours, and in wscat.

Any other block is an error. `...` stands for any text in a line and, alone, for any lines; the
number in `FILE:7:` for that of any line. The ports 8080 and 8081 are replaced by free ones,
everywhere.
"""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import pytest
from websockets.sync.client import connect

from tests.helpers.markdown import Block, anchors_of, blocks_of, links_of
from tests.helpers.project_copy import environment_of, make_project_copy
from tests.helpers.service_process import PROJECT, free_port
from tests.helpers.terminal import TIMEOUT, Terminal

TUTORIAL: Final = PROJECT / "docs" / "tutorial.md"

STATIC_CONFIG: Final = Path("config/static_config.yaml")

PORTS: Final = ("8080", "8081")

EXIT_CODES: Final = {"make": -signal.SIGINT}
"""What a service that was started so leaves with after Ctrl-C; 0 if it was started otherwise."""

NPX_TIMEOUT: Final = 20.0

MARK: Final = "\x1e"

CHECKERS: Final = ("ruff check", "ruff format --check", "lint-imports", "mypy")
"""What the code on the page passes as all other code does."""


class Tutorial:
    """Somebody who does what the tutorial says.

    Args:
        folder: A copy of the project.
    """

    def __init__(self, folder: Path, subtests: pytest.Subtests) -> None:
        self._folder: Final = folder
        self._environment: Final = environment_of(folder)
        self._subtests: Final = subtests
        self._service: Terminal | None = None
        self._service_command = ""
        self._section = ""
        # The sources of Python.
        self.written: Final[list[Path]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._stop_service(expected=error is None)

    def do(self, block: Block) -> None:
        """Do what one block says."""
        if block.section != self._section:
            self._section = block.section
            self._stop_service()
        actions = {
            (): self._run_commands,
            ("service",): self._start_service,
            ("log",): self._read_log,
            ("conversation",): self._talk,
        }
        language, *rest = block.info or ("",)
        if language == "console" and tuple(rest) in actions:
            actions[tuple(rest)](block)
        else:
            self._edit(block)

    def _edit(self, block: Block) -> None:
        match block.info:
            case ("diff", where) if where.startswith("title="):
                self._change(self._path(where), block.text)
            case (_, where) if where.startswith("title="):
                self._write(self._path(where), block.text)
            case (_, where) if where.startswith("append="):
                with self._path(where).open("a") as file:
                    file.write(block.text)
            case _:
                raise AssertionError(f"no rule for a block {' '.join(block.info)!r}")

    def _path(self, where: str) -> Path:
        return self._folder / where.partition("=")[2]

    def _write(self, path: Path, text: str) -> None:
        assert not path.exists(), f"{path} is there already"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        if path.suffix == ".py":
            self.written.append(path)

    def _change(self, path: Path, diff: str) -> None:
        for hunk in diff.split("@@\n"):
            lines = [(line[0], line[1:]) for line in hunk.splitlines(keepends=True)]
            assert {sign for sign, _ in lines} <= {" ", "+", "-"}, f"no diff:\n{hunk}"
            before = "".join(line for sign, line in lines if sign != "+")
            after = "".join(line for sign, line in lines if sign != "-")
            # From the beginning of a line on.
            text = f"\n{path.read_text()}"
            assert text.count(f"\n{before}") == 1, f"not at one place in {path}:\n{before}"
            path.write_text(text.replace(f"\n{before}", f"\n{after}")[1:])

    def _run_commands(self, block: Block) -> None:
        commands = list(_commands_of(block.text))
        # A mark and the exit code behind each command, which the next one finds in $?.
        script = "\n".join(
            f"{command}\ncode=$?; printf '{MARK}%d{MARK}' $code; (exit $code)"
            for command, _ in commands
        )
        with Terminal(["bash", "-c", script], self._folder, self._environment) as terminal:
            terminal.wait()
            results = terminal.output().split(MARK)
        assert len(results) == 2 * len(commands) + 1, f"ended too early:\n{results}"
        for number, (command, expected) in enumerate(commands):
            output, code = results[2 * number : 2 * number + 2]
            assert re.fullmatch(_pattern_of(expected), f"{output.rstrip()}\n"), (
                f"$ {command}\n{output}"
            )
            following = commands[number + 1][0] if number + 1 < len(commands) else ""
            assert code == "0" or following == "echo $?", f"$ {command}\n{output}exit code {code}"

    def _start_service(self, block: Block) -> None:
        self._stop_service()
        [(command, expected)] = _commands_of(block.text)
        self._service_command = command
        shell = ["bash", "-c", f"exec env {command}"]
        self._service = Terminal(shell, self._folder, self._environment)
        self._service.wait_for(rf"\A{_pattern_of(expected)}")

    def _read_log(self, block: Block) -> None:
        assert self._service is not None, "no service runs"
        self._service.wait_for(rf"(?m)^{_pattern_of(block.text)}")

    def _stop_service(self, *, expected: bool = True) -> None:
        """Press Ctrl-C where a service runs, if one does; or kill it if something went wrong."""
        if self._service is None:
            return
        with self._service as service:
            self._service = None
            if expected:
                code = service.interrupt()
                program = self._service_command.split()[0]
                assert code == EXIT_CODES.get(program, 0), f"exit code {code}:\n{service.output()}"

    def _talk(self, block: Block) -> None:
        [(command, dialogue)] = _commands_of(block.text)
        lines = dialogue.splitlines()
        _talk_as_we_do(re.search(r"ws://[^\s']+", command)[0], lines)  # type: ignore[index]
        with self._subtests.test("wscat"):
            _skip_without_wscat(self._folder, self._environment)
            shell = ["bash", "-c", f"exec {command}"]
            with Terminal(shell, self._folder, self._environment) as wscat:
                for number, line in enumerate(lines):
                    if line.startswith("> "):
                        wscat.type(line.removeprefix("> "))
                    seen = ".*".join(map(re.escape, lines[: number + 1]))
                    wscat.wait_for(f"(?s){seen}")


def _commands_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console and what is seen of it."""
    assert text.startswith("$ "), f"expected a command:\n{text}"
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output or "\n"


def _pattern_of(output: str) -> str:
    """Return a regular expression for an output in which some parts stand for what varies."""
    patterns = {"...\n": r"(?:.*\n)*?", "...": ".*"}
    parts = re.split(r"(^\.\.\.\n|\.\.\.|(?<=:)\d+(?=:))", output, flags=re.MULTILINE)
    # Every second one is what was split at.
    return "".join(
        patterns.get(part, r"\d+") if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )


def _talk_as_we_do(url: str, lines: list[str]) -> None:
    with connect(url, proxy=None, open_timeout=TIMEOUT) as chat:
        for line in lines:
            if line.startswith("> "):
                chat.send(line.removeprefix("> "))
            elif line.startswith("< "):
                assert chat.recv(TIMEOUT) == line.removeprefix("< ")


def _skip_without_wscat(folder: Path, environment: Mapping[str, str]) -> None:
    if shutil.which("npx") is None:
        pytest.skip("no npx here, which would fetch wscat")
    try:
        subprocess.run(
            ["npx", "wscat", "--version"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=NPX_TIMEOUT,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        pytest.skip(f"npx cannot fetch wscat: {error}")


def _with_free_ports(text: str, ports: Mapping[str, str]) -> str:
    return re.sub("|".join(ports), lambda port: ports[port.group()], text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh copy of this project, which imports nothing of this one."""
    for program in ("git", "make", "bash", "curl"):
        if shutil.which(program) is None:
            pytest.skip(f"the tutorial needs {program}")
    make_project_copy(tmp_path)
    command = ["python", "-c", "import app; print(app.__file__)"]
    with Terminal(command, Path("/"), environment_of(tmp_path)) as python:
        python.wait()
        assert python.output() == f"{tmp_path}/app/__init__.py\n"
    return tmp_path


@pytest.mark.timeout(120)
def test_tutorial_does_what_it_says(project: Path, subtests: pytest.Subtests) -> None:
    ports = {port: str(free_port()) for port in PORTS}
    config = project / STATIC_CONFIG
    config.write_text(_with_free_ports(config.read_text(), ports))

    with Tutorial(project, subtests) as tutorial:
        for block in blocks_of(_with_free_ports(TUTORIAL.read_text(), ports)):
            try:
                tutorial.do(block)
            except BaseException as error:
                error.add_note(f"{TUTORIAL}:{block.line}")
                raise

    for checker in CHECKERS:
        with subtests.test(checker):
            _check(project, checker.split(), tutorial.written)


def _check(project: Path, checker: Sequence[str], files: Sequence[Path]) -> None:
    if not (project / ".venv" / "bin" / checker[0]).exists():
        pytest.skip(f"{checker[0]}, an extra of this project, is not installed")
    names = [] if checker[0] == "lint-imports" else [str(path) for path in files]
    with Terminal([*checker, *names], project, environment_of(project)) as terminal:
        assert terminal.wait() == 0, terminal.output()


def test_all_that_the_tutorial_links_to_is_there() -> None:
    links = [link for link in links_of(TUTORIAL.read_text()) if "://" not in link]
    for link in links:
        path, _, anchor = link.partition("#")
        target = TUTORIAL.parent / path if path else TUTORIAL
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target.read_text()), link
