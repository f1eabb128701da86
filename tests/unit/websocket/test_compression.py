from itertools import product

import pytest
from pydantic import ValidationError
from websockets.exceptions import NegotiationError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension

from app.static_config.model import options_of
from app.websocket.compression import Agreement, CompressionConfig, negotiate
from app.websocket.handshake import HandshakeRefused

LARGEST = CompressionConfig(enabled=True, server_max_window_bits=15, client_max_window_bits=15)
DEFAULT = CompressionConfig(enabled=True)
ALONE = CompressionConfig(
    enabled=True, server_no_context_takeover=True, client_no_context_takeover=True
)


def answer(config: CompressionConfig, *values: bytes) -> bytes | None:
    agreement = negotiate(values, config)
    return None if agreement is None else agreement.header


# The config


def test_compression_is_off_by_default() -> None:
    config = CompressionConfig()

    assert not config.enabled
    assert negotiate([b"permessage-deflate"], config) is None


def test_options_have_the_names_that_a_file_has() -> None:
    assert list(options_of(CompressionConfig)) == [
        "enabled",
        "level",
        "server-max-window-bits",
        "client-max-window-bits",
        "server-no-context-takeover",
        "client-no-context-takeover",
        "threshold",
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("level", 0),
        ("level", 10),
        ("server-max-window-bits", 8),
        ("server-max-window-bits", 16),
        ("client-max-window-bits", 8),
        ("client-max-window-bits", 16),
        ("threshold", -1),
        ("memory-level", 5),
    ],
)
def test_an_option_out_of_its_bounds_is_refused(option: str, value: int) -> None:
    with pytest.raises(ValidationError, match=option):
        CompressionConfig.model_validate({option: value})


# Negotiation: RFC 7692 has the examples in sections 5.1, 5.2, 7.1.2.1, 7.1.2.2 and 7.1.3.


@pytest.mark.parametrize(
    ("config", "value", "header"),
    [
        (LARGEST, b"permessage-deflate", b"permessage-deflate"),
        (LARGEST, b"permessage-deflate; client_max_window_bits", b"permessage-deflate"),
        (
            LARGEST,
            b"permessage-deflate; client_max_window_bits; server_max_window_bits=10",
            b"permessage-deflate; server_max_window_bits=10",
        ),
        (
            LARGEST,
            b"permessage-deflate; client_max_window_bits; server_max_window_bits=10, "
            b"permessage-deflate; client_max_window_bits",
            b"permessage-deflate; server_max_window_bits=10",
        ),
        (
            LARGEST,
            b"permessage-deflate; server_max_window_bits=15",
            b"permessage-deflate; server_max_window_bits=15",
        ),
        (
            LARGEST,
            b'permessage-deflate; server_max_window_bits="11"',
            b"permessage-deflate; server_max_window_bits=11",
        ),
        (
            LARGEST,
            b"permessage-deflate; client_max_window_bits=8",
            b"permessage-deflate; client_max_window_bits=8",
        ),
        (
            LARGEST,
            b"permessage-deflate; server_no_context_takeover",
            b"permessage-deflate; server_no_context_takeover",
        ),
        (
            LARGEST,
            b"permessage-deflate; client_no_context_takeover",
            b"permessage-deflate; client_no_context_takeover",
        ),
        (DEFAULT, b"permessage-deflate", b"permessage-deflate; server_max_window_bits=12"),
        (
            DEFAULT,
            b"permessage-deflate; client_max_window_bits",
            b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
        (
            DEFAULT,
            b"permessage-deflate; client_max_window_bits=15; server_max_window_bits=9",
            b"permessage-deflate; server_max_window_bits=9; client_max_window_bits=12",
        ),
        (
            DEFAULT,
            b"permessage-deflate; client_max_window_bits=10; server_max_window_bits=14",
            b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=10",
        ),
        (
            ALONE,
            b"permessage-deflate",
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover;"
            b" server_max_window_bits=12",
        ),
    ],
)
def test_an_offer_is_answered_with_what_both_can(
    config: CompressionConfig, value: bytes, header: bytes
) -> None:
    assert answer(config, value) == header


@pytest.mark.parametrize(
    "parameters",
    [
        b"unknown",
        b"unknown=1",
        b"Server_no_context_takeover",
        b"__proto__",
        b"server_no_context_takeover=1",
        b"server_no_context_takeover=true",
        b"client_no_context_takeover=0",
        b"server_no_context_takeover; server_no_context_takeover",
        b"server_max_window_bits",
        b"server_max_window_bits=8",
        b"server_max_window_bits=7",
        b"server_max_window_bits=16",
        b"server_max_window_bits=1000000000000000000000000000000000000000000000",
        b"server_max_window_bits=010",
        b"server_max_window_bits=+15",
        b"server_max_window_bits=-15",
        b"server_max_window_bits=15.0",
        b"server_max_window_bits=1e1",
        b"server_max_window_bits=0xf",
        b"server_max_window_bits=1_0",
        b"server_max_window_bits=many",
        b"server_max_window_bits=10; server_max_window_bits=10",
        b"client_max_window_bits=7",
        b"client_max_window_bits=16",
        b"client_max_window_bits=08",
        b"client_max_window_bits=true",
        b"client_max_window_bits; client_max_window_bits",
        b"client_max_window_bits; client_max_window_bits=10",
    ],
)
def test_an_offer_with_a_wrong_parameter_is_declined_and_the_next_one_taken(
    parameters: bytes,
) -> None:
    wrong = b"permessage-deflate; " + parameters

    assert answer(LARGEST, wrong) is None
    assert answer(LARGEST, wrong + b", permessage-deflate") == b"permessage-deflate"
    assert answer(LARGEST, wrong, b"permessage-deflate") == b"permessage-deflate"


@pytest.mark.parametrize(
    "value",
    [b"foo", b"x-webkit-deflate-frame", b"permessage-bzip2; level=3", b"Permessage-Deflate"],
)
def test_other_extensions_are_declined(value: bytes) -> None:
    assert answer(LARGEST, value) is None
    assert answer(LARGEST, value + b", permessage-deflate") == b"permessage-deflate"


def test_the_first_offer_that_can_be_accepted_is() -> None:
    offers = b"permessage-deflate; server_no_context_takeover, permessage-deflate"

    assert answer(LARGEST, offers) == b"permessage-deflate; server_no_context_takeover"


def test_without_a_header_there_is_nothing_to_agree_on() -> None:
    assert negotiate([], LARGEST) is None


@pytest.mark.parametrize("config", [DEFAULT, CompressionConfig()], ids=["enabled", "disabled"])
@pytest.mark.parametrize(
    "value",
    [
        b"permessage-deflate; server_max_window_bits=",
        b"permessage-deflate; server_max_window_bits=, permessage-deflate",
        b"permessage-deflate; server_max_window_bits=\xd9\xa1\xd9\xa2",
        b"permessage-deflate;",
    ],
)
def test_a_malformed_header_is_refused(config: CompressionConfig, value: bytes) -> None:
    with pytest.raises(HandshakeRefused, match="400: Sec-WebSocket-Extensions is not a list"):
        negotiate([value], config)


def test_an_agreement_holds_what_was_agreed_on_and_what_was_configured() -> None:
    config = CompressionConfig(enabled=True, level=3, threshold=50, client_max_window_bits=11)
    value = b"permessage-deflate; client_max_window_bits; server_no_context_takeover"

    assert negotiate([value], config) == Agreement(
        header=b"permessage-deflate; server_no_context_takeover;"
        b" server_max_window_bits=12; client_max_window_bits=11",
        server_max_window_bits=12,
        client_max_window_bits=11,
        server_no_context_takeover=True,
        client_no_context_takeover=False,
        level=3,
        threshold=50,
    )


def test_a_client_that_cannot_be_told_has_the_largest_window() -> None:
    agreement = negotiate([b"permessage-deflate"], DEFAULT)

    assert agreement is not None
    assert agreement.client_max_window_bits == 15


def test_each_connection_compresses_as_was_agreed() -> None:
    agreement = negotiate([b"permessage-deflate"], CompressionConfig(enabled=True, threshold=0))
    assert agreement is not None
    deflater, inflater = agreement.deflater(), agreement.inflater()

    for _ in range(2):
        payload = deflater.compress(b"hello")
        inflater.begin(5)
        assert inflater.inflate(payload) == (b"hello", len(payload))
        assert inflater.finish() == b""
    assert deflater.compress(b"hello") != agreement.deflater().compress(b"hello")
    assert agreement.deflater() is not agreement.deflater()


BITS = (None, b"8", b"9", b"12", b"15")
FLAGS = (False, True)


@pytest.mark.parametrize(
    "config",
    [
        CompressionConfig(
            enabled=True,
            server_max_window_bits=server,
            client_max_window_bits=client,
            server_no_context_takeover=server_alone,
            client_no_context_takeover=client_alone,
        )
        for server, client, server_alone, client_alone in product((9, 12), (9, 12), FLAGS, FLAGS)
    ],
)
def test_every_offer_is_answered_as_websockets_answers_it(config: CompressionConfig) -> None:
    """Below 15 bits: there it says what goes without saying."""
    factory = ServerPerMessageDeflateFactory(
        server_max_window_bits=config.server_max_window_bits,
        client_max_window_bits=config.client_max_window_bits,
        server_no_context_takeover=config.server_no_context_takeover,
        client_no_context_takeover=config.client_no_context_takeover,
    )
    for server, client, server_alone, client_alone in product(BITS, (*BITS, b""), FLAGS, FLAGS):
        value = b"permessage-deflate"
        value += b"; server_no_context_takeover" if server_alone else b""
        value += b"; client_no_context_takeover" if client_alone else b""
        value += b"; server_max_window_bits=" + server if server else b""
        value += (
            b"; client_max_window_bits" + (client and b"=" + client) if client is not None else b""
        )
        ((_, parameters),) = parse_extension(value.decode())
        try:
            response, _ = factory.process_request_params(parameters, [])
        except NegotiationError:
            assert answer(config, value) is None
        else:
            theirs = build_extension([(factory.name, response)]).encode()
            assert answer(config, value) == theirs
