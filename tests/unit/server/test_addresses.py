"""What is told of the ends of a connection is what Uvicorn would tell."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from uvicorn.protocols.utils import get_local_addr, get_remote_addr

from app.server.addresses import own_address, peer_address

TIMEOUT = 10.0

Address = tuple[str, int | None] | None


class Noting(asyncio.Protocol):
    """Notes what is told of the ends of the connection, and what Uvicorn tells of them."""

    def __init__(self, told: "asyncio.Future[list[Address]]") -> None:
        self._told = told
        self._addresses: list[Address] = []

    def connection_made(self, transport: Any) -> None:
        uvicorn: Any = [get_remote_addr, get_local_addr]
        for address in (peer_address, own_address, *uvicorn):
            self._addresses.append(address(transport))
        asyncio.get_running_loop().call_soon(transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._told.set_result(self._addresses)


async def told_of(place: str) -> list[Address]:
    """Return what is told of a connection to a host or to the path of a Unix socket."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[list[Address]] = loop.create_future()
    server: asyncio.AbstractServer
    if place.startswith("/"):
        server = await loop.create_unix_server(lambda: Noting(told), place)
        _, writer = await asyncio.open_unix_connection(place)
    else:
        tcp_server = server = await loop.create_server(lambda: Noting(told), place, 0)
        port = tcp_server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(place, port)
    addresses = await asyncio.wait_for(told, TIMEOUT)
    server.close()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return addresses


@pytest.mark.parametrize("new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
@pytest.mark.parametrize("kind", ["ipv4", "ipv6", "unix"])
def test_addresses_are_those_of_uvicorn(
    new_loop: Callable[[], asyncio.AbstractEventLoop], kind: str, tmp_path: Path
) -> None:
    place = {"ipv4": "127.0.0.1", "ipv6": "::1", "unix": str(tmp_path / "socket")}[kind]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        peer, own, *of_uvicorn = runner.run(told_of(place))

    assert [peer, own] == of_uvicorn
    assert own is not None


class LinkLocal(asyncio.Transport):
    """Knows an address without its interface, as transports of uvloop do."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "socket" else ("fe80::1", 1, 0, 2)

    def getpeername(self) -> tuple[str, int, int, int]:
        return ("fe80::1%eth0", 1, 0, 2)

    getsockname = getpeername


def test_interface_of_a_link_local_address_is_told() -> None:
    assert peer_address(LinkLocal()) == own_address(LinkLocal()) == ("fe80::1%eth0", 1)
