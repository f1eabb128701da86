import pytest

from app.config_service.forms import Form
from app.config_service.kept_body import KeptBody


def test_body_is_made_once_for_a_version() -> None:
    kept = KeptBody()

    first = kept.find("1", lambda: {"a": "ü"})

    assert first == '{"a":"ü"}'.encode()
    assert kept.find("1", lambda: {"a": 2}) is first
    assert kept.find("2", lambda: {"a": 2}) == b'{"a":2}'
    assert kept.find("1", lambda: {"a": 3}) == b'{"a":3}'


def test_body_that_could_not_be_made_is_made_the_next_time() -> None:
    kept = KeptBody()

    def failing() -> Form:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        kept.find("1", failing)

    assert kept.find("1", lambda: {}) == b"{}"
