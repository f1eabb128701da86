import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.config_updates.config_url import ConfigUrl, ServiceUrl
from app.config_updates.protocol import VALUES_PATH
from app.static_config.errors import OptionError


@pytest.mark.parametrize(
    ("config_url", "expected"),
    [
        ("http://configs:8083", "http://configs:8083/configs/values"),
        ("http://configs:8083/", "http://configs:8083/configs/values"),
        ("https://configs.example/v2/", "https://configs.example/v2/configs/values"),
        ("HTTP://[::1]:8083", "http://[::1]:8083/configs/values"),
        ("http://configs/a%20b", "http://configs/a%20b/configs/values"),
        ("http://configs/?env=a", "http://configs/configs/values?env=a"),
        ("http://config_service:8083", "http://config_service:8083/configs/values"),
    ],
)
def test_path_is_appended(config_url: str, expected: str) -> None:
    assert str(ServiceUrl.of(config_url, VALUES_PATH).url) == expected


@pytest.mark.parametrize("config_url", ["http://configs/v", "http://configs/v/", "http://configs/"])
def test_path_is_not_appended_where_that_is_not_wanted(config_url: str) -> None:
    assert str(ServiceUrl.of(config_url, None).url) == config_url


def test_user_and_password_are_kept_apart() -> None:
    found = ServiceUrl.of("https://us%40er:se%3Acret@configs/?key=secret", VALUES_PATH)

    assert found.auth == ("us@er", "se:cret")
    assert "us" not in str(found.url)
    assert found.shown == "https://configs/configs/values"


def test_there_may_be_no_user() -> None:
    assert ServiceUrl.of("http://configs", VALUES_PATH).auth is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "configs",
        "configs:8083",
        "localhost:8083/",
        "//configs",
        "ftp://configs",
        "unix:///run/configs.sock",
        "http:configs",
        "http://",
        "http:///configs",
        "http://:8083",
        "http://configs:0",
        "http://configs:65536",
        "http://configs:80a",
        "http://con figs",
        "http://configs/a b",
        "http://configs\n",
        "http://configs#part",
        "http://[::1",
        "http://%41/",
    ],
)
def test_what_is_no_url_of_a_config_service_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="expected an http or https URL, as http://configs"):
        ServiceUrl.of(text, VALUES_PATH)


def test_no_password_is_in_what_is_said() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(ConfigUrl).validate_python("htps://user:secret@configs")

    assert "secret" not in str(caught.value.errors()[0]["ctx"]["error"])


@given(st.text() | st.text().map("http://".__add__))
def test_any_text_is_such_a_url_or_is_refused(text: str) -> None:
    try:
        found = ServiceUrl.of(text, VALUES_PATH)
    except OptionError:
        return
    assert found.url.host
    assert found.shown.isprintable()
