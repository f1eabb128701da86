"""The extensions that a client offers, read from its headers (RFC 6455 section 9.1).

Every byte is looked at a bounded number of times: nothing that matched is tried in another way
(the `++` and `*+` below), and what does not match ends the reading.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.websocket.handshake import HandshakeRefused

MAX_NAMES: Final = 100
"""Extensions and parameters that a client may name together; a browser names two."""

_LETTER = rb"[A-Za-z0-9!#$%&'*+.^_`|~-]"
_TOKEN = _LETTER + rb"++"
_QUOTED_TOKEN = rb"(?:%b|\\%b)++" % (_LETTER, _LETTER)  # only what is a token may be quoted
_GAP = re.compile(rb"[ \t,]*+")  # elements of a list may be empty (RFC 9110 section 5.6.1)
_NAME = re.compile(_TOKEN)
_PARAMETER = re.compile(
    rb"[ \t]*+;[ \t]*+(%b)(?:[ \t]*+=[ \t]*+(?:(%b)|\"(%b)\"))?+" % (_TOKEN, _TOKEN, _QUOTED_TOKEN)
)
_ELEMENT_END = re.compile(rb"[ \t]*+(?:,|\Z)")


@dataclass(frozen=True, slots=True)
class Offer:
    """One extension as a client would have it: each parameter's name and value, as they came.

    A parameter without a value has None. Names may be there twice.
    """

    name: bytes
    parameters: tuple[tuple[bytes, bytes | None], ...] = ()


def parse_extensions(values: Sequence[bytes]) -> list[Offer]:
    """Read the values of all Sec-WebSocket-Extensions headers as one list, best offer first.

    Raises:
        HandshakeRefused: 400, since the connection must be failed when they do not conform to the
            grammar (RFC 6455 section 9.1), or if there are more than 100 names in them.
    """
    if not values:
        return []
    header = b",".join(values)
    offers: list[Offer] = []
    names = 0
    position = _skip_gap(header, 0)
    while position < len(header) or not offers:
        offer, position = _parse_offer(header, position)
        names += 1 + len(offer.parameters)
        if names > MAX_NAMES:
            raise _too_many()
        offers.append(offer)
        position = _skip_gap(header, position)
    return offers


def _skip_gap(header: bytes, position: int) -> int:
    gap = _GAP.match(header, position)
    assert gap is not None  # it may be empty
    return gap.end()


def _parse_offer(header: bytes, position: int) -> tuple[Offer, int]:
    name = _NAME.match(header, position)
    if name is None:
        raise _malformed()
    position = name.end()
    parameters: list[tuple[bytes, bytes | None]] = []
    while parameter := _PARAMETER.match(header, position):
        if len(parameters) == MAX_NAMES:
            raise _too_many()
        key, value, quoted = parameter.groups()
        parameters.append((key, quoted.replace(b"\\", b"") if quoted else value))
        position = parameter.end()
    if not _ELEMENT_END.match(header, position):
        raise _malformed()
    return Offer(name[0], tuple(parameters)), position


def _malformed() -> HandshakeRefused:
    return HandshakeRefused(400, "Sec-WebSocket-Extensions is not a list of extensions")


def _too_many() -> HandshakeRefused:
    return HandshakeRefused(400, f"Sec-WebSocket-Extensions has more than {MAX_NAMES} names")
