"""A transport that writes down what a protocol does to it."""

import asyncio
from typing import Any

from typing_extensions import override


class RecordingTransport(asyncio.Transport):
    """Keeps what is written; nothing ends by itself.

    `unsent` is what of it the peer has not taken yet: nothing, unless the test says otherwise.
    """

    def __init__(self, *, can_write_eof: bool = True) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.unsent = 0
        # What the buffer is to be held between: low and high.
        self.write_limits: tuple[int | None, int | None] = (None, None)
        self.reading = True
        self.eof_written = False
        self.closing = asyncio.Event()
        self.aborted = asyncio.Event()
        self._can_write_eof = can_write_eof
        # The one that took over from whoever has made the connection.
        self.protocol: Any = None

    @override
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    @override
    def write(self, data: Any) -> None:
        assert not self.eof_written, "written after the end"
        self.writes.append(bytes(data))

    @override
    def get_write_buffer_size(self) -> int:
        return self.unsent

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.write_limits = (low, high)

    @override
    def pause_reading(self) -> None:
        self.reading = False

    @override
    def resume_reading(self) -> None:
        self.reading = True

    @override
    def can_write_eof(self) -> bool:
        return self._can_write_eof

    @override
    def write_eof(self) -> None:
        self.eof_written = True

    @override
    def is_closing(self) -> bool:
        return self.closing.is_set()

    @override
    def close(self) -> None:
        self.closing.set()

    @override
    def abort(self) -> None:
        self.closing.set()
        self.aborted.set()
