"""Certificates of a listener: read once, by the parent process."""

import contextlib
import re
import ssl
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvicorn
from pydantic import Field

from app.static_config.config_file import unreadable
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from app.static_config.model import ConfigModel


class TlsConfig(ConfigModel):
    """Makes a listener speak TLS: https and wss. Paths are relative to the current directory."""

    cert: str = Field(description="PEM file with the certificate and then its chain.")
    private_key: str = Field(
        alias="private-key", description="PEM file with the key, which must not be encrypted."
    )
    ca: list[str] | None = Field(
        default=None,
        min_length=1,
        description="PEM files with authorities; clients must then have a certificate of one of"
        " them.",
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
        OptionError: a file cannot be read, or they do not fit together.
    """
    files: dict[OptionPath, str] = {("cert",): config.cert, ("private-key",): config.private_key}
    files |= {("ca", index): path for index, path in enumerate(config.ca or ())}
    contents: dict[OptionPath, bytes] = {}
    refusals: dict[OptionPath, str] = {}
    for option, path in files.items():
        try:
            contents[option] = Path(path).read_bytes()
        except (OSError, ValueError) as error:
            refusals[option] = unreadable(Path(path), error)
    for option, content in contents.items():
        kind = _KINDS[option[0]]
        if kind not in content:
            text = f"{Path(files[option]).absolute()}: there is no {kind.decode()} in it"
            refusals[option] = text
    if refusals:
        raise OptionError(refusals)
    certificate, private_key, *authorities = contents.values()
    material = TlsMaterial(
        certificate,
        private_key,
        "\n".join(each.decode("ascii", "ignore") for each in authorities) if config.ca else None,
    )
    try:
        material.context()
    except (ssl.SSLError, ValueError) as error:
        # OpenSSL's own place, `(_ssl.c:3905)`, helps nobody here.
        names = ", ".join(str(Path(path).absolute()) for path in files.values())
        text = f"{names}: cannot be used: {_OPENSSL_PLACE.sub('', str(error))}"
        raise OptionError({(): text}) from None
    return material


def is_readable_by_all(path: str) -> bool:
    """Return whether every user of the machine may read the file."""
    with contextlib.suppress(OSError):
        return bool(Path(path).stat().st_mode & stat.S_IROTH)
    return False


_KINDS: Final[dict[str | int, bytes]] = {
    "cert": b"CERTIFICATE",
    "private-key": b"PRIVATE KEY",
    "ca": b"CERTIFICATE",
}
"""What PEM calls what must be in a file."""

_OPENSSL_PLACE: Final = re.compile(r" \(_ssl\.c:\d+\)")


def _refuse_encrypted() -> str:
    # Without this OpenSSL would ask for the passphrase on the terminal, and wait.
    raise ValueError("the private key is encrypted; give one that is not")
