import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidHeaderFormat
from websockets.headers import parse_extension

from app.websocket.extensions import MAX_NAMES, Offer, parse_extensions
from app.websocket.handshake import HandshakeRefused


def refusal(*values: bytes) -> str:
    with pytest.raises(HandshakeRefused) as caught:
        parse_extensions(values)
    assert caught.value.status == 400
    return caught.value.reason


@pytest.mark.parametrize(
    ("values", "offers"),
    [
        ([], []),
        ([b"foo"], [Offer(b"foo")]),
        ([b"foo, bar"], [Offer(b"foo"), Offer(b"bar")]),
        ([b"foo", b"bar, baz"], [Offer(b"foo"), Offer(b"bar"), Offer(b"baz")]),
        ([b" ,\t, foo , ,bar,"], [Offer(b"foo"), Offer(b"bar")]),
        ([b"", b"foo"], [Offer(b"foo")]),
        ([b"foo;a"], [Offer(b"foo", ((b"a", None),))]),
        ([b"foo ; a = 1;b;a=2"], [Offer(b"foo", ((b"a", b"1"), (b"b", None), (b"a", b"2")))]),
        ([b'foo; a="10"'], [Offer(b"foo", ((b"a", b"10"),))]),
        ([b'foo; a="1\\0"'], [Offer(b"foo", ((b"a", b"10"),))]),
        ([b"!#$%&'*+-.^_`|~09azAZ"], [Offer(b"!#$%&'*+-.^_`|~09azAZ")]),
        ([b"__proto__; constructor=1"], [Offer(b"__proto__", ((b"constructor", b"1"),))]),
    ],
)
def test_offers_are_read_in_order(values: list[bytes], offers: list[Offer]) -> None:
    assert parse_extensions(values) == offers


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b",",
        b";",
        b"=",
        b"foo;",
        b"foo; a=",
        b"foo; =1",
        b"foo bar",
        b"foo; a b",
        b"foo; a=1 2",
        b"foo=1",
        b'foo; a="',
        b'foo; a="1',
        b'foo; a="1\\"',
        b'foo; a=""',
        b'foo; a="1 2"',
        b'foo; a="1,2"',
        b'foo; a="\\""',
        b'"foo"',
        b"foo; a=1\xe9",
        b"f\xf6o",
        b"foo\x00",
        b"foo\n",
        b"foo/1",
    ],
)
def test_what_does_not_conform_to_the_grammar_is_refused(value: bytes) -> None:
    assert refusal(value) == "Sec-WebSocket-Extensions is not a list of extensions"
    assert refusal(b"foo", b"bar, " + (value.strip(b" ,") or b";"))


def test_as_many_names_are_read_as_may_be() -> None:
    offers = parse_extensions([b"foo; a" + b"; a" * (MAX_NAMES - 4), b"bar; b"])

    assert [len(offer.parameters) for offer in offers] == [MAX_NAMES - 3, 1]


@pytest.mark.parametrize(
    "values",
    [
        [b"a," * (MAX_NAMES + 1)],
        [b"a"] * (MAX_NAMES + 1),
        [b"foo; a" + b"; a" * (MAX_NAMES - 4), b"bar; b; c"],
        [b"foo" + b";a" * MAX_NAMES],
        [b"foo" + b";a" * (MAX_NAMES + 1)],
    ],
)
def test_more_names_are_refused(values: list[bytes]) -> None:
    assert refusal(*values) == "Sec-WebSocket-Extensions has more than 100 names"


SIZE = 60_000

HOSTILE = {
    "names": b"a," * (SIZE // 2),
    "parameters": b"a" + b";b" * (SIZE // 2),
    "values": b"a" + b";b=c" * (SIZE // 4),
    "quoted": b"a" + b';b="c"' * (SIZE // 6),
    "one name": b"a" * SIZE + b"\x00",
    "blanks": b"a" + b" " * SIZE + b"b",
    "blanks before a parameter": b"a" + b" " * SIZE + b";",
    "blanks around a sign": b"a;b" + b" " * (SIZE // 2) + b"=" + b" " * (SIZE // 2),
    "empty elements": b" ," * (SIZE // 2),
    "no end of a quoted value": b'a;b="' + b"c" * SIZE,
    "quoted pairs": b'a;b="' + b"\\c" * (SIZE // 2),
    "quotes": b'a;b="' + b'\\"' * (SIZE // 2) + b'"',
    "tabs and commas": b"\t,\t" * (SIZE // 3),
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused_after_little_work(value: bytes) -> None:
    """Lines of Python are counted. An expression that tried things again would take minutes."""
    lines = 0

    def count(frame: object, event: str, argument: object) -> object:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]  # it looks at no frame
    try:
        reason = refusal(value)
    finally:
        sys.settrace(before)

    assert reason.startswith("Sec-WebSocket-Extensions ")
    assert lines < 30 * MAX_NAMES


tokens = st.sampled_from(["foo", "permessage-deflate", "a", "10"])
loose = st.text(alphabet='ab;=," \\\t', max_size=12)
headers = st.lists(tokens | loose | st.sampled_from([";", "=", ",", '"']), max_size=12).map("".join)


@given(headers)
def test_a_header_is_read_as_websockets_reads_it(header: str) -> None:
    header = header.strip(" \t")
    try:
        theirs = parse_extension(header)
    except InvalidHeaderFormat:
        with pytest.raises(HandshakeRefused):
            parse_extensions([header.encode()])
        return

    assert [
        (offer.name.decode(), [(n.decode(), v and v.decode()) for n, v in offer.parameters])
        for offer in parse_extensions([header.encode()])
    ] == theirs


@given(st.lists(st.binary(max_size=30), max_size=4))
def test_any_bytes_are_read_or_refused(values: list[bytes]) -> None:
    try:
        offers = parse_extensions(values)
    except HandshakeRefused:
        return

    assert bool(offers) == bool(values)
