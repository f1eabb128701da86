import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.websocket.authority import Authority, parse_authority


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("localhost", Authority("localhost", None)),
        ("localhost:8080", Authority("localhost", 8080)),
        ("localhost:", Authority("localhost", None)),
        ("localhost:0080", Authority("localhost", 80)),
        ("Example.COM:65535", Authority("example.com", 65535)),
        ("example.com.", Authority("example.com.", None)),
        ("under_score", Authority("under_score", None)),
        ("xn--bcher-kva.example", Authority("xn--bcher-kva.example", None)),
        ("caf%C3%A9", Authority("caf%c3%a9", None)),
        ("127.0.0.1:1", Authority("127.0.0.1", 1)),
        ("[::1]:8080", Authority("[::1]", 8080)),
        ("[0:0:0:0:0:0:0:1]", Authority("[::1]", None)),
        ("[2001:DB8::1]", Authority("[2001:db8::1]", None)),
    ],
)
def test_host_and_port_are_made_comparable(text: str, authority: Authority) -> None:
    assert parse_authority(text) == authority


NOT_AUTHORITIES = [
    *("", ":", ":80", "a b", " a", "a ", "a\tb", "a\n", "a\0", "a/", "a/b", "/a", "a?b", "a#b"),
    *("user@host", "user:pass@host", "a\\b", "a:b", "a:80:80", "a:-1", "a:+1", "a:65536"),
    *("a:99999", "a:8080808080", "a:\u0661", "a|b", "<a>", '"a"', "caf\xe9", "a%", "a%4", "a%zz"),
    *("::1", "[::1", "::1]", "[::1]a", "[]", "[::1%25eth0]", "[fe80::1%eth0]", "[1]", "[g::]"),
    *("[v1.a]", "[::1]]", "[[::1]]", "[:::]", "[1.2.3.4]", "http://a"),
]


@pytest.mark.parametrize("text", NOT_AUTHORITIES)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_authority(text)


@given(st.text())
def test_any_text_is_an_authority_or_an_error(text: str) -> None:
    try:
        host, port = parse_authority(text)
    except ValueError:
        return
    written = host if port is None else f"{host}:{port}"
    assert parse_authority(written) == (host, port)
