"""What worker processes get; that they run is shown by tests/functional."""

import pickle
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.server import workers
from app.server.http_limits import HttpLimits
from app.server.protocol_factory import HttpProtocolFactory
from app.server.proxies import TrustedProxies
from app.server.worker_sockets import WorkerSockets
from app.server.workers import WorkerOptions, run_workers

LIMITS = HttpLimits(max_url_size=100)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


def make_app() -> Any:
    return application


def reopen_logs() -> None:
    """Do nothing."""


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[uvicorn.Config]:
    """The configs that supervisors were made with, as a worker process gets them."""
    seen: list[uvicorn.Config] = []

    class RecordingSupervisor:
        """Starts nothing."""

        failed = False

        def __init__(
            self,
            config: uvicorn.Config,
            sockets: list[socket.socket],
            reopen_logs: Callable[[], None],
        ) -> None:
            seen.append(pickle.loads(pickle.dumps(config)))

        def run(self) -> None:
            """Return at once."""

    monkeypatch.setattr(workers, "Supervisor", RecordingSupervisor)
    return seen


def run(trusted_proxies: TrustedProxies) -> None:
    options = WorkerOptions(
        make_app=make_app,
        count=1,
        thread_name="worker",
        backlog=7,
        limits=LIMITS,
        trusted_proxies=trusted_proxies,
        tls=None,
        reopen_logs=reopen_logs,
    )
    assert run_workers(options, WorkerSockets([]))


def test_workers_have_the_limits(configs: list[uvicorn.Config]) -> None:
    run([])

    (config,) = configs
    assert isinstance(config.http, HttpProtocolFactory)
    assert config.http.limits == LIMITS
    assert config.backlog == 7


@pytest.mark.parametrize("proxies", [["10.0.0.0/8", "::1"], "*"])
def test_workers_trust_the_proxies(
    configs: list[uvicorn.Config], proxies: TrustedProxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    run(proxies)

    (config,) = configs
    middleware = ProxyHeadersMiddleware(application, config.forwarded_allow_ips)
    assert config.proxy_headers
    assert "10.1.2.3" in middleware.trusted_hosts
    assert ("192.0.2.7" in middleware.trusted_hosts) is (proxies == "*")


def test_workers_trust_nobody_if_no_proxy_is_named(configs: list[uvicorn.Config]) -> None:
    run([])

    (config,) = configs
    assert not config.proxy_headers
