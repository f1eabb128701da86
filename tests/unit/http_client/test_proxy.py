import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.dynamic_config.snapshot import parse_values
from app.http_client.proxy import Proxy, proxy_url, shown_proxy
from app.http_client.variables import USERVER_HTTP_PROXY
from app.static_config.errors import ConfigFileError, OptionError
from tests.helpers.documents import plain_document


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("proxy.example:80", "http://proxy.example"),
        ("http://10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("http://proxy:3128/", "http://proxy:3128"),
        ("https://proxy:8443", "https://proxy:8443"),
        ("socks5://proxy:1080", "socks5://proxy:1080"),
        ("socks5h://[::1]:1080", "socks5h://[::1]:1080"),
        ("user:secret@proxy:3128", "http://user:secret@proxy:3128"),
        ("http://us%40er:se%3Acret@proxy:3128", "http://us%40er:se%3Acret@proxy:3128"),
        ("my_proxy:3128", "http://my_proxy:3128"),
    ],
)
def test_proxy_has_a_host_and_a_port_and_http_is_understood(text: str, url: str) -> None:
    assert str(proxy_url(text)) == url


def test_user_and_password_are_decoded() -> None:
    url = proxy_url("us%40er:se%3Acret@proxy:3128")

    assert (url.username, url.password) == ("us@er", "se:cret")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("proxy", "expected .*host:port"),
        ("proxy:", "expected .*host:port"),
        (":3128", "expected .*host:port"),
        ("http://proxy", "expected .*host:port"),
        ("http://proxy:3128/path", "expected .*host:port"),
        ("http://proxy:3128?a=b", "expected .*host:port"),
        ("proxy:3128 ", "expected .*host:port"),
        ("pro xy:3128", "expected .*host:port"),
        ("proxy:31a8", "expected .*host:port"),
        ("proxy:3128\nproxy:3129", "expected .*host:port"),
        ("proxy:0", r"from 1 to 65535 \(got 0\)"),
        ("proxy:99999", r"from 1 to 65535 \(got 99999\)"),
        ("socks4://proxy:1080", "socks4 is not spoken; expected one of http, https, socks5"),
        ("ftp://proxy:21", "ftp is not spoken"),
        ("[zz::1]:3128", "expected"),
        ("[:::::]:3128", "a host name or an IP address"),
    ],
)
def test_what_is_no_proxy_is_refused(text: str, refusal: str) -> None:
    with pytest.raises(OptionError, match=refusal):
        proxy_url(text)


@given(st.text())
def test_any_text_is_a_proxy_or_is_refused(text: str) -> None:
    try:
        TypeAdapter(Proxy).validate_python(text)
    except ValidationError:
        return
    assert not text or proxy_url(text).host


def test_no_password_is_in_what_is_said_of_a_bad_value() -> None:
    document = plain_document("http://configs", {"USERVER_HTTP_PROXY": "user:secret@proxy"})

    with pytest.raises(ConfigFileError) as caught:
        parse_values(document, [USERVER_HTTP_PROXY])

    assert "http://configs: USERVER_HTTP_PROXY: expected [scheme://]" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_shown_proxy_has_no_user_and_no_password() -> None:
    assert shown_proxy("socks5://user:secret@proxy:1080") == "socks5://proxy:1080"


def test_value_of_the_variable_stays_as_it_is_written() -> None:
    value = USERVER_HTTP_PROXY.parse("proxy:3128")

    assert USERVER_HTTP_PROXY.dump(value) == "proxy:3128"
    assert USERVER_HTTP_PROXY.parse("") == ""
