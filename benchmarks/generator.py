"""The load generator: compiled, started, and what it prints (its source is in `load/`)."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from benchmarks.errors import BenchmarkError
from benchmarks.scenarios import Scenario, compressed, decompressed, payload
from benchmarks.times import Times

SOURCES: Final = Path(__file__).parent / "load"
COMPILERS: Final = ("cc", "gcc", "clang")
FLAGS: Final = ("-std=gnu11", "-O2", "-Wall", "-Wextra")

PATIENCE: Final = 120.0
"""Seconds that it may take longer than it measures: it opens connections, and warms up."""


@dataclass(frozen=True)
class Load:
    """What has come back in the measured time.

    Args:
        seconds: How long it was measured.
        server_cpu: Seconds of CPU of the server's processes in that time.
        own_cpu: Those of the generator.
        done: Messages that came back, or connections that ended.
        compressed: Messages that came back compressed, from the beginning on.
        times: How long they took.
    """

    seconds: float
    server_cpu: float
    own_cpu: float
    done: int
    compressed: int
    times: Times

    @classmethod
    def of(cls, line: str, sent: bytes) -> Self:
        """Read what the generator prints at last.

        Raises:
            BenchmarkError: what came back compressed is not what was sent.
        """
        document = json.loads(line)
        sample = bytes.fromhex(document.pop("sample"))
        if sample and decompressed(sample) != sent:
            raise BenchmarkError("a compressed message came back with another payload")
        document["times"] = [(longest, count) for longest, count in document["times"]]
        return cls(**document)


def build(folder: Path) -> Path:
    """Compile the generator into a folder and return its path.

    Raises:
        BenchmarkError: there is no compiler, or it fails.
    """
    compiler = next(filter(shutil.which, COMPILERS), None)
    if compiler is None:
        raise BenchmarkError(
            "the load generator is written in C, and there is no compiler"
            f" ({', '.join(COMPILERS)}); install one, with the headers of the C library (Debian:"
            " apt install gcc libc6-dev)"
        )
    program = folder / "load"
    sources = sorted(map(str, SOURCES.glob("*.c")))
    command = [compiler, *FLAGS, "-o", str(program), *sources]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        raise BenchmarkError(f"{compiler} cannot compile {SOURCES}:\n{made.stderr}")
    return program


class Generator:
    """A run of the generator against a server.

    Args:
        program: Where it was compiled to.
        scenario: What it does.
        port: The server's.
        processes: Those of the server, whose CPU counts.
        seconds: How long it measures.
        warm_up: Seconds before that.
    """

    def __init__(
        self,
        program: Path,
        scenario: Scenario,
        port: int,
        processes: list[int],
        *,
        seconds: float,
        warm_up: float,
    ) -> None:
        self._sent = payload(scenario.size)
        self._timeout = seconds + warm_up + PATIENCE
        self._command = [
            *(str(program), f"--port={port}", f"--idle={scenario.idle}"),
            *(f"--connections={scenario.connections}", f"--in-flight={scenario.in_flight}"),
            *(f"--seconds={seconds}", f"--warm-up={warm_up}"),
            f"--processes={','.join(map(str, processes))}",
            f"--payload={_file(program, 'payload', self._sent)}",
        ]
        if scenario.compressed:
            data = compressed(self._sent)
            self._command.append(f"--compressed={_file(program, 'compressed', data)}")
        if scenario.binary:
            self._command.append("--binary")
        if scenario.churn:
            self._command.append("--churn")

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Run it until the block is left."""
        with subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as self._process:
            try:
                yield self
            finally:
                self._process.kill()

    def wait_until_open(self) -> None:
        """Wait until the idle connections are open; nothing else is done until `result`.

        Raises:
            BenchmarkError: something was not as it should be.
        """
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "open\n":
            self.result()

    def result(self) -> Load:
        """Let it go on, wait for its end, and return what it has measured.

        Raises:
            BenchmarkError: something was not as it should be.
        """
        try:
            output, errors = self._process.communicate("\n", self._timeout)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"the load generator needs more than {self._timeout} s") from None
        if self._process.returncode or not output:
            raise BenchmarkError(errors.strip() or "the load generator was killed")
        return Load.of(output.splitlines()[-1], self._sent)


def _file(program: Path, name: str, data: bytes) -> Path:
    path = program.with_name(name)
    path.write_bytes(data)
    return path
