"""The opening handshake: checks a request and encodes the answer (RFC 6455 section 4.2).

What a service decides itself, such as origins and subprotocols, is not looked at here.
"""

import binascii
import hashlib
import re
from http import HTTPStatus

from app.websocket.channel import Headers

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # base64 of 16 bytes
_HEADER_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(rb"[^\r\n\0]*")

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
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))

_UPGRADE = ((b"upgrade", b"websocket"), (b"connection", b"Upgrade"))
_VERSION = (b"sec-websocket-version", b"13")

_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_WITHOUT_BODY = frozenset((*range(100, 200), 204, 304))

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
    host = fields.get(b"host")
    if host is None or b", " in host:
        raise HandshakeRefused(400, "exactly one Host header is needed")
    upgrade, connection = fields.get(b"upgrade", b""), fields.get(b"connection", b"")
    if not (_has_token(upgrade, b"websocket") and _has_token(connection, b"upgrade")):
        raise HandshakeRefused(426, "an upgrade to WebSocket is needed", _UPGRADE)
    if fields.get(b"sec-websocket-version", b"").strip() != b"13":
        raise HandshakeRefused(426, "WebSocket version 13 is needed", (_VERSION, *_UPGRADE))
    key = fields.get(b"sec-websocket-key", b"").strip()
    if not _KEY.fullmatch(key):
        raise HandshakeRefused(400, "Sec-WebSocket-Key is not one key of 16 bytes in base64")
    if fields.get(b"content-length", b"0").strip() != b"0" or b"transfer-encoding" in fields:
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


def _has_token(value: bytes, token: bytes) -> bool:
    return token in [part.strip() for part in value.lower().split(b",")]


def encode_response(status: int, headers: Headers, body: bytes) -> bytes:
    """Encode an answer that is not the handshake's: its head and, if its status allows, `body`.

    The framing is done here: Content-Length and Transfer-Encoding in `headers` are left out.

    Raises:
        ValueError: a header would break out of its line.
    """
    lines = [(name, value) for name, value in headers if name.lower() not in _FRAMING]
    if status in _WITHOUT_BODY:
        body = b""
    else:
        lines.append((b"content-length", b"%d" % len(body)))
    phrase = _PHRASES.get(status, b"")
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, phrase, _encode_headers(lines), body)


def encode_switching_protocols(accept: bytes, subprotocol: str | None, headers: Headers) -> bytes:
    """Encode the answer that opens the connection (RFC 6455 section 4.2.2).

    Args:
        accept: What `check_handshake` returned.
        subprotocol: The one that was chosen of those the client offered, or None.
        headers: Further ones.

    Raises:
        ValueError: the subprotocol or a header would break out of its line.
    """
    if subprotocol is not None:
        headers = ((b"Sec-WebSocket-Protocol", subprotocol.encode("ascii")), *headers)
    return _SWITCHING_PROTOCOLS % (accept, _encode_headers(headers))


def _encode_headers(headers: Headers) -> bytes:
    for name, value in headers:
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise ValueError(f"header {name!r} is no token or has CR, LF or NUL in its value")
    return b"".join([b"%b: %b\r\n" % (name, value) for name, value in headers])
