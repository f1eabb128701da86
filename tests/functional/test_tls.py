"""A listener with certificates: https and wss."""

import re
import ssl
from pathlib import Path

import httpx
import pytest

from tests.functional.test_daemon import daemon, result
from tests.helpers.certificates import Certificate, make_certificate
from tests.helpers.clients import connected
from tests.helpers.service_process import (
    START_TIMEOUT,
    Section,
    ServiceProcess,
    components_of,
    original_config,
    write_config,
)


def tls_config(server: Certificate, **more: object) -> Section:
    document = original_config()
    components_of(document)["server"]["listener"]["tls"] = {
        "cert": str(server.cert),
        "private-key": str(server.private_key),
        **more,
    }
    return document


def trusting(server: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.cert))


def https_url(service: ServiceProcess) -> str:
    line = service.wait_for_line(r"listening on https://0\.0\.0\.0:(\d+)")
    return f"https://127.0.0.1:{line.group(1)}"


def test_wss_and_https_with_workers_that_never_read_the_files(tmp_path: Path) -> None:
    server = make_certificate(tmp_path, "server")
    with daemon("-c", str(write_config(tmp_path, tls_config(server)))) as service:
        url = https_url(service)
        with httpx.Client(verify=trusting(server), timeout=START_TIMEOUT) as client:
            server.private_key.unlink()
            assert client.get(url).status_code == 200
            assert re.search(r"wscat -c wss://", client.get(f"{url}/chat").text)
            with connected(f"{url}/chat", client) as chat:
                chat.send_text("hello")
                assert chat.receive_text(10) == "hello"


def test_client_without_a_known_certificate_is_refused(tmp_path: Path) -> None:
    server = make_certificate(tmp_path, "server")
    member = make_certificate(tmp_path, "member")
    document = tls_config(server, ca=[str(member.cert)])
    with daemon("-c", str(write_config(tmp_path, document))) as service:
        url = https_url(service)
        known = trusting(server)
        known.load_cert_chain(member.cert, member.private_key)
        with httpx.Client(verify=known, timeout=START_TIMEOUT) as client:
            assert client.get(url).status_code == 200
        with (
            httpx.Client(verify=trusting(server), timeout=START_TIMEOUT) as client,
            pytest.raises(httpx.TransportError),
        ):
            client.get(url)


def test_key_of_another_certificate_is_refused_at_start(tmp_path: Path) -> None:
    server = make_certificate(tmp_path, "server")
    other = make_certificate(tmp_path, "other")
    path = write_config(tmp_path, tls_config(Certificate(server.cert, other.private_key)))
    line = path.read_text().splitlines().index("        tls:") + 1
    code, output = result("-c", str(path))

    assert code == 1
    assert output.startswith(
        f"{path}:{line}: components_manager.components.server.listener.tls:"
        f" {server.cert}, {other.private_key}: cannot be used: "
    )
    assert output.count("\n") == 1
