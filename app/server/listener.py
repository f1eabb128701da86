"""The address that the service accepts connections on."""

import contextlib
import errno
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from pydantic import Field, model_validator

from app.exceptions import ConfigError
from app.server.http_limits import HttpLimits
from app.server.proxies import LOOPBACK, TrustedProxies
from app.server.tls import TlsConfig
from app.static_config.model import ConfigModel, TaskProcessorName

ALL_ADDRESSES: Final = "::"


class ListenerError(ConfigError):
    """The service cannot listen where the static config tells it to."""


class _Place(ConfigModel):
    """Options of a listener that its limits follow in a list of all."""

    address: str = Field(
        default=ALL_ADDRESSES,
        description="Host name or IP address. `::` is all addresses, `0.0.0.0` those of IPv4. Not"
        " together with `unix-socket`.",
    )
    port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="TCP port. 0 takes one that is free. Either this or `unix-socket` must be"
        " there.",
    )
    unix_socket: str | None = Field(
        default=None,
        alias="unix-socket",
        min_length=1,
        description="Path of a Unix socket, instead of a port. Everybody on the machine may"
        " connect.",
    )
    task_processor: TaskProcessorName = Field(
        description="What it runs on. It must be the default task processor."
    )
    backlog: int = Field(
        default=1024,
        ge=1,
        description="Connections that wait to be accepted, at most. The kernel may have a lower"
        " limit.",
    )
    reuse_port: bool = Field(
        default=False,
        alias="reuse-port",
        description="Each worker has a listening socket of its own (`SO_REUSEPORT`; Linux), and the"
        " kernel deals connections out evenly. With one socket for all of them a connection goes to"
        " whoever wakes first: where they come one by one, mostly to the same worker. But one that"
        " is dealt to a worker waits for it, also while it hangs or is being replaced. Not together"
        " with `unix-socket`.",
    )
    tls: TlsConfig | None = Field(
        default=None,
        description="The certificate; with it the listener speaks `https` and `wss` only.",
    )
    trusted_proxies: TrustedProxies = Field(
        default=[*LOOPBACK],
        alias="trusted-proxies",
        description="IP addresses and networks (`10.0.0.0/8`) of the reverse proxies that say in"
        " `X-Forwarded-For` and `X-Forwarded-Proto` who the client is; nobody else is believed,"
        " and with `[]` nobody at all. The client is the last address that is none of theirs."
        " `'*'` believes everybody, also a peer on a Unix socket, which has no address, and takes"
        " the first address, which the proxy must then set itself.",
    )


class ListenerConfig(HttpLimits, _Place):
    """Where to accept connections: an address and a port, or a Unix socket; and their limits.

    Where another server runs the application (`uvicorn app.main:app`), that server's command line
    decides where it listens and whom it trusts. Of these options only `handshake-timeout` and those
    that begin with `max_` have an effect then.
    """

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.port is None) == (self.unix_socket is None):
            raise ValueError("give either 'port' or 'unix-socket'")
        if self.unix_socket is not None and "address" in self.model_fields_set:
            raise ValueError("'address' goes with 'port', not with 'unix-socket'")
        if self.reuse_port and self.unix_socket is not None:
            raise ValueError("'reuse-port' goes with 'port', not with 'unix-socket'")
        if self.reuse_port and sys.platform != "linux":
            raise ValueError("'reuse-port' needs Linux: elsewhere nothing deals connections out")
        return self

    def describe(self) -> str:
        """Return where it is to listen."""
        if self.unix_socket is not None:
            return f"unix:{self.unix_socket}"
        if not self.port:
            return f"{self.scheme}, at a free port of {self.address}"
        return f"{self.scheme}://{describe_address(self.address, self.port)}"

    @property
    def limits(self) -> HttpLimits:
        """What a peer may ask for."""
        options = {name: getattr(self, name) for name in HttpLimits.model_fields}
        return HttpLimits.model_construct(**options)

    @property
    def scheme(self) -> str:
        """What a URL of this listener begins with."""
        return "http" if self.tls is None else "https"


@contextlib.contextmanager
def listening_sockets(config: ListenerConfig) -> Iterator[list[socket.socket]]:
    """Yield sockets that already listen: one per address family, or one Unix socket.

    IPv4 and IPv6 have a socket each, so that the address of an IPv4 peer is an IPv4 address. On
    leaving, the sockets are closed and the path of a Unix socket is removed.

    Raises:
        ListenerError: the address is taken, unknown or forbidden.
    """
    with contextlib.ExitStack() as stack:
        if config.unix_socket is not None:
            yield [_unix_socket(Path(config.unix_socket), config.backlog, stack)]
        else:
            yield _tcp_sockets(config, stack)


def describe_sockets(scheme: str, sockets: list[socket.socket]) -> str:
    """Return where the sockets listen, as addresses that a client can use."""
    return ", ".join(dict.fromkeys(_describe(scheme, each) for each in sockets))


def _describe(scheme: str, listening: socket.socket) -> str:
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    return f"{scheme}://{describe_address(*listening.getsockname()[:2])}"


def describe_address(host: str, port: int) -> str:
    """Return a host and a port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tcp_sockets(config: ListenerConfig, stack: contextlib.ExitStack) -> list[socket.socket]:
    address, port = config.address, config.port or 0
    sockets: list[socket.socket] = []
    unavailable: OSError | None = None
    for family, host in _resolve(address):
        # With port 0 the first family chooses, and the others take the same one.
        wanted = sockets[0].getsockname()[1] if sockets else port
        try:
            sockets.append(stack.enter_context(_tcp_socket(family, host, wanted, config)))
        except OSError as error:
            if error.errno not in _NO_SUCH_FAMILY:
                raise ListenerError(_trouble(f"{host} port {wanted}", error)) from None
            unavailable = error
    if not sockets and unavailable is not None:
        raise ListenerError(_trouble(f"{address} port {port}", unavailable))
    return sockets


def _resolve(address: str) -> list[tuple[socket.AddressFamily, str]]:
    if address == ALL_ADDRESSES:
        return [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")]
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ListenerError(_trouble(f"address {address!r}", error)) from None
    except UnicodeError as error:
        raise ListenerError(f"cannot listen on address {address!r}: {error}") from None
    return list(dict.fromkeys((family, str(where[0])) for family, _, _, _, where in found))


def _tcp_socket(
    family: socket.AddressFamily, host: str, port: int, config: ListenerConfig
) -> socket.socket:
    with contextlib.ExitStack() as on_error:
        listening = on_error.enter_context(socket.socket(family, socket.SOCK_STREAM))
        # A port whose last connections are still fading out is free.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        # Listening at once, not in the workers: two services that start together cannot both
        # have bound the port.
        listening.listen(config.backlog)
        if config.reuse_port:
            # Not before: a port that somebody listens on, or is about to, is to be found taken.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        on_error.pop_all()
    return listening


def _unix_socket(path: Path, backlog: int, stack: contextlib.ExitStack) -> socket.socket:
    try:
        _remove_stale(path)
        listening = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listening.bind(str(path))
        stack.callback(_remove_own, path, path.stat().st_ino)
        path.chmod(_EVERYBODY_MAY_CONNECT)
        listening.listen(backlog)
    except OSError as error:
        raise ListenerError(_trouble(f"unix-socket {path.absolute()}", error)) from None
    except ValueError as error:
        raise ListenerError(f"cannot listen on unix-socket {str(path)!r}: {error}") from None
    return listening


def _remove_own(path: Path, inode: int) -> None:
    """Remove our socket file, unless a successor has put its own in the place."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()


def _remove_stale(path: Path) -> None:
    """Remove the socket file of a service that has died; leave one that somebody listens on."""
    try:
        is_socket = stat.S_ISSOCK(path.stat().st_mode)
    except FileNotFoundError:
        return
    if is_socket:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            except BlockingIOError:
                return  # somebody listens there, with a full backlog


def _trouble(place: str, error: OSError) -> str:
    way_out = _WAYS_OUT.get(error.errno or 0, "")
    return f"cannot listen on {place}: {error.strerror or error}{way_out}"


_EVERYBODY_MAY_CONNECT = 0o666

_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPFNOSUPPORT)

_WAYS_OUT = {
    errno.EADDRINUSE: "; stop what uses it, or change server.listener in the static config",
    errno.EACCES: "; ports below 1024 and foreign folders need rights, others do not",
}
