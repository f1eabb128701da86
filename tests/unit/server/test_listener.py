import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.exceptions import ConfigError
from app.server.http_limits import HttpLimits
from app.server.listener import (
    ListenerConfig,
    ListenerError,
    describe_sockets,
    listening_sockets,
)

TIMEOUT = 10.0


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def listener(**options: Any) -> ListenerConfig:
    changed = {name.replace("unix_socket", "unix-socket"): options[name] for name in options}
    return ListenerConfig.model_validate({"task_processor": "main-task-processor", **changed})


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def reach(listening: socket.socket, host: str) -> None:
    """Connect to a listening socket and see that it is the one that accepts."""
    listening.settimeout(TIMEOUT)
    with socket.create_connection((host, port_of(listening)), TIMEOUT) as client:
        accepted, address = listening.accept()
        accepted.close()
        assert address == client.getsockname()


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the kernel does not tell")
def test_backlog_is_what_the_kernel_lets_wait() -> None:
    with listening_sockets(listener(port=0, address="127.0.0.1", backlog=7)) as (listening,):
        info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)

    # Of a socket that listens, the field tcpi_sacked is the backlog.
    assert int.from_bytes(info[28:32], sys.byteorder) == 7


def refusal(config: ListenerConfig) -> str:
    with pytest.raises(ListenerError) as caught, listening_sockets(config):
        pass
    assert isinstance(caught.value, ConfigError)
    return str(caught.value)


@contextlib.contextmanager
def taken_port(family: socket.AddressFamily, host: str) -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket(family) as other:
        if family == socket.AF_INET6:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind((host, 0))
        other.listen()
        yield port_of(other)


# The options


def test_port_is_enough() -> None:
    config = listener(port=8080)

    assert (config.address, config.port, config.unix_socket) == ("::", 8080, None)
    assert (config.backlog, config.tls, config.scheme) == (1024, None, "http")


def test_listener_with_tls_speaks_https() -> None:
    assert listener(port=8443, tls={"cert": "a.pem", "private-key": "a.key"}).scheme == "https"


@pytest.mark.parametrize("options", [{}, {"port": 0, "unix_socket": "/tmp/socket"}])
def test_port_and_unix_socket_exclude_each_other(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="give either 'port' or 'unix-socket'"):
        listener(**options)


def test_unix_socket_cannot_be_one_of_each_worker() -> None:
    options = {"task_processor": "main-task-processor", "unix-socket": "a", "reuse-port": True}
    with pytest.raises(ValidationError, match="'reuse-port' goes with 'port'"):
        ListenerConfig.model_validate(options)


def test_socket_of_each_worker_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    options = {"task_processor": "main-task-processor", "port": 0, "reuse-port": True}
    with pytest.raises(ValidationError, match="'reuse-port' needs Linux"):
        ListenerConfig.model_validate(options)


@pytest.mark.parametrize("port", [-1, 65536, "8080", 8080.0, True])
def test_port_is_a_number_up_to_65535(port: object) -> None:
    with pytest.raises(ValidationError, match="port"):
        listener(port=port)


@pytest.mark.parametrize("port", [0, 65535])
def test_port_may_be_at_the_bounds(port: int) -> None:
    assert listener(port=port).port == port


@pytest.mark.parametrize(
    "options",
    [{"backlog": 0}, {"backlog": "1"}, {"address": None}, {"address": 0}, {"tls": True}],
)
def test_other_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        listener(port=0, **options)


def test_task_processor_is_required() -> None:
    with pytest.raises(ValidationError, match="task_processor"):
        ListenerConfig.model_validate({"port": 0})


def test_limits_are_those_of_the_section() -> None:
    config = listener(port=0, max_url_size=100, **{"handshake-timeout": "1500ms"})

    assert config.limits == HttpLimits(max_url_size=100).model_copy(
        update={"handshake_timeout": 1.5}
    )
    assert type(config.limits) is HttpLimits
    assert listener(port=0).limits == HttpLimits()


def test_proxies_on_this_machine_are_trusted_unless_others_are_named() -> None:
    assert listener(port=0).trusted_proxies == ["127.0.0.1", "::1"]
    assert listener(port=0, **{"trusted-proxies": []}).trusted_proxies == []
    assert listener(port=0, **{"trusted-proxies": "*"}).trusted_proxies == "*"


def test_proxy_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="trusted-proxies"):
        listener(port=0, **{"trusted-proxies": ["localhost"]})


def test_empty_path_of_a_unix_socket_is_refused() -> None:
    with pytest.raises(ValidationError, match="unix-socket"):
        listener(unix_socket="")


# TCP


@needs_ipv6
def test_both_families_listen_on_one_free_port() -> None:
    with listening_sockets(listener(port=0)) as sockets:
        assert [each.family for each in sockets] == [socket.AF_INET, socket.AF_INET6]
        assert len({port_of(each) for each in sockets}) == 1
        assert port_of(sockets[0]) > 0
        reach(sockets[0], "127.0.0.1")
        reach(sockets[1], "::1")


def test_sockets_are_closed_in_the_end() -> None:
    with listening_sockets(listener(port=0)) as sockets:
        port = port_of(sockets[0])

    assert {each.fileno() for each in sockets} == {-1}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT)


def test_port_can_be_taken_again_at_once_after_it_had_a_connection() -> None:
    with listening_sockets(listener(address="127.0.0.1", port=0)) as sockets:
        port = port_of(sockets[0])
        reach(sockets[0], "127.0.0.1")  # This end closes first, and lingers in TIME_WAIT.

    with listening_sockets(listener(address="127.0.0.1", port=port)) as sockets:
        assert port_of(sockets[0]) == port


def test_address_of_one_family_has_one_socket() -> None:
    with listening_sockets(listener(address="0.0.0.0", port=0)) as sockets:
        assert [each.family for each in sockets] == [socket.AF_INET]
        reach(sockets[0], "127.0.0.1")


@needs_ipv6
def test_address_of_ipv6_has_one_socket() -> None:
    with listening_sockets(listener(address="::1", port=0)) as sockets:
        assert [each.family for each in sockets] == [socket.AF_INET6]
        reach(sockets[0], "::1")


def test_name_is_resolved() -> None:
    with listening_sockets(listener(address="localhost", port=0)) as sockets:
        reach(sockets[0], "localhost" if len(sockets) == 1 else sockets[0].getsockname()[0])
        assert len({port_of(each) for each in sockets}) == 1


@pytest.mark.parametrize("address", ["nowhere.invalid", "", "127.0..1", "x" * 64])
def test_unknown_host_is_one_clear_error(address: str) -> None:
    said = refusal(listener(address=address, port=0))

    assert said.startswith(f"cannot listen on address {address!r}: ")
    assert "\n" not in said


def test_taken_port_is_one_clear_error() -> None:
    with taken_port(socket.AF_INET, "127.0.0.1") as port:
        said = refusal(listener(port=port))

    assert said == (
        f"cannot listen on 0.0.0.0 port {port}: Address already in use;"
        " stop what uses it, or change server.listener in the static config"
    )


@needs_ipv6
def test_port_that_is_taken_in_one_family_only_is_given_back_in_the_other() -> None:
    with taken_port(socket.AF_INET6, "::1") as port:
        said = refusal(listener(port=port))

        with listening_sockets(listener(address="0.0.0.0", port=port)) as sockets:
            assert port_of(sockets[0]) == port
    assert f":: port {port}: Address already in use" in said


def test_two_services_cannot_have_one_port() -> None:
    with listening_sockets(listener(port=0)) as sockets:
        said = refusal(listener(port=port_of(sockets[0])))

    assert "Address already in use" in said


def test_address_of_another_machine_is_one_clear_error() -> None:
    said = refusal(listener(address="192.0.2.1", port=0))

    assert said.startswith("cannot listen on 192.0.2.1 port 0: ")


def refuse_family(monkeypatch: pytest.MonkeyPatch, *families: socket.AddressFamily) -> None:
    """Let the operating system be one without these families."""
    make_socket = socket.socket

    def make_socket_of_other_families(
        family: socket.AddressFamily, kind: socket.SocketKind = socket.SOCK_STREAM
    ) -> socket.socket:
        if family in families:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return make_socket(family, kind)

    monkeypatch.setattr(socket, "socket", make_socket_of_other_families)


def test_ipv4_alone_is_enough_where_there_is_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        refuse_family(patched, socket.AF_INET6)

        with listening_sockets(listener(port=0)) as sockets:
            assert [each.family for each in sockets] == [socket.AF_INET]


@needs_ipv6
def test_ipv6_alone_is_enough_where_there_is_no_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        refuse_family(patched, socket.AF_INET)

        with listening_sockets(listener(port=0)) as sockets:
            assert [each.family for each in sockets] == [socket.AF_INET6]


def test_machine_without_any_family_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        refuse_family(patched, socket.AF_INET, socket.AF_INET6)

        said = refusal(listener(port=7))

    assert said == "cannot listen on :: port 7: Address family not supported by protocol"


# Unix sockets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a Unix socket may be made."""
    return tmp_path / "socket"


def leave_stale_socket(path: Path) -> None:
    """Make the file of a Unix socket on which nobody listens any more."""
    with socket.socket(socket.AF_UNIX) as died:
        died.bind(str(path))


def reach_unix(listening: socket.socket, path: Path) -> None:
    listening.settimeout(TIMEOUT)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT)
        client.connect(str(path))
        listening.accept()[0].close()


def test_unix_socket_listens_for_everybody(path: Path) -> None:
    with listening_sockets(listener(unix_socket=str(path))) as sockets:
        (listening,) = sockets
        assert listening.family == socket.AF_UNIX
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        reach_unix(listening, path)


def test_unix_socket_is_removed_in_the_end(path: Path) -> None:
    with listening_sockets(listener(unix_socket=str(path))) as sockets:
        pass

    assert not path.exists()
    assert sockets[0].fileno() == -1


def test_unix_socket_that_somebody_else_has_removed_is_no_trouble_in_the_end(path: Path) -> None:
    with listening_sockets(listener(unix_socket=str(path))):
        path.unlink()

    assert not path.exists()


def test_stale_unix_socket_is_replaced(path: Path) -> None:
    leave_stale_socket(path)

    with listening_sockets(listener(unix_socket=str(path))) as (listening,):
        reach_unix(listening, path)


def test_live_unix_socket_is_refused_and_left_alone(path: Path) -> None:
    with listening_sockets(listener(unix_socket=str(path))) as (live,):
        said = refusal(listener(unix_socket=str(path)))

        live.settimeout(TIMEOUT)
        live.accept()[0].close()  # The question whether it lives.
        reach_unix(live, path)
    assert said == (
        f"cannot listen on unix-socket {path}: Address already in use;"
        " stop what uses it, or change server.listener in the static config"
    )


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere a full queue refuses at once"
)
def test_live_unix_socket_that_is_too_busy_to_accept_is_refused_at_once(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor())
        busy = stack.enter_context(socket.socket(socket.AF_UNIX))
        busy.bind(str(path))
        busy.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client = stack.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(path))

        said = executor.submit(refusal, listener(unix_socket=str(path))).result(2)

        assert "Address already in use" in said


def test_file_that_is_no_socket_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("precious")

    said = refusal(listener(unix_socket=str(path)))

    assert "Address already in use" in said
    assert path.read_text() == "precious"


def test_unix_socket_in_a_missing_folder_is_one_clear_error(path: Path) -> None:
    said = refusal(listener(unix_socket=str(path / "deeper")))

    assert said == f"cannot listen on unix-socket {path / 'deeper'}: No such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unix_socket_in_a_forbidden_folder_is_refused_with_a_way_out(path: Path) -> None:
    path.parent.chmod(0o500)

    said = refusal(listener(unix_socket=str(path)))

    assert said == (
        f"cannot listen on unix-socket {path}: Permission denied;"
        " ports below 1024 and foreign folders need rights, others do not"
    )


def test_too_long_path_of_a_unix_socket_is_one_clear_error(path: Path) -> None:
    said = refusal(listener(unix_socket=str(path.with_name("x" * 200))))

    assert said.endswith(": AF_UNIX path too long")


def test_relative_path_is_shown_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)

    said = refusal(listener(unix_socket="deeper/socket"))

    assert f"unix-socket {path.parent / 'deeper/socket'}: " in said


# What is said of them


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"port": 8080}, "http://[::]:8080"),
        ({"port": 0, "address": "127.0.0.1"}, "http, at a free port of 127.0.0.1"),
        ({"port": 1, "tls": {"cert": "c", "private-key": "k"}}, "https://[::]:1"),
        ({"unix_socket": "a.sock"}, "unix:a.sock"),
    ],
)
def test_config_is_described_before_there_are_sockets(options: dict[str, Any], said: str) -> None:
    assert listener(**options).describe() == said


def test_sockets_are_described_as_urls() -> None:
    with listening_sockets(listener(address="127.0.0.1", port=0)) as sockets:
        said = describe_sockets("http", sockets)

        assert said == f"http://127.0.0.1:{port_of(sockets[0])}"


@needs_ipv6
def test_both_families_are_described() -> None:
    with listening_sockets(listener(port=0)) as sockets:
        said = describe_sockets("https", sockets)

        port = port_of(sockets[0])
        assert said == f"https://0.0.0.0:{port}, https://[::]:{port}"


def test_unix_socket_is_described_by_its_path(path: Path) -> None:
    with listening_sockets(listener(unix_socket=str(path))) as sockets:
        assert describe_sockets("http", sockets) == f"unix:{path}"
