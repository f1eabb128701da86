from typing import Any

import pytest

from app.server.websocket_scope import websocket_scope
from app.websocket.handshake import HandshakeRefused
from app.websocket.headers import Headers

REQUEST = {"type": "http", "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1)}


def scope_of(url: bytes, headers: Headers = (), **request: str) -> dict[str, Any]:
    return dict(websocket_scope({**REQUEST, **request}, url, headers, "3.0"))


def test_url_is_taken_apart() -> None:
    scope = scope_of(b"/a%20b/%D1%8F?x=%20")

    assert (scope["path"], scope["raw_path"]) == ("/a b/\u044f", b"/a%20b/%D1%8F")
    assert scope["query_string"] == b"x=%20"
    assert scope_of(b"/a")["query_string"] == b""


def test_root_path_comes_first() -> None:
    scope = scope_of(b"/a", root_path="/root")

    assert (scope["path"], scope["raw_path"]) == ("/root/a", b"/root/a")


@pytest.mark.parametrize(("scheme", "expected"), [("http", "ws"), ("https", "wss")])
def test_scheme_is_that_of_websockets(scheme: str, expected: str) -> None:
    scope = scope_of(b"/a", scheme=scheme)

    assert (scope["type"], scope["scheme"]) == ("websocket", expected)
    assert scope["client"] == ("127.0.0.1", 1)


def test_subprotocols_of_all_lines_are_offered_in_order() -> None:
    headers = [
        (b"sec-websocket-protocol", b"a, b"),
        (b"x-other", b"x"),
        (b"sec-websocket-protocol", b"c"),
    ]

    assert scope_of(b"/a", headers)["subprotocols"] == ["a", "b", "c"]


@pytest.mark.parametrize("url", [b"http://host", b"http://a:99999/chat", b"http://[", b"/\xff"])
def test_url_without_a_valid_path_is_refused(url: bytes) -> None:
    with pytest.raises(HandshakeRefused) as refused:
        scope_of(url)

    assert refused.value.status == 400
