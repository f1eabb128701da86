"""A proxy that connects its clients with others: SOCKS5, or HTTP's CONNECT."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Final

_SOCKS_VERSION: Final = b"\x05"


class TunnellingProxy:
    """Notes to where it has made tunnels, and who asked for them (`user:password`)."""

    def __init__(self) -> None:
        self.port = 0
        self.targets: list[str] = []
        self.users: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(1)
            is_socks = first == _SOCKS_VERSION
            host, port = await (self._socks(reader, writer) if is_socks else self._http(reader))
            self.targets.append(f"{host}:{port}")
            there_reader, there_writer = await asyncio.open_connection(host, port)
            writer.write(_SOCKS_DONE if is_socks else _HTTP_DONE)
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(_pass_on(reader, there_writer))
                both_ways.create_task(_pass_on(there_reader, writer))
        writer.close()

    async def _http(self, reader: asyncio.StreamReader) -> tuple[str, int]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        for line in head.splitlines():
            name, _, value = line.partition(": Basic ")
            if name.lower() == "proxy-authorization":
                self.users.append(base64.b64decode(value).decode())
        host, _, port = head.split()[1].rpartition(":")
        return host, int(port)

    async def _socks(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int]:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(_SOCKS_VERSION + methods[-1:])
        if methods[-1] == _BY_PASSWORD:
            await reader.readexactly(1)
            user, password = await _counted(reader), await _counted(reader)
            self.users.append(f"{user.decode()}:{password.decode()}")
            writer.write(b"\x01\x00")
        kind = (await reader.readexactly(4))[3]
        if kind == _BY_NAME:
            host = (await _counted(reader)).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        return host, int.from_bytes(await reader.readexactly(2), "big")


_BY_PASSWORD: Final = 2
_BY_NAME: Final = 3
_SOCKS_DONE: Final = b"\x05\x00\x00\x01" + bytes(6)
_HTTP_DONE: Final = b"HTTP/1.1 200 OK\r\n\r\n"


@contextlib.asynccontextmanager
async def tunnelling_proxy() -> AsyncIterator[TunnellingProxy]:
    """Run a proxy on 127.0.0.1 until the block is left."""
    proxy = TunnellingProxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()


async def _counted(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly((await reader.readexactly(1))[0])


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
