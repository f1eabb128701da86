"""The servers that are compared: what each is, and how it is started on a core of its own."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from websockets.frames import Opcode

from benchmarks.errors import BenchmarkError
from benchmarks.processes import family
from tests.helpers.raw_client import RawClient, encode
from tests.helpers.service_process import (
    PROJECT,
    START_TIMEOUT,
    ServiceProcess,
    components_of,
    free_port,
    original_config,
    wait_until,
    write_config,
)

_PINNED: Final = PROJECT / "benchmarks" / "pinned.py"
_COMPILED: Final = PROJECT / ".venv-compiled" / "bin" / "python"

Arguments = Callable[[int, Path, bool], Sequence[str]]
"""What follows `python`: made of a port, a folder for files, and whether to compress."""


@dataclass(frozen=True)
class Server:
    """An echo at /chat on 127.0.0.1, in one process that does the work.

    Args:
        name: What the command line and the tables call it.
        description: What it is, for the reader of a table.
        loop: The event loop that it runs on.
        packages: What it is made of.
        arguments: How to start it.
        deflates: Whether it can compress.
        folder: Where it is started.
        python: What runs it, with the first arguments.
    """

    name: str
    description: str
    loop: str
    packages: tuple[str, ...]
    arguments: Arguments
    deflates: bool = True
    folder: Path = PROJECT
    python: tuple[str, ...] = (sys.executable,)

    def versions(self) -> dict[str, str]:
        """Return the versions of what it is made of.

        Raises:
            BenchmarkError: something is not installed.
        """
        if not Path(self.python[0]).exists():
            raise BenchmarkError(f"{self.name}: no {self.python[0]}; `make bench` makes it")
        try:
            return {name: version(name) for name in self.packages}
        except PackageNotFoundError as error:
            raise BenchmarkError(
                f"{self.name}: {error.name} is not installed; `make bench` installs it"
            ) from None


def _ours(
    port: int, folder: Path, compressed: bool, *, workers: int = 1, reuse_port: bool = False
) -> Sequence[str]:
    document = original_config()
    components = components_of(document)
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = workers
    components["server"]["listener"].update(port=port, address="127.0.0.1")
    if reuse_port:
        components["server"]["listener"]["reuse-port"] = True
    components["logging"]["loggers"]["default"]["file_path"] = str(folder / "log")
    if compressed:
        components["websocket-handler"]["compression"] = {"enabled": True}
    return "-m", "app", "-c", str(write_config(folder, document))


def _stock(port: int, folder: Path, compressed: bool) -> Sequence[str]:
    # The access log is two lines for each connection, which go to a terminal by default.
    options = ("--log-level=warning", "--no-access-log", "--backlog=1024")
    return "-m", "uvicorn", "benchmarks.stock_echo:app", f"--port={port}", *options


def _echo(name: str) -> Arguments:
    def arguments(port: int, folder: Path, compressed: bool) -> Sequence[str]:
        return "-m", f"benchmarks.echoes.{name}_echo", str(port), *(["deflate"] * compressed)

    return arguments


_OURS: Final = Server(
    "ours",
    "this service as it ships: the original's config, log level debug, log in a file",
    "uvloop",
    ("websocket-service", "uvicorn", "starlette", "websockets", "uvloop", "httptools"),
    _ours,
)

BASELINE: Final = "uvicorn"
"""The server that others are compared with."""

SERVERS: Final = {
    each.name: each
    for each in (
        _OURS,
        replace(
            _OURS,
            name="ours-compiled",
            description="the same, installed from the wheel of `make wheel`",
            # Neither app/ of the current directory nor what PYTHONPATH names.
            python=(str(_COMPILED), "-I"),
        ),
        Server(
            BASELINE,
            "Uvicorn's default classes and Starlette, no access log",
            "uvloop",
            ("uvicorn", "starlette", "websockets", "uvloop", "httptools"),
            _stock,
        ),
        Server(
            "websockets",
            "websockets' asyncio server",
            "uvloop",
            ("websockets", "uvloop"),
            _echo("websockets"),
        ),
        Server("aiohttp", "aiohttp's server", "uvloop", ("aiohttp", "uvloop"), _echo("aiohttp")),
        Server(
            "picows.websockets",
            "picows' layer for websockets",
            "uvloop",
            ("picows", "aiofastnet", "uvloop"),
            _echo("picows_websockets"),
        ),
        Server(
            "picows",
            "picows' core in Cython: a callback for each frame, no messages, no UTF-8 check",
            "uvloop",
            ("picows", "aiofastnet", "uvloop"),
            _echo("picows"),
            deflates=False,
        ),
        Server("socketify", "µWebSockets in C++", "libuv", ("socketify",), _echo("socketify")),
    )
}


def checkout(folder: Path) -> Server:
    """Return our service as it is in another folder.

    Raises:
        BenchmarkError: it is not there.
    """
    folder = folder.resolve()
    if not (folder / "app" / "__main__.py").exists():
        raise BenchmarkError(f"{folder}: no checkout of this project; it has no app/__main__.py")
    return replace(_OURS, name=folder.name, description=str(folder), folder=folder)


def several_workers(count: int, *, reuse_port: bool = False) -> Server:
    """Return our service with more than one worker, which share a listening socket or do not."""

    def arguments(port: int, folder: Path, compressed: bool) -> Sequence[str]:
        return _ours(port, folder, compressed, workers=count, reuse_port=reuse_port)

    return replace(_OURS, arguments=arguments)


@dataclass(frozen=True)
class RunningServer:
    """A server that has answered."""

    port: int
    processes: list[int]


@contextlib.contextmanager
def running(server: Server, *, cores: Iterable[int], compressed: bool) -> Iterator[RunningServer]:
    """Run a server on some cores until the block is left.

    Raises:
        BenchmarkError: it does not start, or does not echo.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        arguments = server.arguments(port, Path(folder), compressed)
        pinned = [sys.executable, str(_PINNED), ",".join(map(str, cores)), str(server.folder)]
        with ServiceProcess([*pinned, *server.python, *arguments]) as process:
            try:
                wait_until(lambda: _echoes(port, process), START_TIMEOUT)
            except AssertionError as error:
                raise BenchmarkError(f"does not start: {error}\n{process.log()}") from None
            yield RunningServer(port, family(process.process.pid))


def _echoes(port: int, process: ServiceProcess) -> bool:
    """Tell whether it answers; what answers wrongly is an AssertionError."""
    assert process.process.poll() is None, "it has ended"
    with contextlib.suppress(ConnectionRefusedError), RawClient(port).open() as client:
        client.send(encode(Opcode.TEXT, b"hello"))
        assert client.read_frame().payload == b"hello"
        return True
    return False
