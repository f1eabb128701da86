from typing import Any

import pytest
from pydantic import ValidationError

from app.server.http_limits import HttpLimits


def limits(**options: object) -> HttpLimits:
    renamed = {name.replace("handshake_", "handshake-"): each for name, each in options.items()}
    return HttpLimits.model_validate(renamed)


def test_defaults() -> None:
    assert limits().model_dump() == {
        "handshake_timeout": 10.0,
        "max_headers_size": 65536,
        "max_headers_count": 100,
        "max_url_size": 8192,
        "max_connections": 32768,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"handshake_timeout": "1ms"},
        {"handshake_timeout": "1h"},
        {"max_headers_size": 1},
        {"max_headers_count": 1},
        {"max_url_size": 1},
        {"max_connections": 1},
    ],
)
def test_option_may_be_at_its_bounds(options: dict[str, Any]) -> None:
    assert limits(**options) != limits()


@pytest.mark.parametrize(
    "options",
    [
        {"handshake_timeout": 0},
        {"handshake_timeout": "3601s"},
        {"handshake_timeout": "soon"},
        {"max_headers_size": 0},
        {"max_headers_count": 0},
        {"max_url_size": 0},
        {"max_connections": 0},
        {"max_connections": "many"},
    ],
)
def test_option_beyond_its_bounds_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options)).split("_")[0]):
        limits(**options)
