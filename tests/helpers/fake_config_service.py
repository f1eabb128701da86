"""A config service that does as it is told: a real HTTP server in a thread, on 127.0.0.1."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from typing_extensions import override

TIMEOUT: Final = 10.0

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has come: when (a monotonic clock), for what, and what it said."""

    at: float
    target: str
    headers: Mapping[str, str]
    document: Values


@dataclass(slots=True)
class _Set:
    """What is set for one service, stage, or for all; and when each name was last touched."""

    values: Values = field(default_factory=dict)
    touched: dict[str, str] = field(default_factory=dict)


Level = tuple[str | None, str | None]
"""A service, or None for all, and a stage, or None for all."""

Failure = Callable[["_Request"], None]


class ConfigStore:
    """The values of a config service and its clock, which goes on with each change."""

    def __init__(self) -> None:
        self._sets: dict[Level, _Set] = {}
        self._seconds = 1000

    @property
    def now(self) -> str:
        return datetime.fromtimestamp(self._seconds, UTC).isoformat()

    def set(
        self, name: str, value: object, *, service: str | None = None, stage: str | None = None
    ) -> None:
        """Set a value, for all or for a service or a stage."""
        self._touch(name, (service, stage)).values[name] = value

    def remove(self, name: str, *, service: str | None = None, stage: str | None = None) -> None:
        """Let a variable have no value any more."""
        self._touch(name, (service, stage)).values.pop(name, None)

    def forget(self, name: str) -> None:
        """Remove a variable without a trace, so that incremental answers do not tell of it."""
        self._sets[None, None] = _Set(
            {key: value for key, value in self._sets[None, None].values.items() if key != name}
        )

    def step_clock(self, seconds: int) -> None:
        """Let the clock jump."""
        self._seconds += seconds

    def values_for(self, service: str | None = None, stage: str | None = None) -> Values:
        """Return the values of a service in a stage."""
        found: Values = {}
        for each in self._sets_of(service, stage):
            found |= each.values
        return found

    def answer(self, asked: Values) -> Values:
        """Return what is answered to a request."""
        service, stage = asked.get("service"), asked.get("stage_name")
        since = asked.get("updated_since")
        configs = self.values_for(service, stage)
        removed: list[str] = []
        if since is not None:
            touched = {
                name
                for each in self._sets_of(service, stage)
                for name, at in each.touched.items()
                if at > since
            }
            removed = sorted(touched - configs.keys())
            configs = {name: value for name, value in configs.items() if name in touched}
        if "ids" in asked:
            configs = {name: value for name, value in configs.items() if name in asked["ids"]}
            removed = [name for name in removed if name in asked["ids"]]
        return {"configs": configs, "removed": removed, "updated_at": self.now}

    def _touch(self, name: str, level: Level) -> _Set:
        self._seconds += 1
        found = self._sets.setdefault(level, _Set())
        found.touched[name] = self.now
        return found

    def _sets_of(self, service: str | None, stage: str | None) -> list[_Set]:
        levels = dict.fromkeys([(None, None), (None, stage), (service, None), (service, stage)])
        return [self._sets[level] for level in levels if level in self._sets]


class FakeConfigService(ConfigStore):
    """Serves the protocol of config services until the block is left.

    It also answers requests that were meant for another host, as a proxy would.

    Args:
        port: Where; by default a port that is free.
        tls: Makes it speak TLS.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.connections = 0
        self._tls = tls
        self._failure: Failure | None = None
        # The only path at which it fails; None: at each.
        self.failing_path: str | None = None
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.port = port

    def __enter__(self) -> Self:
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def come_back(self) -> None:
        """Accept connections, on the port of before."""
        self._released.clear()
        self._server = _Server(self, self.port)
        self.port = self._server.server_address[1]
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.02,), daemon=True)
        self._thread.start()

    def go_away(self) -> None:
        """Accept no connections any more, and cut those that there are; harmless a second time."""
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        self._released.set()
        server.shutdown()
        self._thread.join(TIMEOUT)
        server.cut_connections()
        server.server_close()

    # How it fails.

    def work(self) -> None:
        """Fail no more."""
        self._failure = None

    def fail(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer with this status."""
        self._failure = lambda request: request.answer(status, body, headers)

    def send(self, body: bytes, **headers: str) -> None:
        """Answer 200 with this body."""
        self.fail(200, body, **headers)

    def hang(self) -> None:
        """Take the request and say nothing."""

        def wait(_: "_Request") -> None:
            self.wait_until_gone()

        self._failure = wait

    def hang_in_the_middle(self) -> None:
        """Begin an answer and do not end it."""

        def begin(request: "_Request") -> None:
            request.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            self.wait_until_gone()

        self._failure = begin

    def drip(self) -> None:
        """Answer byte by byte, without an end."""

        def drip(request: "_Request") -> None:
            request.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not self.wait_until_gone(0.01):
                request.write(b"1\r\n \r\n")

        self._failure = drip

    def flood(self) -> None:
        """Answer as fast as may be, without an end."""

        def flood(request: "_Request") -> None:
            request.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not self.wait_until_gone(0):
                request.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

        self._failure = flood

    def cut(self) -> None:
        """End the connection in the middle of the answer."""

        def cut(request: "_Request") -> None:
            request.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            request.close_connection = True

        self._failure = cut

    # What has happened.

    def times(self, after: int = 0) -> list[float]:
        """Return when requests came."""
        return [each.at for each in self.asked[after:]]

    def wait_for_requests(self, count: int = 1, timeout: float = TIMEOUT) -> Asked:
        """Wait for so many requests more than there have been now, and return the last of them."""
        return self.wait_for_total(len(self.asked) + count, timeout)

    def wait_for_total(self, total: int, timeout: float = TIMEOUT) -> Asked:
        """Wait until there have been so many requests, and return the last of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= total, timeout), self.asked
            return self.asked[total - 1]

    def wait_until_gone(self, timeout: float | None = None) -> bool:
        return self._released.wait(timeout)

    def take(self, request: "_Request") -> None:
        """Note a request and answer it."""
        length = int(request.headers.get("Content-Length", "0"))
        document = json.loads(request.rfile.read(length) or b"{}")
        asked = Asked(time.monotonic(), request.path, dict(request.headers.items()), document)
        failure = self._failure
        body = json.dumps(self.answer(document)).encode()
        with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()
        if failure is not None and self.failing_path in (None, request.path):
            failure(request)
        else:
            request.answer(200, body, {"Content-Type": "application/json"})


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        self.server.service.take(self)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def write(self, data: bytes) -> None:
        self.wfile.write(data)

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, service: FakeConfigService, port: int) -> None:
        self.service = service
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Request)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        self.service.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    @override
    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients go when they like."""

    def cut_connections(self) -> None:
        for each in tuple(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
