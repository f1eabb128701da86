"""How the page reads JSON: what it takes, and where it says that something is wrong."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import Page

from app.handlers.json_error import JsonError
from app.handlers.request_body import parse_json
from tests.helpers.service_process import PROJECT

SCRIPT = PROJECT / "app" / "config_service" / "browser" / "json_text.js"
READ = """(texts) => texts.map((text) => {
  try {
    return [...placesIn(text)];
  } catch (error) {
    const { line, column } = lineAndColumn(text, error.at);
    return `${line}:${column} ${error.message}`;
  }
})"""


@pytest.fixture
def reader(page: Page) -> Page:
    page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"))
    return page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1 a value is missing here"),
        (" \n ", "2:2 a value is missing here"),
        ("[1, 2", "1:6 the text ends, and ']' is missing"),
        ('{"a": 1', "1:8 the text ends, and '}' is missing"),
        ('{"a": 1,', "1:9 the text ends, and '}' is missing"),
        ('{"a"', "1:5 expected ':' after the key"),
        ("[1 2]", "1:4 expected ',' or ']'"),
        ("[1,\n]", "1:3 there is a comma before ']'"),
        ("[,]", "1:2 expected a value"),
        ("{a: 1}", "1:2 expected a key in double quotes"),
        ('{"a": 1, "\\u0061": 2}', '1:10 the key "a" is there twice'),
        ("hello", "1:1 expected a value; a text stands in double quotes"),
        ("True", "1:1 expected a value; a text stands in double quotes"),
        ("'a'", "1:1 expected a value; a text stands in double quotes"),
        ("\u201ca\u201d", "1:1 expected a value; a text stands in double quotes"),
        ("01", "1:1 not a number as JSON writes it"),
        ("+1", "1:1 not a number as JSON writes it"),
        (".5", "1:1 not a number as JSON writes it"),
        ("1.", "1:1 not a number as JSON writes it"),
        ("5s", "1:1 not a number as JSON writes it"),
        ('["\U0001f600", x]', "1:7 expected a value; a text stands in double quotes"),
        ('"a', "1:1 this text has no closing quote"),
        (
            '"a\nb"',
            "1:3 a line break or control character within a text: write it as \\n or \\u....",
        ),
        ('"C:\\dir"', "1:4 no such escape; a backslash itself is written \\\\"),
        ('"\\ud800"', "1:1 half a character in this text (a surrogate without the other)"),
        ("1 2", "1:3 something follows the value"),
        ("[" * 66, "1:66 nested deeper than 64"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(reader: Page, text: str, told: str) -> None:
    assert reader.evaluate(READ, [text]) == [told]


def test_place_of_each_value_is_found_by_its_path(reader: Page) -> None:
    text = '{\n "a": [1, {"b\\n": null}],\n "c": ""}'

    [places] = reader.evaluate(READ, [text])

    found = {key: text[at] for key, at in places}
    assert found == {
        "[]": "{",
        '["a"]': "[",
        '["a",0]': "1",
        '["a",1]': "{",
        '["a",1,"b\\n"]': "n",
        '["c"]': '"',
    }


def test_takes_the_texts_that_the_service_takes_and_no_others(reader: Page) -> None:
    chance = random.Random(7)
    texts = [spoilt(json.dumps(value(chance, 3)), chance) for _ in range(4000)]

    answers = reader.evaluate(READ, texts)

    taken = [isinstance(answer, list) for answer in answers]
    assert taken == [is_taken(text) for text in texts]
    assert 400 < sum(taken) < 3600


def is_taken(text: str) -> bool:
    try:
        parse_json(text.encode())
    except JsonError:
        return False
    return True


def value(chance: random.Random, depth: int) -> Any:
    kinds = [None, True, -1.5e-7, 0, 12, "text", 'a"\\\u2028\n', "\U0001f600"]
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(kinds)
    inner = [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return inner if chance.random() < 0.5 else {str(key): each for key, each in enumerate(inner)}


def spoilt(text: str, chance: random.Random) -> str:
    """Return the text with one character of it left out, put in or replaced; or as it is."""
    at = chance.randrange(len(text) + 1)
    put: str = chance.choice(["", *'{}[]:,"\\ 0.1e-tu\n\t'])
    gone = chance.randrange(2)
    return text[:at] + put + text[at + gone :]
