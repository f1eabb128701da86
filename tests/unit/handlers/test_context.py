import json
from http import HTTPStatus
from typing import Any

import pytest

from app.handlers.context import HandshakeResponse, RequestContext


def test_context_has_no_subprotocol_and_no_data_unless_told() -> None:
    context = RequestContext("handler", {}, "0" * 32)

    assert context.subprotocol is None
    assert context.data == {}


# The status


def test_refusal_is_403_without_headers_or_body_unless_told() -> None:
    response = HandshakeResponse()

    assert (response.status_code, response.headers.raw, response.body) == (403, [], b"")
    assert response.subprotocol is None


@pytest.mark.parametrize("status", [200, 302, 401, 426, 599, HTTPStatus.UNAUTHORIZED])
def test_refusal_has_any_final_status(status: int) -> None:
    response = HandshakeResponse()

    response.status_code = status

    assert response.status_code == status
    assert type(response.status_code) is int


@pytest.mark.parametrize("status", [0, 100, 101, 199, 600, -401, True, "401", None])
def test_other_status_is_refused_where_it_is_set(status: Any) -> None:
    response = HandshakeResponse()

    with pytest.raises(ValueError, match=r"^a refusal has a status from 200 to 599, not "):
        response.status_code = status
    with pytest.raises(ValueError, match=r"^a refusal has a status from 200 to 599, not "):
        HandshakeResponse(status_code=status)

    assert response.status_code == 403


# JSON


def test_refusal_may_be_json() -> None:
    response = HandshakeResponse()

    response.json({"error": "say please", "retry": None, "word": "\u044f\r\n"}, status_code=401)

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.body) == {
        "error": "say please",
        "retry": None,
        "word": "\u044f\r\n",
    }
    response.check(accepted=False, offered=())


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"bytes"])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        HandshakeResponse().json(value, status_code=401)


def test_json_needs_the_status_of_a_refusal() -> None:
    with pytest.raises(ValueError, match=r"not 101$"):
        HandshakeResponse().json({}, status_code=101)


# What can be sent


@pytest.mark.parametrize(
    ("subprotocol", "offered"), [(None, ()), (None, ("a",)), ("b", ("a", "b"))]
)
def test_subprotocol_that_the_client_offers_can_be_sent(
    subprotocol: str | None, offered: tuple[str, ...]
) -> None:
    response = HandshakeResponse()
    response.subprotocol = subprotocol

    response.check(accepted=True, offered=offered)


@pytest.mark.parametrize(
    ("subprotocol", "offered"), [("a", ()), ("a", ("b",)), ("a", ("A",)), ("a", ("ab",))]
)
def test_subprotocol_that_the_client_does_not_offer_cannot(
    subprotocol: str, offered: tuple[str, ...]
) -> None:
    response = HandshakeResponse()
    response.subprotocol = subprotocol

    with pytest.raises(ValueError, match=r"^subprotocol 'a' is none that the client offers$"):
        response.check(accepted=True, offered=offered)


@pytest.mark.parametrize("subprotocol", ["", "a b", "a\r\nx: y", "\u0430"])
def test_subprotocol_that_is_no_token_cannot_be_sent(subprotocol: str) -> None:
    response = HandshakeResponse()
    response.subprotocol = subprotocol

    with pytest.raises(ValueError, match=r"^subprotocol '.*' is not a name of"):
        response.check(accepted=True, offered=(subprotocol,))


def test_refusal_needs_no_subprotocol() -> None:
    response = HandshakeResponse()
    response.subprotocol = "a"

    response.check(accepted=False, offered=())


@pytest.mark.parametrize("body", ["text", None, bytearray(b"a"), memoryview(b"a"), {"a": 1}])
def test_body_that_is_not_bytes_cannot_be_sent(body: Any) -> None:
    response = HandshakeResponse()
    response.body = body

    with pytest.raises(TypeError, match=rf"is bytes, not {type(body).__name__}$"):
        response.check(accepted=False, offered=())


def test_acceptance_needs_no_body() -> None:
    response = HandshakeResponse()
    response.body = None  # type: ignore[assignment]  # the misuse is what is tested

    response.check(accepted=True, offered=())


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(
    ("name", "value"), [("x", "a\r\ny: z"), ("x", "a\0"), ("x\r\ny", "z"), ("", "a"), ("x ", "a")]
)
def test_header_that_would_break_out_of_its_line_cannot_be_sent(
    accepted: bool, name: str, value: str
) -> None:
    response = HandshakeResponse()
    response.headers[name] = value

    with pytest.raises(ValueError, match=r"^header b'"):
        response.check(accepted=accepted, offered=())


def test_header_beyond_latin_1_is_refused_where_it_is_set() -> None:
    response = HandshakeResponse()

    with pytest.raises(UnicodeEncodeError):
        response.headers["x"] = "\u0130"

    assert response.headers.raw == []


def test_header_of_the_handshake_cannot_be_sent_with_it() -> None:
    response = HandshakeResponse()
    response.headers["Sec-WebSocket-Protocol"] = "a"

    with pytest.raises(ValueError, match=r"handshake's own"):
        response.check(accepted=True, offered=("a",))
