"""Certificates of a listener: read once, by the parent process."""

import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from pydantic import Field

from app.exceptions import ConfigError
from app.static_config.model import ConfigModel


class TlsConfig(ConfigModel):
    """Makes a listener speak TLS: https and wss. Paths are relative to the current directory."""

    cert: str = Field(description="PEM file: the certificate, then its chain.")
    private_key: str = Field(alias="private-key", description="PEM file, not encrypted.")
    ca: list[str] | None = Field(
        default=None,
        min_length=1,
        description="PEM files; if given, clients must have a certificate of one of these.",
    )


@dataclass(frozen=True)
class TlsMaterial:
    """What the PEM files held, so that a worker process started later needs no file.

    Called by Uvicorn, in each worker, it makes the TLS context.
    """

    certificate: bytes
    private_key: bytes = field(repr=False)
    authorities: str | None

    def __call__(
        self, config: uvicorn.Config, default_factory: Callable[[], ssl.SSLContext]
    ) -> ssl.SSLContext:
        return self.context()

    def context(self) -> ssl.SSLContext:
        """Return a context for a server.

        Raises:
            ssl.SSLError, ValueError: the certificate, key or authorities cannot be used.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # The ssl module takes certificate and key by path only; the file has mode 0600 and goes.
        with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
            pem.write(self.private_key + b"\n" + self.certificate)
            pem.flush()
            context.load_cert_chain(pem.name, password=_refuse_encrypted)
        if self.authorities is not None:
            context.load_verify_locations(cadata=self.authorities)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def read_tls(config: TlsConfig) -> TlsMaterial:
    """Return the contents of the files that `config` names, after a trial.

    Raises:
        ConfigError: a file cannot be read, or they do not fit together.
    """
    material = TlsMaterial(
        certificate=_read("cert", config.cert),
        private_key=_read("private-key", config.private_key),
        authorities=None
        if config.ca is None
        else "\n".join(_read("ca", path).decode("ascii", "ignore") for path in config.ca),
    )
    try:
        material.context()
    except (ssl.SSLError, ValueError) as error:
        names = ", ".join(filter(None, (config.cert, config.private_key, *(config.ca or ()))))
        raise ConfigError(f"server.listener.tls: {names}: cannot be used: {error}") from None
    return material


def _read(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"server.listener.tls.{option}: {Path(path).absolute()}: {reason}"
        ) from None


def _refuse_encrypted() -> str:
    # Without this OpenSSL would ask for the passphrase on the terminal, and wait.
    raise ValueError("the private key is encrypted; give one that is not")
