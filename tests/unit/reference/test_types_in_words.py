from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter

from app.reference.json_schema import ConfigJsonSchema
from app.reference.types_in_words import in_words, value_in_words
from app.static_config.duration import Duration
from app.static_config.model import ConfigModel


class Section(ConfigModel):
    size: int


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (bool, "true or false"),
        (int, "whole number"),
        (Annotated[int, Field(ge=0)], "whole number from 0"),
        (Annotated[int, Field(ge=1, le=9)], "whole number from 1 up to 9"),
        (Annotated[float, Field(gt=0, lt=1.5)], "number above 0 below 1.5"),
        (Annotated[int, Field(ge=1)] | None, "whole number from 1"),
        (str, "text"),
        (Annotated[str, Field(min_length=1)], "text, not empty"),
        (Path, "path"),
        (Literal["a", "b"], "one of `a`, `b`"),
        (Literal["a", "b"] | None, "one of `a`, `b`"),
        (Duration, "duration from 0s"),
        (Annotated[Duration, Field(gt=0, le=3600)], "duration above 0s up to 1h"),
        (Annotated[Duration, Field(ge=0.01)] | None, "duration from 10ms"),
        (list[str], "list of text"),
        (Annotated[list[int], Field(min_length=1)], "list of whole number, 1 or more"),
        (dict[str, bool], "mapping from name to true or false"),
        (dict[str, Any], "mapping from name to any value"),
        (
            Annotated[dict[str, int], Field(min_length=2)],
            "mapping from name to whole number, 2 or more",
        ),
        (Section, "section"),
        (Section | None, "section"),
        (dict[str, Section], "mapping from name to section"),
        (int | str, "whole number or text"),
    ],
    # A type may be shown with an address, which no two processes have in common.
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_type_is_told_in_words(type_: Any, words: str) -> None:
    schema = TypeAdapter(type_).json_schema(schema_generator=ConfigJsonSchema)

    assert in_words(schema) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "`true`"),
        (5, "`5`"),
        ("both", "`both`"),
        ("", '`""`'),
        ({}, "`{}`"),
        ({"a": [1]}, '`{"a": [1]}`'),
    ],
)
def test_value_is_told_as_a_file_has_it(value: object, words: str) -> None:
    assert value_in_words(value) == words
