"""Whether and how the messages of a connection are compressed (RFC 7692): options and agreement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from app.static_config.model import ConfigModel
from app.websocket.deflate import MAX_WINDOW_BITS, Deflater, Inflater
from app.websocket.extensions import Offer, parse_extensions

_NAME: Final = b"permessage-deflate"

# zlib cannot write a raw stream with a window of 8 bits, though it can read one.
_MIN_SERVER_BITS: Final = 9

_SERVER_BITS: Final = b"server_max_window_bits"
_CLIENT_BITS: Final = b"client_max_window_bits"
_SERVER_ALONE: Final = b"server_no_context_takeover"
_CLIENT_ALONE: Final = b"client_no_context_takeover"

_Values = dict[bytes | None, int]

_BITS: Final[_Values] = {b"%d" % bits: bits for bits in range(8, MAX_WINDOW_BITS + 1)}
_FLAG: Final[_Values] = {None: 1}

# The values that a parameter may have in an offer, and what they mean. Without a value
# client_max_window_bits leaves the choice to the server.
_VALUES: Final[dict[bytes, _Values]] = {
    _SERVER_BITS: _BITS,
    _CLIENT_BITS: _BITS | {None: MAX_WINDOW_BITS},
    _SERVER_ALONE: _FLAG,
    _CLIENT_ALONE: _FLAG,
}

WindowBits = Annotated[int, Field(ge=_MIN_SERVER_BITS, le=MAX_WINDOW_BITS)]


class CompressionConfig(ConfigModel):
    """Options of permessage-deflate (RFC 7692), with which messages are compressed.

    Both sides keep a window of what was said before, so that a message like the last one takes
    few bytes. That is what costs memory, from the first message on that is compressed.
    """

    enabled: bool = Field(
        default=False,
        description="Whether messages are compressed if the client offers it. It takes time and"
        " memory for each connection, so it pays where the network is what is scarce.",
    )
    # Up to 1 KB level 1 was measured to take 60 to 90% of the time of 6 for a quarter more bytes.
    level: int = Field(
        default=6,
        ge=1,
        le=9,
        description="How much zlib tries, from 1 to 9. Measured on JSON: 1 takes 9 ms for each MiB"
        " sent, 6 takes 20 ms and leaves a fifth fewer bytes, 9 gains next to nothing on 6. Other"
        " connections wait meanwhile.",
    )
    server_max_window_bits: WindowBits = Field(
        default=12,
        alias="server-max-window-bits",
        description="Size of the window of what is sent: 2 to the power of this, in bytes, at most;"
        " a client may ask for less. It takes 2^(bits - 8) + 22 KiB for each connection: 38 KiB"
        " with 12, 150 KiB with 15, for about a tenth fewer bytes.",
    )
    client_max_window_bits: WindowBits = Field(
        default=12,
        alias="client-max-window-bits",
        description="Size of the window of what is received: 2 to the power of this, in bytes, at"
        " most. It takes 2^(bits - 10) + 7 KiB for each connection: 11 KiB with 12, 39 KiB with 15."
        " A client that does not offer to be told uses 15.",
    )
    server_no_context_takeover: bool = Field(
        default=False,
        alias="server-no-context-takeover",
        description="Whether each message sent is compressed for itself. No memory is held between"
        " messages then, but each takes some 3 µs more, and one of 130 bytes was measured to keep"
        " 70% of them instead of 22%. A client may ask for it, too.",
    )
    client_no_context_takeover: bool = Field(
        default=False,
        alias="client-no-context-takeover",
        description="Whether the client compresses each message for itself, so that no memory is"
        " held between messages that are received. A client may do so anyway.",
    )
    # With 12 bits a first JSON message of 64 bytes was measured to save 6, one of 128 bytes 35.
    threshold: int = Field(
        default=128,
        ge=0,
        description="Bytes of a message from which on it is compressed. What is shorter is sent as"
        " it is: it would save less than the head of its packet has.",
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """What client and server agreed on.

    `header` is the value of Sec-WebSocket-Extensions in the answer.
    """

    header: bytes
    server_max_window_bits: int
    client_max_window_bits: int
    server_no_context_takeover: bool
    client_no_context_takeover: bool
    level: int
    threshold: int

    def deflater(self) -> Deflater:
        """Return what compresses the messages of one connection."""
        keeps_window = not self.server_no_context_takeover
        return Deflater(self.server_max_window_bits, keeps_window, self.level, self.threshold)

    def inflater(self) -> Inflater:
        """Return what inflates the messages of one connection."""
        return Inflater(self.client_max_window_bits, not self.client_no_context_takeover)


def negotiate(values: Sequence[bytes], config: CompressionConfig) -> Agreement | None:
    """Agree with a client on compression (RFC 7692 sections 5.1 and 7.1), or not: None.

    The first offer that can be accepted is. Other extensions are declined, and so is an offer with
    a parameter that is unknown, there twice, or has a wrong value: that fails no handshake.

    Args:
        values: Those of the request's Sec-WebSocket-Extensions headers, in their order.
        config: The options of the server.

    Raises:
        HandshakeRefused: 400, the headers are malformed, be the compression enabled or not.
    """
    offers = parse_extensions(values)
    if not config.enabled:
        return None
    agreements = (_accept(offer, config) for offer in offers if offer.name == _NAME)
    return next(filter(None, agreements), None)


def _accept(offer: Offer, config: CompressionConfig) -> Agreement | None:
    wanted = _read_parameters(offer)
    if wanted is None:
        return None
    server_bits = min(config.server_max_window_bits, wanted.get(_SERVER_BITS, MAX_WINDOW_BITS))
    if server_bits < _MIN_SERVER_BITS:
        return None
    client_bits = MAX_WINDOW_BITS
    if _CLIENT_BITS in wanted:  # else the client would not understand the answer
        client_bits = min(config.client_max_window_bits, wanted[_CLIENT_BITS])
    server_alone = config.server_no_context_takeover or _SERVER_ALONE in wanted
    client_alone = config.client_no_context_takeover or _CLIENT_ALONE in wanted
    answer = [_NAME]
    if server_alone:
        answer.append(_SERVER_ALONE)
    if client_alone:
        answer.append(_CLIENT_ALONE)
    if server_bits < MAX_WINDOW_BITS or _SERVER_BITS in wanted:
        answer.append(b"%b=%d" % (_SERVER_BITS, server_bits))
    if client_bits < MAX_WINDOW_BITS:
        answer.append(b"%b=%d" % (_CLIENT_BITS, client_bits))
    return Agreement(
        header=b"; ".join(answer),
        server_max_window_bits=server_bits,
        client_max_window_bits=client_bits,
        server_no_context_takeover=server_alone,
        client_no_context_takeover=client_alone,
        level=config.level,
        threshold=config.threshold,
    )


def _read_parameters(offer: Offer) -> dict[bytes, int] | None:
    """Return what the parameters of an offer mean, or None if it has to be declined."""
    wanted: dict[bytes, int] = {}
    for name, value in offer.parameters:
        meaning = _VALUES.get(name, {}).get(value)
        if meaning is None or name in wanted:
            return None
        wanted[name] = meaning
    return wanted
