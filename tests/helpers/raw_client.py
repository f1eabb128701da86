"""A WebSocket client that shows and sends every byte."""

import base64
import os
import socket
from dataclasses import dataclass
from typing import Self

from websockets.frames import Opcode
from websockets.utils import apply_mask

TIMEOUT = 10.0


@dataclass(frozen=True)
class RawFrame:
    """One frame as it came over the wire."""

    opcode: int
    payload: bytes
    fin: bool = True
    compressed: bool = False  # RSV1 (RFC 7692 section 6)

    @property
    def close_code(self) -> int:
        assert self.opcode == Opcode.CLOSE
        return int.from_bytes(self.payload[:2], "big")

    @property
    def close_reason(self) -> str:
        assert self.opcode == Opcode.CLOSE
        return self.payload[2:].decode()


def encode(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """Return a masked frame, with the length in as few bytes as possible."""
    length = len(payload)
    if length < 126:
        head = bytes([0x80 | length])
    elif length < 1 << 16:
        head = bytes([0x80 | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([0x80 | 127]) + length.to_bytes(8, "big")
    mask = os.urandom(4)
    return bytes([fin << 7 | opcode]) + head + mask + apply_mask(payload, mask)


def encode_close(code: int, reason: str = "") -> bytes:
    """Return a masked close frame."""
    return encode(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode())


def request_head(path: str = "/chat", *lines: str) -> bytes:
    """Return an opening handshake with further header lines."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *lines,
    ]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


class RawClient:
    """A socket to the service; every wait is bounded.

    Args:
        port: The service's, on this machine.
        receive_buffer: Bytes that the operating system may hold for us; 0: as many as it likes.
    """

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def unread(self) -> int:
        """Bytes that were taken from the operating system and are not read yet."""
        return len(self._buffer)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def end_sending(self) -> None:
        """Close our half of the stream."""
        self.socket.shutdown(socket.SHUT_WR)

    def open(self, path: str = "/chat") -> Self:
        """Do the opening handshake."""
        self.send(request_head(path))
        head = self.read_head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        return self

    def read_head(self) -> bytes:
        """Return the head of an HTTP response, with the empty line that ends it."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read_frame(self) -> RawFrame:
        """Return the next frame; servers do not mask theirs."""
        first, second = self.read(2)
        assert not second & 0x80
        length = second
        if length == 126:
            length = int.from_bytes(self.read(2), "big")
        elif length == 127:
            length = int.from_bytes(self.read(8), "big")
        payload = self.read(length)
        return RawFrame(first & 0x0F, payload, bool(first & 0x80), bool(first & 0x40))

    def at_end(self) -> bool:
        """Wait for more; True if it is the end of the stream, with nothing before it."""
        return not self._buffer and self.socket.recv(1) == b""

    def read(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self._buffer) < size:
            self._receive()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        assert data, f"the stream ended after {self._buffer!r}"
        self._buffer += data
