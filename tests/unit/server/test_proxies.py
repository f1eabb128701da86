"""Which proxies may be named; and what Uvicorn makes of what they say."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.server.proxies import LOOPBACK, TrustedProxies

PROXY = "10.0.0.1"

TYPE: TypeAdapter[Any] = TypeAdapter(TrustedProxies)


@pytest.mark.parametrize(
    "proxies",
    ["*", [], ["127.0.0.1"], ["10.0.0.0/8", "::1", "fd00::/8", "192.0.2.7/32"]],
)
def test_addresses_and_networks_are_taken(proxies: object) -> None:
    assert TYPE.validate_python(proxies) == proxies


@pytest.mark.parametrize(
    ("proxies", "said"),
    [
        ("127.0.0.1", "expected a list of IP addresses and networks, or '*'"),
        (True, "expected a list of IP addresses and networks, or '*'"),
        (None, "expected a list of IP addresses and networks, or '*'"),
        (["*"], r"expected an IP address or network: '\*' does not appear"),
        (["proxy.local"], "expected an IP address or network: 'proxy.local' does not appear"),
        (["10.0.0.1/8"], "expected an IP address or network: 10.0.0.1/8 has host bits set"),
        (["10.0.0.0/33"], "expected an IP address or network: '10.0.0.0/33' does not appear"),
        ([""], "expected an IP address or network: '' does not appear"),
        ([10], r"expected an IP address or network, as text \(got 10\)"),
    ],
)
def test_anything_else_is_refused(proxies: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TYPE.validate_python(proxies)


async def client_of(
    trusted: list[str] | str, peer: tuple[str, int] | None, *forwarded: bytes
) -> tuple[str, int] | None:
    """Return who the application takes for the client of a WebSocket connection."""
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"])

    headers = [(b"x-forwarded-for", each) for each in forwarded]
    scope: Any = {"type": "websocket", "scheme": "ws", "client": peer, "headers": headers}
    middleware = ProxyHeadersMiddleware(application, trusted)
    await middleware(scope, None, None)  # type: ignore[arg-type]
    (client,) = seen
    return client  # type: ignore[no-any-return]


PEER = (PROXY, 4711)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        pytest.param([b"192.0.2.7"], ("192.0.2.7", 0), id="one"),
        pytest.param([b"192.0.2.7:99"], ("192.0.2.7", 99), id="with-port"),
        pytest.param([b"[2001:db8::7]:99"], ("2001:db8::7", 99), id="ipv6-with-port"),
        pytest.param([b"2001:db8::7"], ("2001:db8::7", 0), id="ipv6"),
        pytest.param([b"8.8.8.8, 192.0.2.7"], ("192.0.2.7", 0), id="spoofed-prefix"),
        pytest.param([b"8.8.8.8", b"192.0.2.7"], ("192.0.2.7", 0), id="spoofed-line"),
        pytest.param([b"8.8.8.8, 192.0.2.7, 10.0.0.2"], ("192.0.2.7", 0), id="two-proxies"),
        pytest.param([b"10.9.9.9, 192.0.2.7"], ("192.0.2.7", 0), id="spoofed-proxy"),
        pytest.param([b""], PEER, id="empty"),
        pytest.param([], PEER, id="none"),
    ],
)
async def test_client_of_a_trusted_proxy_is_the_last_address_that_is_no_proxy(
    forwarded: list[bytes], client: tuple[str, int]
) -> None:
    assert await client_of(["10.0.0.0/8"], PEER, *forwarded) == client


@pytest.mark.parametrize("peer", ["11.0.0.1", "::ffff:10.0.0.1", "fd00::1"])
async def test_peer_that_is_no_proxy_is_not_believed(peer: str) -> None:
    assert await client_of(["10.0.0.0/8"], (peer, 1), b"192.0.2.7") == (peer, 1)


async def test_empty_list_trusts_nobody() -> None:
    assert await client_of([], ("127.0.0.1", 1), b"192.0.2.7") == ("127.0.0.1", 1)


@pytest.mark.parametrize("trusted", [[], [*LOOPBACK]])
async def test_peer_on_a_unix_socket_is_not_believed(trusted: list[str]) -> None:
    assert await client_of(trusted, None, b"192.0.2.7") is None


async def test_everybody_is_believed_if_told_so_also_on_a_unix_socket() -> None:
    for peer in (PEER, None):
        assert await client_of("*", peer, b"192.0.2.7, 10.0.0.2") == ("192.0.2.7", 0)


@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe", b"[::1", b"[]:", b"1.2.3.4:" + b"9" * 5000, b",,,", b"a" * 8000]
)
async def test_garbage_of_a_trusted_proxy_harms_nobody(garbage: bytes) -> None:
    client = await client_of(["10.0.0.0/8"], PEER, garbage)

    assert client is not None
    assert isinstance(client[0], str)
    assert isinstance(client[1], int)
