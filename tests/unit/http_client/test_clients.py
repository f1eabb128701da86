import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from app.http_client.clients import Clients, quieten_libraries
from tests.helpers.certificates import make_certificate
from tests.helpers.fake_config_service import FakeConfigService
from tests.helpers.tunnelling_proxy import TunnellingProxy, tunnelling_proxy

ELSEWHERE = "http://configs.example/configs/values"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@pytest.fixture
def server() -> Iterator[FakeConfigService]:
    with FakeConfigService() as server:
        yield server


@pytest.fixture
def other() -> Iterator[FakeConfigService]:
    with FakeConfigService() as server:
        yield server


@pytest.fixture
async def tunnels() -> AsyncIterator[TunnellingProxy]:
    async with tunnelling_proxy() as proxy:
        yield proxy


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    clients = Clients()
    yield clients
    await clients.close()


async def post(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.post(url, json={})
    assert answer.status_code == 200


def address(server: FakeConfigService) -> str:
    return f"127.0.0.1:{server.port}"


async def test_client_keeps_its_connection(clients: Clients, server: FakeConfigService) -> None:
    for _ in range(3):
        await post(await clients.through(""), server.url)

    assert server.connections == 1


async def test_client_with_a_proxy_asks_the_proxy(
    clients: Clients, server: FakeConfigService
) -> None:
    await post(await clients.through(f"us%40er:secret@{address(server)}"), ELSEWHERE)

    assert server.asked[0].target == ELSEWHERE
    assert server.asked[0].headers["Proxy-Authorization"] == "Basic dXNAZXI6c2VjcmV0"


async def test_another_proxy_takes_the_place_of_the_former(
    clients: Clients, server: FakeConfigService, other: FakeConfigService
) -> None:
    former = await clients.through(address(server))
    await post(former, ELSEWHERE)

    latter = await clients.through(address(other))
    await post(latter, ELSEWHERE)

    assert former.is_closed
    assert await clients.through(address(other)) is latter
    assert (len(server.asked), len(other.asked)) == (1, 1)


async def test_client_without_a_proxy_stays_beside_the_other(
    clients: Clients, server: FakeConfigService
) -> None:
    direct = clients.direct()
    proxied = await clients.through(address(server))

    assert clients.direct() is direct
    assert not direct.is_closed
    assert await clients.through(address(server)) is proxied


async def test_client_for_a_proxy_is_closed_when_there_is_none_any_more(
    clients: Clients, server: FakeConfigService
) -> None:
    proxied = await clients.through(address(server))

    assert await clients.through("") is clients.direct()
    assert proxied.is_closed


async def test_closed_clients_are_made_anew(clients: Clients, server: FakeConfigService) -> None:
    before = await clients.through("")
    await clients.close()

    assert before.is_closed
    await post(await clients.through(""), server.url)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_proxy_may_speak_socks(
    clients: Clients, server: FakeConfigService, tunnels: TunnellingProxy, scheme: str
) -> None:
    await post(await clients.through(f"{scheme}://127.0.0.1:{tunnels.port}"), server.url)
    await post(await clients.through(f"{scheme}://user:pass@127.0.0.1:{tunnels.port}"), server.url)

    assert tunnels.targets == [address(server)] * 2
    assert tunnels.users == ["user:pass"]


async def test_https_goes_through_the_proxy_in_a_tunnel_and_certificates_are_checked(
    clients: Clients, tunnels: TunnellingProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path, "server")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.cert, certificate.private_key)
    proxy = f"user:pass@127.0.0.1:{tunnels.port}"

    with FakeConfigService(tls=tls) as server:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await post(await clients.through(""), server.url)
        assert not server.asked

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
        await clients.close()
        trusting = Clients()
        await post(await trusting.through(""), server.url)
        await post(await trusting.through(proxy), server.url)
        await trusting.close()

        assert tunnels.targets == [address(server)]
        assert tunnels.users == ["user:pass"]


async def test_proxies_of_the_environment_have_no_effect(
    clients: Clients, server: FakeConfigService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    await post(await clients.through(""), server.url)

    assert server.asked[0].target == "/"


def test_libraries_log_warnings_only_unless_somebody_has_chosen_a_level() -> None:
    chosen, other = logging.getLogger("httpx"), logging.getLogger("httpcore")
    before = chosen.level, other.level
    try:
        chosen.setLevel(logging.DEBUG)
        other.setLevel(logging.NOTSET)

        quieten_libraries()

        assert (chosen.level, other.level) == (logging.DEBUG, logging.WARNING)
    finally:
        chosen.setLevel(before[0])
        other.setLevel(before[1])
