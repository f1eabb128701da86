"""A transport that writes down what a protocol does to it."""

import asyncio
from typing import Any

from typing_extensions import override


class RecordingTransport(asyncio.Transport):
    """Keeps what is written; nothing ends by itself."""

    def __init__(self, *, can_write_eof: bool = True) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.reading = True
        self.eof_written = False
        self.closing = asyncio.Event()
        self.aborted = asyncio.Event()
        self._can_write_eof = can_write_eof

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    @override
    def write(self, data: Any) -> None:
        assert not self.eof_written, "written after the end"
        self.writes.append(bytes(data))

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
