"""Tokens: secrets that say who somebody is."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator

from app.static_config.errors import OptionError

_TOKEN: Final = re.compile(r"[!-~]{16,1000}")


def _check_token(value: object) -> object:
    # Not with a text of pydantic, which shows the value.
    if not isinstance(value, str):
        raise OptionError({(): "expected a text; put it in quotes (it is not shown here)"})
    if not _TOKEN.fullmatch(value):
        text = "expected 16 to 1000 characters of ASCII, without blanks (it is not shown here)"
        raise OptionError({(): text})
    return value


Token = Annotated[str, BeforeValidator(_check_token, json_schema_input_type=str)]
"""An option that is a secret. No error shows it."""
