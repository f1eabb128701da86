"""Programs in a terminal of their own: what a person sees of them, and types."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

TIMEOUT: Final = 30.0
"""Seconds for each wait: for an output, or for an end."""

_ESCAPE_SEQUENCE: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\(.|[@-Z\\-_])|\r")


class Terminal:
    """A program that runs in a terminal, in a process group of its own, until the block is left.

    Args:
        command: What to run.
        folder: Where to run it.
        environment: All of its environment variables.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._output = b""
        self._more: Final = threading.Condition()
        self._master, slave = os.openpty()
        try:
            self._process: Final = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
            )
        finally:
            os.close(slave)
        self._reader: Final = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        os.close(self._master)

    def output(self) -> str:
        """Return what is seen so far: a TAB as a space, and no escape sequences."""
        with self._more:
            text = self._output.decode(errors="replace")
        return _ESCAPE_SEQUENCE.sub("", text).replace("\t", " ")

    def wait_for(self, pattern: str) -> None:
        """Wait until the output matches the pattern somewhere."""
        deadline = time.monotonic() + TIMEOUT
        with self._more:
            while not re.search(pattern, self.output()):
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise AssertionError(f"no {pattern!r} in:\n{self.output()}")
                self._more.wait(min(left, 0.2))

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        os.write(self._master, f"{line}\n".encode())

    def interrupt(self) -> int:
        """Do what Ctrl-C does: SIGINT to all in the terminal. Returns the exit code."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit code; the output is complete then."""
        try:
            code = self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            text = f"still running after {TIMEOUT:g} s:\n{self.output()}"
            raise AssertionError(text) from None
        self._reader.join(TIMEOUT)
        return code

    def _read(self) -> None:
        # The end of a terminal is an error on Linux, and nothing to read elsewhere.
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                with self._more:
                    self._output += data
                    self._more.notify_all()
