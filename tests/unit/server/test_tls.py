import pickle
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.server.tls import TlsConfig, TlsMaterial, is_readable_by_all, read_tls
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from tests.helpers.certificates import Certificate, make_certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(folder: Path) -> Certificate:
    return make_certificate(folder, "server")


@pytest.fixture(scope="module")
def client(folder: Path) -> Certificate:
    return make_certificate(folder, "client")


def config(cert: Path, private_key: Path, *ca: Path) -> TlsConfig:
    options: dict[str, Any] = {"cert": str(cert), "private-key": str(private_key)}
    if ca:
        options["ca"] = [str(path) for path in ca]
    return TlsConfig.model_validate(options)


def read(certificate: Certificate, *ca: Path) -> TlsMaterial:
    return read_tls(config(certificate.cert, certificate.private_key, *ca))


def refusals(options: TlsConfig) -> Mapping[OptionPath, str]:
    with pytest.raises(OptionError) as caught:
        read_tls(options)
    return caught.value.refusals


def refusal_of_all(options: TlsConfig) -> str:
    """Return what is said of the whole section."""
    ((option, text),) = refusals(options).items()
    assert option == ()
    return text


def client_context(trusted: Certificate, own: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusted.cert)
    if own is not None:
        context.load_cert_chain(own.cert, own.private_key)
    return context


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """Let both sides talk in memory until they agree; return the protocol they agree on."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_side = server.wrap_bio(to_server, to_client, server_side=True)
    client_side = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    waiting = [client_side, server_side]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    assert not waiting
    return server_side.version()


def test_client_that_trusts_the_certificate_is_served(server: Certificate) -> None:
    context = read(server).context()

    assert shake_hands(context, client_context(server)) == "TLSv1.3"


def test_clients_need_no_certificate_without_ca(server: Certificate) -> None:
    assert read(server).context().verify_mode == ssl.CERT_NONE


def test_clients_need_a_certificate_with_ca(server: Certificate, client: Certificate) -> None:
    context = read(server, client.cert).context()

    assert context.verify_mode == ssl.CERT_REQUIRED
    assert shake_hands(context, client_context(server, own=client)) == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match="peer did not return a certificate"):
        shake_hands(context, client_context(server))


def test_certificate_of_another_authority_is_refused(
    server: Certificate, client: Certificate
) -> None:
    context = read(server, server.cert).context()

    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        shake_hands(context, client_context(server, own=client))


def test_each_of_several_authorities_is_trusted(server: Certificate, client: Certificate) -> None:
    context = read(server, server.cert, client.cert).context()

    for own in (server, client):
        assert shake_hands(context, client_context(server, own=own)) == "TLSv1.3"


def test_material_needs_no_files_any_more_and_survives_pickling(tmp_path: Path) -> None:
    server = make_certificate(tmp_path, "server")
    trusting = client_context(server)
    material = read(server, server.cert)

    server.cert.unlink()
    server.private_key.unlink()
    copy = pickle.loads(pickle.dumps(material))

    assert copy == material
    assert copy.context().verify_mode == ssl.CERT_REQUIRED
    with pytest.raises(ssl.SSLError, match="peer did not return a certificate"):
        shake_hands(copy.context(), trusting)


def test_material_does_not_show_the_key(server: Certificate) -> None:
    shown = repr(read(server))

    assert "BEGIN CERTIFICATE" in shown
    assert "PRIVATE KEY" not in shown


def test_authorities_may_be_commented_in_any_language(
    server: Certificate, client: Certificate, tmp_path: Path
) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes("# Főtanúsítvány\n".encode() + client.cert.read_bytes())

    context = read(server, authorities).context()

    assert shake_hands(context, client_context(server, own=client)) == "TLSv1.3"


def test_key_without_a_line_break_at_its_end_is_good(server: Certificate, tmp_path: Path) -> None:
    key = tmp_path / "bare.key"
    key.write_bytes(server.private_key.read_bytes().rstrip())

    assert read_tls(config(server.cert, key)).context()


def test_key_that_does_not_fit_is_refused_and_the_files_are_named(
    server: Certificate, client: Certificate
) -> None:
    said = refusal_of_all(config(server.cert, client.private_key))

    assert said.startswith(f"{server.cert}, {client.private_key}: cannot be used: ")
    assert said.lower().replace("_", " ").endswith("key values mismatch")


def test_encrypted_key_is_refused_without_a_question(tmp_path: Path) -> None:
    encrypted = make_certificate(tmp_path, "encrypted", password=b"secret")

    said = refusal_of_all(config(encrypted.cert, encrypted.private_key))

    assert said.endswith("cannot be used: the private key is encrypted; give one that is not")


@pytest.mark.parametrize("missing", ["cert", "private-key", "ca"])
def test_missing_file_is_named_whole_with_what_its_path_is_relative_to(
    server: Certificate, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {
        "cert": str(server.cert),
        "private-key": str(server.private_key),
        "ca": [str(server.cert)],
    }
    options[missing] = ["nowhere.pem"] if missing == "ca" else "nowhere.pem"

    option: OptionPath = ("ca", 0) if missing == "ca" else (missing,)
    assert refusals(TlsConfig.model_validate(options)) == {
        option: f"{tmp_path / 'nowhere.pem'}: No such file or directory;"
        " relative to the current directory"
    }


def test_key_in_the_place_of_its_path_is_not_shown(server: Certificate) -> None:
    key = server.private_key.read_text()
    options = {"cert": str(server.cert), "private-key": key}

    assert refusals(TlsConfig.model_validate(options)) == {
        ("private-key",): "expected the path of a file, got what may be its contents"
    }


def test_files_that_do_not_fit_are_named_whole(
    server: Certificate, client: Certificate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    said = refusal_of_all(config(Path(server.cert.name), Path(client.private_key.name)))

    assert said.startswith(f"{server.cert}, {client.private_key}: cannot be used: ")


def test_all_files_that_cannot_be_read_are_named(server: Certificate, tmp_path: Path) -> None:
    said = refusals(config(tmp_path, tmp_path / "nowhere.key", server.cert, tmp_path / "nowhere"))

    assert said == {
        ("cert",): f"{tmp_path}: Is a directory",
        ("private-key",): f"{tmp_path / 'nowhere.key'}: No such file or directory",
        ("ca", 1): f"{tmp_path / 'nowhere'}: No such file or directory",
    }


@pytest.mark.parametrize("content", [b"", b"nothing of use", b"\xff\xfe"])
@pytest.mark.parametrize(
    ("place", "option", "kind"),
    [
        ("cert", ("cert",), "CERTIFICATE"),
        ("private-key", ("private-key",), "PRIVATE KEY"),
        ("ca", ("ca", 1), "CERTIFICATE"),
    ],
)
def test_file_that_holds_nothing_of_use_is_refused_at_its_option(
    server: Certificate,
    place: str,
    option: OptionPath,
    kind: str,
    content: bytes,
    tmp_path: Path,
) -> None:
    useless = tmp_path / "useless.pem"
    useless.write_bytes(content)
    files = {"cert": server.cert, "private-key": server.private_key, "ca": server.cert}
    files[place] = useless

    said = refusals(config(files["cert"], files["private-key"], server.cert, files["ca"]))

    assert said == {option: f"{useless}: there is no {kind} in it"}


def test_certificate_and_key_that_are_mixed_up_are_refused_each(server: Certificate) -> None:
    said = refusals(config(server.private_key, server.cert))

    assert said == {
        ("cert",): f"{server.private_key}: there is no CERTIFICATE in it",
        ("private-key",): f"{server.cert}: there is no PRIVATE KEY in it",
    }


def test_file_of_no_use_is_told_with_those_that_cannot_be_read(
    server: Certificate, tmp_path: Path
) -> None:
    said = refusals(config(server.private_key, tmp_path / "nowhere.key"))

    assert list(said) == [("private-key",), ("cert",)]


def test_certificate_and_key_may_be_in_one_file(server: Certificate, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(server.private_key.read_bytes() + server.cert.read_bytes())

    assert shake_hands(read_tls(config(both, both)).context(), client_context(server)) == "TLSv1.3"


@pytest.mark.parametrize("place", ["cert", "private-key", "ca"])
def test_file_that_is_damaged_is_named_with_what_openssl_says_and_not_where_it_does(
    server: Certificate, place: str, tmp_path: Path
) -> None:
    files = {"cert": server.cert, "private-key": server.private_key, "ca": server.cert}
    damaged = tmp_path / "damaged.pem"
    damaged.write_bytes(files[place].read_bytes()[:-100])
    files[place] = damaged

    said = refusal_of_all(config(files["cert"], files["private-key"], files["ca"]))

    assert str(damaged) in said
    assert ": cannot be used: " in said
    assert "_ssl.c" not in said


@pytest.mark.parametrize(("mode", "expected"), [(0o600, False), (0o604, True), (0o640, False)])
def test_file_is_readable_by_all_if_its_mode_says_so(
    tmp_path: Path, mode: int, expected: bool
) -> None:
    path = tmp_path / "key"
    path.touch(mode)
    path.chmod(mode)

    assert is_readable_by_all(str(path)) is expected


def test_file_that_is_not_there_is_readable_by_nobody(tmp_path: Path) -> None:
    assert not is_readable_by_all(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cert": "a.pem"},
        {"private-key": "a.key"},
        {"cert": "a.pem", "private-key": "a.key", "ca": []},
        {"cert": "a.pem", "private-key": "a.key", "ca": "ca.pem"},
        {"cert": "a.pem", "private-key": "a.key", "password": "secret"},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TlsConfig.model_validate(options)
