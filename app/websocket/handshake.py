"""The opening handshake: checks a request and encodes the answer (RFC 6455 section 4.2).

What a service decides itself, such as origins and subprotocols, is not looked at here.
"""

import binascii
import functools
import hashlib
import re
from http import HTTPStatus
from typing import Final

from app.websocket.authority import parse_authority
from app.websocket.headers import Headers
from app.websocket.subprotocols import check_subprotocol

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # base64 of 16 bytes
_BLANKS = b" \t"  # what may stand around a value (RFC 9110 section 5.6.3)
_HEADER_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(rb"[\t -~\x80-\xff]*")

_CHECKED = frozenset(
    (
        b"connection",
        b"content-length",
        b"host",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"transfer-encoding",
        b"upgrade",
    )
)

# What an answer says by itself, whatever a service puts into its headers.
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_NEGOTIATED = frozenset(
    (b"sec-websocket-accept", b"sec-websocket-extensions", b"sec-websocket-protocol")
)
_NOT_IN_REFUSAL = _FRAMING | _NEGOTIATED
_NOT_IN_ACCEPTANCE = _FRAMING | {b"connection", b"upgrade"}

_UPGRADE = ((b"upgrade", b"websocket"), (b"connection", b"Upgrade"))
_VERSION = (b"sec-websocket-version", b"13")

_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_WITHOUT_LENGTH = frozenset((204, 304))
_WITHOUT_BODY = _WITHOUT_LENGTH | {205}
_REFUSALS = range(200, 600)

_SWITCHING_PROTOCOLS = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n"
    b"%b\r\n"
)


class HandshakeRefused(Exception):
    """The request opens no WebSocket connection; it is to be answered as the attributes say."""

    def __init__(self, status: int, reason: str, headers: Headers = ()) -> None:
        super().__init__(status, reason, headers)
        self.status = status
        self.reason = reason
        self.headers = headers

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


def check_handshake(method: str, http_version: str, headers: Headers) -> bytes:
    """Check a request and return the value of Sec-WebSocket-Accept for it.

    Args:
        method: As it came, such as "GET".
        http_version: As ASGI has it, such as "1.1".
        headers: As ASGI has them: names in lower case, one pair for each line.

    Raises:
        HandshakeRefused: it opens no connection (RFC 6455 sections 4.2.1, 4.2.2 and 4.4, RFC 9112
            section 3.2). That goes for a body, too: frames follow the head.
    """
    fields = _collect(headers)
    if http_version != "1.1":
        raise HandshakeRefused(400, "a WebSocket connection needs HTTP/1.1")
    if method != "GET":
        raise HandshakeRefused(405, "a WebSocket connection needs GET", ((b"allow", b"GET"),))
    host = fields.get(b"host", b"")
    if not (_is_known_host if len(host) <= _MAX_KNOWN_HOST else _is_one_host)(host):
        raise HandshakeRefused(400, "exactly one Host header is needed: a host, perhaps a port")
    upgrade, connection = fields.get(b"upgrade", b""), fields.get(b"connection", b"")
    if not (_has_token(upgrade, b"websocket") and _has_token(connection, b"upgrade")):
        raise HandshakeRefused(426, "an upgrade to WebSocket is needed", _UPGRADE)
    if fields.get(b"sec-websocket-version", b"").strip(_BLANKS) != b"13":
        raise HandshakeRefused(426, "WebSocket version 13 is needed", (_VERSION, *_UPGRADE))
    key = fields.get(b"sec-websocket-key", b"").strip(_BLANKS)
    if not _KEY.fullmatch(key):
        raise HandshakeRefused(400, "Sec-WebSocket-Key is not one key of 16 bytes in base64")
    if fields.get(b"content-length", b"0").strip(_BLANKS) != b"0" or b"transfer-encoding" in fields:
        raise HandshakeRefused(400, "a WebSocket handshake has no body")
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
    return binascii.b2a_base64(digest, newline=False)


def _collect(headers: Headers) -> dict[bytes, bytes]:
    # Lines of one name make one list (RFC 9110 section 5.3). So what must be there once needs no
    # count: no host, version, key or length has a comma and a space in it.
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _CHECKED:
            fields[name] = fields[name] + b", " + value if name in fields else value
    return fields


def _is_one_host(value: bytes) -> bool:
    try:
        parse_authority(value.strip(_BLANKS).decode("latin-1"))
    except ValueError:
        return False
    # A host may have commas, so that one host and an empty one look like a host.
    return b", " not in value


_MAX_KNOWN_HOST: Final = 64

# Nearly all clients name the same host. Measured: 0.2 µs instead of 2.
_is_known_host = functools.lru_cache(128)(_is_one_host)


def _has_token(value: bytes, token: bytes) -> bool:
    value = value.lower()
    return value == token or token in [part.strip(_BLANKS) for part in value.split(b",")]


def check_refusal(status: int) -> int:
    """Return the status of an answer that opens no connection.

    Raises:
        ValueError: it is none, or one from 100 to 199: a client would wait for more, or take 101
            for an open connection.
    """
    if status not in _REFUSALS:
        raise ValueError(f"a refusal has a status from 200 to 599, not {status!r}")
    return int(status)


def refusal_headers(status: int, headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers with which an opening handshake can be refused.

    Content-Length and Transfer-Encoding are left out, which only who sends the body knows, and so
    is what tells of an open connection. Connection and Upgrade may say what a client should do.

    Raises:
        ValueError: there is no refusal with that status, or a header would break out of its line.
    """
    check_refusal(status)
    return _without(_NOT_IN_REFUSAL, headers)


def acceptance_headers(subprotocol: str | None, headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers with which an opening handshake can be accepted, beside its own.

    Those of a body and of the connection are left out: there is no body, and the handshake says
    that the connection is upgraded.

    Raises:
        ValueError: the subprotocol is no token, a header would break out of its line, or it would
            contradict what has been negotiated.
    """
    if subprotocol is not None:
        check_subprotocol(subprotocol)
    for name, _ in headers:
        if name.lower() in _NEGOTIATED:
            raise ValueError(
                f"header {name!r} is the handshake's own; a subprotocol is set as such, not here"
            )
    return _without(_NOT_IN_ACCEPTANCE, headers)


def _without(names: frozenset[bytes], headers: Headers) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() not in names]
    for name, value in kept:
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise ValueError(f"header {name!r} is no token or has control characters in its value")
    return kept


def complete_refusal(
    status: int, headers: Headers, body: bytes
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers, with Content-Length, and the body of a refusal, if its status has them.

    Raises:
        ValueError: see `refusal_headers`.
    """
    lines = refusal_headers(status, headers)
    if status in _WITHOUT_BODY:
        body = b""
    if status not in _WITHOUT_LENGTH:
        lines.append((b"content-length", b"%d" % len(body)))
    return lines, body


def encode_response(status: int, headers: Headers, body: bytes) -> bytes:
    """Encode an answer that is not the handshake's: its head and, if its status allows, `body`.

    Raises:
        ValueError: see `refusal_headers`.
    """
    lines, body = complete_refusal(status, headers, body)
    phrase = _PHRASES.get(status, b"")
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, phrase, _encode(lines), body)


def encode_switching_protocols(
    accept: bytes, subprotocol: str | None, headers: Headers, extensions: bytes | None = None
) -> bytes:
    """Encode the answer that opens the connection (RFC 6455 section 4.2.2).

    Args:
        accept: What `check_handshake` returned.
        subprotocol: The one that was chosen of those the client offered, or None.
        headers: Further ones.
        extensions: What was agreed on of the extensions that the client offered, if anything.

    Raises:
        ValueError: see `acceptance_headers`.
    """
    if subprotocol is not None:
        check_subprotocol(subprotocol)
    further = _encoded_acceptance(tuple(headers))
    negotiated = []
    if subprotocol is not None:
        negotiated.append((b"Sec-WebSocket-Protocol", subprotocol.encode("ascii")))
    if extensions is not None:
        negotiated.append((b"Sec-WebSocket-Extensions", extensions))
    return _SWITCHING_PROTOCOLS % (accept, _encode(negotiated) + further)


# Nearly all answers of a service have the same ones, beside the time, which changes once a second.
@functools.lru_cache(32)
def _encoded_acceptance(headers: Headers) -> bytes:
    return _encode(acceptance_headers(None, headers))


def _encode(lines: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % line for line in lines])
