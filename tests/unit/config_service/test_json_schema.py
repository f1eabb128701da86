from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from app.config_service.json_schema import MAX_ERRORS, SchemaCheck
from app.config_service.schema_form import wrong_schema
from app.config_updates.schemas import variables_schemas
from app.dynamic_config.variable import Variable
from app.kit_variables import KIT_VARIABLES
from app.static_config.duration import Duration
from app.static_config.model import ConfigModel


class Inner(ConfigModel):
    """An inner object."""

    size: int = Field(default=1, ge=1, le=9, description="A size.")
    wait: Annotated[Duration, Field(gt=0, le=60)] = Field(default=1.0, description="A time.")


class Outer(ConfigModel):
    """An object."""

    name: str = Field(min_length=2, max_length=5, pattern="^[a-z]+$", description="A name.")
    kind: Literal["first", "second"] = Field(default="first", description="A kind.")
    inner: Inner | None = Field(default=None, description="An inner object.")
    many: list[Inner] = Field(default=[], max_length=2, description="Inner objects.")
    by_name: dict[str, Inner] = Field(default={}, alias="by-name", description="Inner objects.")
    ratio: float = Field(default=0.5, gt=0, multiple_of=0.5, description="A ratio.")


OUTER = Variable("OUTER", Outer, {"name": "abc"}, description="An object.", reader="tests")
TIMES = Variable(
    "TIMES",
    Annotated[Duration, Field(ge=1)] | None,
    None,
    description="A time.",
    reader="tests",
)
VARIABLES = {each.name: each for each in (*KIT_VARIABLES, OUTER, TIMES)}
CHECKS = {
    name: SchemaCheck(each.schema_) for name, each in variables_schemas(VARIABLES.values()).items()
}


def errors(schema: dict[str, Any], value: object) -> list[tuple[str, str]]:
    assert wrong_schema(schema) == ""
    found = SchemaCheck(schema).errors(value)
    return [(".".join(map(str, path)), text) for path, text in found]


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "integer"}, 1.0, "expected a whole number (got 1.0)"),
        ({"type": "integer"}, True, "expected a whole number (got true)"),
        ({"type": "number"}, True, "expected a number (got true)"),
        ({"type": "boolean"}, 0, "expected true or false (got 0)"),
        ({"type": "string"}, None, "expected a text (got nothing)"),
        ({"type": ["array", "null"]}, {}, "expected a list or null (got an empty mapping)"),
        ({"minimum": 1}, 0, "expected at least 1 (got 0)"),
        ({"maximum": 1}, 1.5, "expected at most 1 (got 1.5)"),
        ({"exclusiveMinimum": 0}, 0, "expected more than 0 (got 0)"),
        ({"exclusiveMaximum": 2}, 2, "expected less than 2 (got 2)"),
        ({"multipleOf": 5}, 7, "expected a multiple of 5 (got 7)"),
        ({"minLength": 2}, "a", "expected a text of 2 or more characters (got 'a')"),
        ({"maxLength": 1}, "ab", "expected a text of 1 or fewer characters (got 'ab')"),
        ({"pattern": "^a$"}, "a\n", "expected a text of the form ^a$ (got 'a\\n')"),
        ({"pattern": r"^\p{Lu}"}, "ä", r"expected a text of the form ^\p{Lu} (got 'ä')"),
        ({"pattern": "^(?=a)"}, "a", "expected a text of the form ^(?=a) (got 'a')"),
        ({"minItems": 1}, [], "expected 1 or more entries (got an empty list)"),
        ({"maxItems": 1}, [1, 2], "expected 1 or fewer entries (got a list)"),
        ({"minProperties": 1}, {}, "expected 1 or more entries (got an empty mapping)"),
        ({"maxProperties": 0}, {"a": 1}, "expected 0 or fewer entries (got a mapping)"),
        ({"uniqueItems": True}, [1, 1], "the same entry is there twice (got a list)"),
        ({"const": "a"}, "b", "expected \"a\" (got 'b')"),
        ({"enum": ["one"]}, 5, 'expected "one" (got 5)'),
        (
            {"enum": ["first", "second", None]},
            "secnd",
            "expected \"first\", \"second\" or null (got 'secnd'); did you mean 'second'?",
        ),
        (
            {"anyOf": [{"type": "integer"}, {"const": 7.5}, {"enum": ["a", "b"]}]},
            "x",
            'expected a whole number or 7.5 or "a" or "b" (got \'x\')',
        ),
        (
            {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"minimum": 3}}},
            1,
            "expected at least 3 (got 1)",
        ),
        (
            {"anyOf": [False, {"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "object"}}},
            1,
            "expected no value or an object (got 1)",
        ),
        ({"not": {"type": "integer"}}, 1, "expected anything but a whole number (got 1)"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, 1, "expected null (got 1)"),
    ],
)
def test_what_is_wrong_is_told_in_words(schema: dict[str, Any], value: object, text: str) -> None:
    assert errors(schema, value) == [("", text)]


def test_all_that_is_wrong_is_told_with_what_leads_to_it() -> None:
    value = {
        "name": "A",
        "kind": "frist",
        "inner": {"size": 0, "sise": 1, "wait": "2m"},
        "many": [{"size": 1}, {"size": "1"}],
        "by-name": {"a.b": None},
    }

    assert {(path, text) for path, text in CHECKS["OUTER"].errors(value)} == {
        (("name",), "expected a text of 2 or more characters (got 'A')"),
        (("name",), "expected a text of the form ^[a-z]+$ (got 'A')"),
        (("kind",), "expected \"first\" or \"second\" (got 'frist'); did you mean 'first'?"),
        (("inner", "size"), "expected at least 1 (got 0)"),
        (("inner", "sise"), "unknown option; did you mean 'size'?"),
        (("inner", "wait"), "expected at most 1m (got '2m')"),
        (("many", 1, "size"), "expected a whole number (got '1')"),
        (("by-name", "a.b"), "expected an object (got nothing)"),
    }
    assert CHECKS["OUTER"].errors({}) == [(("name",), "required, but not there")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1s", None),
        (60, None),
        ("999ms", "expected at least 1s (got '999ms')"),
        (0, "expected at least 1 (got 0)"),
        (
            "1 s",
            "expected a duration: a whole number of at most 9 digits and ms, s, m, h or d, as 10ms"
            " (got '1 s')",
        ),
        (1.5, "expected a duration or null (got 1.5)"),
    ],
)
def test_bounds_of_a_duration_hold_however_it_is_written(value: object, text: str | None) -> None:
    assert [each for _, each in CHECKS["TIMES"].errors(value)] == ([text] if text else [])


def test_keys_of_an_object_are_told_apart_by_their_patterns() -> None:
    schema = {
        "patternProperties": {"^n_": {"type": "integer"}},
        "additionalProperties": {"type": "string"},
    }

    assert errors(schema, {"n_a": 1, "n_b": "x", "a": "x", "b": 1}) == [
        ("n_b", "expected a whole number (got 'x')"),
        ("b", "expected a text (got 1)"),
    ]
    closed = {**schema, "additionalProperties": False}
    assert errors(closed, {"n_a": 1, "a": 1}) == [("a", "unknown option")]


def test_schema_is_as_deep_as_a_body_may_be() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    value: object = 1.5
    for _ in range(30):  # with `properties` and the name of each, 60
        schema, value = {"properties": {"a": schema}}, {"a": value}

    ((path, text),) = errors(schema, value)

    assert path == ".".join("a" * 30)
    assert text == "expected a whole number (got 1.5)"


def test_no_more_is_told_than_anybody_would_read() -> None:
    found = errors({"items": {"type": "integer"}}, ["x"] * 1000)

    assert len(found) == MAX_ERRORS


def test_schema_that_leads_in_a_circle_lets_nothing_pass() -> None:
    assert errors({"$ref": "#"}, 1) == [("", "cannot be checked: its schema leads in a circle")]


def test_schema_that_is_not_taken_lets_nothing_pass() -> None:
    """It may have been stored by an earlier version."""
    check = SchemaCheck({"contains": {}})

    assert check.wrong
    assert check.errors([]) == [((), f"cannot be checked: {check.wrong}")]


def test_schema_within_which_a_draft_is_named_is_as_strict() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"size": {"type": "integer"}, "more": {"$ref": "#"}},
    }

    assert errors(schema, {"more": {"size": 1.0}}) == [
        ("more.size", "expected a whole number (got 1.0)")
    ]


def test_pattern_that_takes_others_for_ever_takes_no_time() -> None:
    assert errors({"pattern": "^(a+)+$"}, "a" * 10_000 + "!") != []


# Whatever the schema is: a check ends soon.


def doubling(keyword: str) -> dict[str, Any]:
    """Return a small schema by which a value is checked two to the power of 30 times."""
    defs: dict[str, Any] = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**defs, "d30": {"type": "string"}}}


def deep(depth: int) -> Any:
    return {"a": deep(depth - 1)} if depth else {}


TOO_LARGE = "cannot be checked: too large for its schema, or the schema itself is"
TWICE_A_LEVEL = {
    "$ref": "#/$defs/x",
    "$defs": {"x": {"properties": {"a": {"allOf": [{"$ref": "#/$defs/x"}] * 2}}}},
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (doubling("allOf"), ""),
        (doubling("anyOf"), 1),
        (doubling("oneOf"), 1),
        (TWICE_A_LEVEL, deep(60)),
        ({"items": {"type": "integer"}}, [1] * 1_000_000),
        ({"allOf": [{"uniqueItems": True}] * 1000}, ["x" * 10_000]),
        ({"allOf": [{"enum": ["x"] * 1000}] * 1000}, "x"),
        ({"pattern": r"\w{0,39}!"}, "x" * 1_000_000),
        (
            {"patternProperties": {f"^{n}$": {} for n in range(1000)}},
            dict.fromkeys(map(str, range(1000))),
        ),
        ({"allOf": [{"pattern": rf"\w{{39}}{n}"} for n in range(100)]}, "x" * 100),
    ],
)
def test_check_that_would_take_long_is_given_up(schema: dict[str, Any], value: object) -> None:
    assert errors(schema, value) == [("", TOO_LARGE)]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"uniqueItems": True}, [{"a": n, "b": [n]} for n in range(3000)]),
        ({"items": {"type": "integer"}}, [1] * 30_000),
        ({"pattern": "^[a-z]+$"}, "a" * 1_000_000),
        ({"enum": [f"name-{n}" for n in range(10_000)]}, "name-9999"),
    ],
)
def test_large_values_are_checked(schema: dict[str, Any], value: object) -> None:
    assert errors(schema, value) == []


def test_what_is_wrong_with_much_at_once_is_told() -> None:
    known: dict[str, Any] = {f"some-option-{n}": {} for n in range(30)}
    schema = {"additionalProperties": False, "properties": known}

    found = errors(schema, {f"some-optoin-{n}": 1 for n in range(60)})

    assert len(found) == 60
    assert found[1] == ("some-optoin-1", "unknown option; did you mean 'some-option-1'?")


def test_number_that_no_float_is_cannot_be_checked_by_parts() -> None:
    ((_, text),) = errors({"multipleOf": 0.1}, 10**4000)

    assert text.startswith("cannot be checked: OverflowError")


# Whatever value: the config service lets pass what the service takes, and only that.

JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    0.25,
    2**70,
    "",
    "x",
    "10s",
    "first",
    [],
    {},
    [{}],
    {"x": 1},
]


def spoilt(value: Any, data: st.DataObject) -> Any:
    """Return a value in which something is another one, or missing, or too much."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return value | {key: spoilt(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [spoilt(value[0], data), *value[1:]]
    kind = data.draw(st.sampled_from(["other", "less", "more"]))
    if isinstance(value, dict) and kind == "less" and value:
        return dict(sorted(value.items())[1:])
    if isinstance(value, dict) and kind == "more":
        return value | {
            data.draw(st.sampled_from(["x", "size", "a"])): data.draw(st.sampled_from(JUNK))
        }
    return data.draw(st.sampled_from(JUNK))


GOOD: dict[str, list[Any]] = {
    "OUTER": [
        {"name": "abc", "inner": {"size": 2, "wait": "3s"}, "many": [{}], "by-name": {"a": {}}}
    ],
    "USERVER_CACHES": [
        {"a": {"update-interval-ms": 1, "update-jitter-ms": 1, "full-update-interval-ms": 1}}
    ],
}


def refusal_of(variable: Variable[Any], value: object) -> ValidationError | None:
    try:
        variable.parse(value)
    except ValidationError as error:
        return error
    return None


def of_code(error: ValidationError) -> bool:
    """Return whether only a validator in the code of the service has refused a value."""
    return all(each["type"] == "value_error" for each in error.errors())


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(VARIABLES)), st.integers(0, 3), st.data())
def test_check_lets_pass_what_the_service_takes_and_nothing_else(
    name: str, times: int, data: st.DataObject
) -> None:
    variable = VARIABLES[name]
    value: Any = data.draw(st.sampled_from([variable.dump(variable.default), *GOOD.get(name, [])]))
    for _ in range(times):
        value = spoilt(value, data)
    found = CHECKS[name].errors(value)
    refusal = refusal_of(variable, value)

    assert refusal or not found, "the service would take it"
    assert found or not refusal or of_code(refusal), "the service would refuse it"
