"""How long a well-behaved client waits: for its echo, for the page, for a handshake."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from websockets.frames import Opcode

from tests.helpers.raw_client import RawClient, encode, encode_close, request_head

INTERVAL: Final = 0.01
"""Seconds from one question of a probe to the next, if the answer is there by then."""

_MESSAGE: Final = encode(Opcode.TEXT, b"hello")
_PAGE_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Latency:
    """Seconds that a client has waited."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, waits: list[float]) -> Self:
        """Return the latency of these waits, of which there must be one."""
        ordered = sorted(waits)

        def percentile(part: float) -> float:
            return ordered[math.ceil(part * len(ordered)) - 1]

        return cls(percentile(0.5), percentile(0.99), ordered[-1])


def measure(name: str, port: int, start: float, end: float) -> list[float]:
    """Ask from one point of `time.monotonic` to another, but at least once; return the waits.

    Who waits longer than the interval also counts those who would have asked meanwhile:
    otherwise the longest pauses would count least.
    """
    waits: list[float] = []
    with PROBES[name](port) as ask:
        time.sleep(max(0.0, start - time.monotonic()))
        while not waits or time.monotonic() < end:
            asked = time.monotonic()
            with contextlib.suppress(TimeoutError):  # no answer counts as one that took as long
                ask()
            wait = time.monotonic() - asked
            waits += [wait - i * INTERVAL for i in range(max(1, math.ceil(wait / INTERVAL)))]
            time.sleep(max(0.0, INTERVAL - wait))
    return waits


@contextlib.contextmanager
def _echo(port: int) -> Iterator[Callable[[], None]]:
    with RawClient(port).open() as client:

        def ask() -> None:
            client.send(_MESSAGE)
            assert client.read_frame().payload == b"hello"

        yield ask


@contextlib.contextmanager
def _page(port: int) -> Iterator[Callable[[], None]]:
    def ask() -> None:
        with RawClient(port) as client:
            client.send(_PAGE_REQUEST)
            assert client.read_head().startswith(b"HTTP/1.1 200 ")

    yield ask


@contextlib.contextmanager
def _handshake(port: int) -> Iterator[Callable[[], None]]:
    head = request_head()

    def ask() -> None:
        with RawClient(port) as client:
            client.send(head)
            assert client.read_head().startswith(b"HTTP/1.1 101 ")
            client.send(encode_close(1000))

    yield ask


PROBES: Final = {"echo": _echo, "page": _page, "handshake": _handshake}
"""The probes by name; each yields what asks once."""
