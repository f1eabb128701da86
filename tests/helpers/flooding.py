"""Hostile clients at work: any number of connections in one process, for a bounded time."""

import contextlib
import selectors
import socket
import struct
import time
from dataclasses import dataclass
from typing import Final

from tests.helpers.attacks import FLOODS, Flood

READ_SIZE: Final = 1 << 20
_BOTH: Final = selectors.EVENT_READ | selectors.EVENT_WRITE
_ABORT: Final = struct.pack("ii", 1, 0)  # SO_LINGER: reset, so that no port is left waiting


@dataclass
class Damage:
    """What a flood has come to."""

    connections: int = 0
    bytes_sent: int = 0
    bytes_read: int = 0

    def __add__(self, other: "Damage") -> "Damage":
        return Damage(
            self.connections + other.connections,
            self.bytes_sent + other.bytes_sent,
            self.bytes_read + other.bytes_read,
        )


def flood(name: str, port: int, attackers: int, start: float, end: float) -> Damage:
    """Flood the service from one point of `time.monotonic` to another; return the damage.

    Each attacker has one connection at a time, and a new one when that has ended.
    """
    damage = Damage()
    time.sleep(max(0.0, start - time.monotonic()))
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(attackers):
            attacker = _Attacker(FLOODS[name], port, selector, damage)
            stack.callback(attacker.drop)
            attacker.connect()
        while time.monotonic() < end:
            for key, events in selector.select(0.1):
                key.data.work(events)
    return damage


class _Attacker:
    """One connection after the other."""

    def __init__(
        self, flood: Flood, port: int, selector: selectors.BaseSelector, damage: Damage
    ) -> None:
        self._flood = flood
        self._port = port
        self._selector = selector
        self._damage = damage

    def connect(self) -> None:
        """Begin a connection."""
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self._socket.connect_ex(("127.0.0.1", self._port))
        self._segments = self._flood.attack()
        self._unsent = memoryview(self._flood.opening)
        self._waits = self._flood.upgrades
        self._damage.connections += 1
        self._selector.register(self._socket, _BOTH, self)

    def drop(self) -> None:
        self._selector.unregister(self._socket)
        self._socket.close()

    def work(self, events: int) -> None:
        """Read and send once, or begin anew if the server, or the attack, has ended this."""
        try:
            goes_on = not events & selectors.EVENT_READ or self._read()
            goes_on = goes_on and (not events & selectors.EVENT_WRITE or self._send())
        except BlockingIOError:
            return
        except OSError:
            goes_on = False
        if not goes_on:
            self.drop()
            self.connect()

    def _read(self) -> bool:
        size = len(self._socket.recv(READ_SIZE))
        self._damage.bytes_read += size
        if self._waits:
            self._waits = False
            self._wait_for(_BOTH if self._flood.reads else selectors.EVENT_WRITE)
        return size > 0

    def _send(self) -> bool:
        while not self._unsent:
            if self._waits:
                self._wait_for(selectors.EVENT_READ)
                return True
            segment = next(self._segments, None)
            if segment is None:
                return False
            self._unsent = memoryview(segment)
        sent = self._socket.send(self._unsent)
        self._unsent = self._unsent[sent:]
        self._damage.bytes_sent += sent
        return True

    def _wait_for(self, events: int) -> None:
        self._selector.modify(self._socket, events, self)
