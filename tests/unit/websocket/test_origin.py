import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.websocket.headers import Headers
from app.websocket.origin import AllowedOrigin, check_allowed_origin, origin_allowed

HOST = "example.com"
LISTED = ["https://example.com", "http://localhost:3000", "https://[2001:db8::1]:8443"]


def request(origin: str | None, host: str | None = HOST) -> Headers:
    headers = [(b"user-agent", b"tests")]
    if host is not None:
        headers.append((b"host", host.encode("latin-1")))
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    return headers


def is_own(origin: str, host: str) -> bool:
    return origin_allowed(request(origin, host), None)


def is_listed(origin: str, *allowed: str, host: str = HOST) -> bool:
    entries = [check_allowed_origin(entry) for entry in allowed or LISTED]
    return origin_allowed(request(origin, host), entries)


# By default the origin is the Host's.


@pytest.mark.parametrize("allowed", [None, [], LISTED])
def test_client_that_is_no_page_may_connect(allowed: list[str] | None) -> None:
    assert origin_allowed(request(None), allowed)
    assert origin_allowed(request(None, host=None), allowed)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://example.com", "example.com"),
        ("https://example.com", "example.com"),
        ("https://example.com", "example.com:443"),
        ("https://example.com:443", "example.com"),
        ("http://example.com", "example.com:80"),
        ("http://example.com:80", "example.com"),
        ("http://example.com:", "example.com:"),
        ("ws://example.com", "example.com:80"),
        ("wss://example.com", "example.com:443"),
        ("http://localhost:8080", "localhost:8080"),
        ("HTTP://EXAMPLE.com", "Example.COM"),
        (" \thttp://example.com\t ", "\texample.com "),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[::1]", "[0:0:0:0:0:0:0:1]:80"),
        ("http://[2001:DB8::1]", "[2001:db8:0::1]"),
        ("https://xn--bcher-kva.example", "XN--BCHER-KVA.example"),
        ("https://example.com.", "example.com."),
    ],
)
def test_page_of_the_same_host_and_port_may_connect(origin: str, host: str) -> None:
    assert is_own(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.com", "example.com"),
        ("https://evil-example.com", "example.com"),
        ("https://evilexample.com", "example.com"),
        ("https://example.com.evil.com", "example.com"),
        ("https://sub.example.com", "example.com"),
        ("https://example.com", "sub.example.com"),
        ("https://example.co", "example.com"),
        ("https://com", "example.com"),
        ("https://example.com.", "example.com"),
        ("https://example.com", "example.com."),
        ("https://xn--exmple-cua.com", "example.com"),
        ("http://localhost", "127.0.0.1"),
        ("http://[::1]", "localhost"),
        ("http://[::2]", "[::1]"),
    ],
)
def test_page_of_another_host_may_not(origin: str, host: str) -> None:
    assert not is_own(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:3000", "localhost:8080"),
        ("http://localhost", "localhost:8080"),
        ("http://localhost:8080", "localhost"),
        ("http://example.com", "example.com:443"),
        ("https://example.com", "example.com:80"),
        ("https://example.com:80", "example.com"),
        ("http://example.com:808", "example.com:8080"),
        ("http://[::1]:80", "[::1]:8080"),
    ],
)
def test_page_of_another_port_may_not(origin: str, host: str) -> None:
    assert not is_own(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        "ftp://example.com",
        "file://example.com",
        "chrome-extension://example.com",
        "data://example.com",
        "httpss://example.com",
        "blob:https://example.com",
    ],
)
def test_page_that_came_in_another_way_may_not(origin: str) -> None:
    assert not is_own(origin, "example.com")
    assert not is_own(f"{origin}:8080", "example.com:8080")


# What no browser sends, and what somebody may try who can choose what it sends.
MALFORMED = [
    "",
    " ",
    "example.com",
    "//example.com",
    "://example.com",
    "http:",
    "http://",
    "http:///",
    "http:example.com",
    "http:/example.com",
    "http:\\\\example.com",
    "http://example.com/",
    "http://example.com/path",
    "http://example.com?",
    "http://example.com#",
    "http://example.com\\",
    "http://evil.com/example.com",
    "http://evil.com\\@example.com",
    "http://example.com@",
    "http://example.com@evil.com",
    "http://evil.com@example.com",
    "http://user:pass@example.com",
    "http://example.com:80:80",
    "http://example.com:80.evil.com",
    "http://example.com:80@evil.com",
    "http://example.com:a",
    "http://example.com:-80",
    "http://example.com:65616",
    "http:// example.com",
    "http://example.com evil",
    "http://example.com http://example.com",
    "http://example.com, http://example.com",
    "http://example.com\0",
    "http://example.com\x0b",
    "http://example.com\x85",
    "http://ex\xe4mple.com",
    "http://*",
    "http://*.com",
    "*",
    "1http://example.com",
    "http ://example.com",
    "http://http://example.com",
    "http://[example.com]",
    "http://[::1",
    "NULL",
    "null",
    "null, http://example.com",
]


@pytest.mark.parametrize("origin", MALFORMED)
def test_page_of_no_origin_may_not(origin: str) -> None:
    for host in ("example.com", origin):
        assert not is_own(origin, host)
    assert not is_listed(origin, "http://example.com", "https://evil.com")


@pytest.mark.parametrize("allowed", [None, ["http://example.com"], ["null"]])
@pytest.mark.parametrize(
    "origins",
    [
        ["http://example.com", "http://example.com"],
        ["http://example.com", "http://evil.com"],
        ["http://evil.com", "http://example.com"],
        ["http://example.com", ""],
        ["null", "null"],
    ],
)
def test_page_of_several_origins_may_not(origins: list[str], allowed: list[str] | None) -> None:
    headers = [*request(None), *((b"origin", origin.encode()) for origin in origins)]

    assert not origin_allowed(headers, allowed)


@pytest.mark.parametrize(
    "hosts", [[], [""], ["example.com"] * 2, ["evil.com", "example.com"], ["example.com/"]]
)
def test_page_may_not_connect_to_a_host_that_is_not_said(hosts: list[str]) -> None:
    headers = [
        (b"origin", b"http://example.com"),
        *((b"host", host.encode()) for host in hosts),
    ]

    assert not origin_allowed(headers, None)


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@host", "a:b", "a:65536", "::1", "[::1"])
def test_page_is_not_of_a_host_that_is_malformed(host: str) -> None:
    headers = [(b"host", host.encode()), (b"origin", f"http://{host}".encode())]

    assert not origin_allowed(headers, None)


# With a list


@pytest.mark.parametrize(
    "origin",
    [
        *LISTED,
        "https://EXAMPLE.com",
        "HTTPS://example.com",
        "https://example.com:443",
        " https://example.com ",
        "https://[2001:0DB8:0::1]:8443",
    ],
)
@pytest.mark.parametrize("host", ["example.com", "backend.internal:8080", ""])
def test_listed_page_may_connect_whatever_the_host(origin: str, host: str) -> None:
    assert is_listed(origin, host=host)


@pytest.mark.parametrize(
    "origin",
    [
        "http://example.com",
        "wss://example.com",
        "https://example.com:8443",
        "https://example.com.",
        "https://www.example.com",
        "https://evil-example.com",
        "https://example.com.evil.com",
        "https://example.com@evil.com",
        "https://example.com:443.evil.com",
        "http://localhost",
        "https://localhost:3000",
        "https://[2001:db8::1]",
        "null",
        "*",
        "",
        "file://",
        "chrome-extension://example.com",
    ],
)
def test_other_page_may_not_though_it_is_the_host_s(origin: str) -> None:
    host = origin.partition("://")[2]

    assert not is_listed(origin, host=host)


def test_empty_list_allows_no_page() -> None:
    assert not origin_allowed(request("http://example.com"), [])


def test_null_is_an_origin_where_it_is_listed() -> None:
    assert is_listed("null", "null")
    assert not is_listed("NULL", "null")
    assert not is_listed("http://null", "null")
    assert not is_own("null", "null")


@pytest.mark.parametrize("origin", ["https://evil.com", "null", "", "a b", "http://evil.com/"])
def test_any_page_may_connect_where_any_is_listed(origin: str) -> None:
    assert is_listed(origin, "*")
    assert origin_allowed([*request(origin), *request(origin)], ["https://example.com", "*"])


@pytest.mark.parametrize(
    "origin",
    [
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://3c5f4d6e-5a4b-4d3e-9f2a-1b2c3d4e5f60",
        "capacitor://localhost",
        "app://obsidian.md",
    ],
)
def test_app_and_extension_are_pages_that_can_be_listed(origin: str) -> None:
    assert is_listed(origin, origin)
    assert not is_listed(origin, "https://example.com")


@given(st.binary(max_size=100), st.binary(max_size=50))
def test_any_bytes_are_allowed_or_not(origin: bytes, host: bytes) -> None:
    headers = [(b"host", host), (b"origin", origin)]

    assert origin_allowed(headers, ["*"])
    assert origin_allowed(headers, None) in (True, False)
    assert not origin_allowed(headers, [])


# Entries of the list

ENTRY: TypeAdapter[str] = TypeAdapter(AllowedOrigin)


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTPS://Example.Com:443", "https://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("ws://example.com:80", "ws://example.com"),
        ("wss://example.com:443", "wss://example.com"),
        ("http://example.com:443", "http://example.com:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[0:0::1]:80", "http://[::1]"),
        ("https://example.com.", "https://example.com."),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("App://obsidian.md:80", "app://obsidian.md:80"),
        ("null", "null"),
        ("*", "*"),
    ],
)
def test_entry_is_read_in_the_form_that_is_compared(written: str, compared: str) -> None:
    assert ENTRY.validate_python(written) == compared


@pytest.mark.parametrize(
    ("entry", "way_out"),
    [
        ("", "no scheme"),
        ("example.com", "no scheme"),
        ("example.com:443", "no scheme"),
        ("localhost:3000", "no scheme"),
        ("//example.com", "no scheme"),
        ("https:example.com", "no scheme"),
        ("https://example.com/", "without the slash at the end"),
        ("https://example.com:8443/", "without the slash at the end"),
        ("https://example.com/chat", "without what follows the host and port"),
        ("https://example.com//", "without what follows the host and port"),
        ("https://example.com?a=b", "without what follows the host and port"),
        ("https://example.com#top", "without what follows the host and port"),
        ("https://user@example.com", "a user in it"),
        ("https://*.example.com", "no patterns; list each origin, or '*' for all"),
        ("*.example.com", "no patterns"),
        ("https://*", "no patterns"),
        ("**", "no patterns"),
        ("https://b\xfccher.example", "names in ASCII"),
        ("https://example.com https://example.org", "no blanks"),
        (" https://example.com", "no blanks"),
        ("https://example.com\n", "no blanks"),
        ("Null", "'null' is in lower case"),
        ("file:///", "pages of files have the origin 'null'"),
        ("file:///index.html", "pages of files have the origin 'null'"),
        ("https://", "no valid host or port"),
        ("https://example.com:port", "no valid host or port"),
        ("https://example.com:70000", "no valid host or port"),
        ("https://::1", "no valid host or port"),
        ("https://[:::1]", "no valid host or port"),
        ("https://exam|ple.com", "no valid host or port"),
    ],
)
def test_entry_that_would_allow_nothing_is_told_how_to_write_it(entry: str, way_out: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ENTRY.validate_python(entry)

    assert "expected an origin, as https://example.com: " in str(refused.value)
    assert way_out in str(refused.value)


@given(st.text())
def test_entry_reads_the_same_in_the_form_that_is_compared(text: str) -> None:
    try:
        compared = check_allowed_origin(text)
    except ValueError:
        return
    assert check_allowed_origin(compared) == compared
